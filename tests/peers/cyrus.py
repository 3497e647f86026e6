"""Cyrus SASL's sample client and server, from Debian's packages."""

from harness.commands import succeed
from harness.debian import unpacked

from .lines import LineProgram

MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
_PACKAGES = ("sasl2-bin", "libsasl2-2", "libsasl2-modules", "libsasl2-modules-db", "libdb5.3")
_DOMAIN = "test.invalid"


class CyrusClient(LineProgram):
    def __init__(self, mechanism, name, password, authzid=""):
        program = unpacked(*_PACKAGES) / "usr" / "bin" / "sasl-sample-client"
        argv = [program, "-p", _modules(), "-m", mechanism, "-a", name, "-u", authzid]
        super().__init__(argv, ours="S: ", theirs="C: ", environment=_environment())
        self._mechanism, self._password = mechanism, password

    def first(self):
        self.send(self._mechanism.encode())
        self.wait_for("Password: ")
        self.say(self._password)
        mechanism, _, message = self.receive().partition(b"\0")
        assert mechanism.decode() == self._mechanism
        return message

    def finish(self, server_final):
        """It believes the server, or Ended."""
        self.send(server_final)
        self.wait_for("Negotiation complete")


class CyrusUsers:
    """What its servers look users up in: passwords, by sasldb."""

    def __init__(self, directory):
        self._database = directory / "sasldb2"
        self._environment = _environment() | {
            "SASL_CONF_PATH": str(directory),
            "SASL_PATH": str(_modules()),
        }
        (directory / "sample.conf").write_text(
            f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {self._database}\n"
        )

    def put(self, name, password):
        program = unpacked(*_PACKAGES) / "usr" / "sbin" / "saslpasswd2"
        argv = [program, "-p", "-c", "-a", "sample", "-u", _DOMAIN, "-f", self._database, name]
        succeed(argv, input=password, env=self._environment)

    def server(self, mechanism):
        """For one login."""
        return CyrusServer(mechanism, self._environment)


class CyrusServer(LineProgram):
    def __init__(self, mechanism, environment):
        program = unpacked(*_PACKAGES) / "usr" / "sbin" / "sasl-sample-server"
        argv = [program, "-p", _modules(), "-m", mechanism, "-u", _DOMAIN]
        super().__init__(argv, ours="C: ", theirs="S: ", environment=environment)

    def begin(self, mechanism, client_first):
        assert self.receive().decode() == mechanism
        self.send(mechanism.encode() + b"\0" + client_first)

    def finish(self):
        self.send(b"")  # the server's last message was a challenge to it
        self.wait_for("Negotiation complete")


def _modules():
    (modules,) = unpacked(*_PACKAGES).glob("usr/lib/*/sasl2")
    return modules


def _environment():
    return {"LD_LIBRARY_PATH": str(_modules().parent), "LC_ALL": "C.UTF-8"}
