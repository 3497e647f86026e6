"""GNU SASL's command line, from Debian's packages. It has SCRAM-SHA-256 and not -512."""

from harness.debian import unpacked

from .lines import LineProgram

MECHANISM = "SCRAM-SHA-256"
_PACKAGES = ("gsasl", "libgsasl18", "libgssglue1", "libidn12", "libntlm0")


class GsaslClient(LineProgram):
    def __init__(self, name, password, *options, mechanism=MECHANISM):
        options = [f"--authentication-id={name}", f"--password={password}", *options]
        super().__init__(_command("--client", mechanism, options), environment=_environment())

    def first(self):
        return self.receive()

    def finish(self, server_final):
        """It believes the server, or Ended."""
        self.send(server_final)
        self.say("")
        self.wait_for("Client authentication finished (server trusted)")


class GsaslServer(LineProgram):
    """For one login, by anybody who knows the password."""

    def __init__(self, password, *options):
        options = [f"--password={password}", *options]
        super().__init__(_command("--server", MECHANISM, options), environment=_environment())

    def begin(self, mechanism, client_first):
        assert mechanism == MECHANISM
        self.send(client_first)

    def finish(self):
        self.say("")
        self.wait_for("Server authentication finished (client trusted)")


def _command(side, mechanism, options):
    program = unpacked(*_PACKAGES) / "usr" / "bin" / "gsasl"
    return [program, side, f"--mechanism={mechanism}", *options]


def _environment():
    (libraries,) = unpacked(*_PACKAGES).glob("usr/lib/*-linux-gnu*")
    # Without a locale of UTF-8 it takes names and passwords for another encoding's.
    return {"LD_LIBRARY_PATH": str(libraries), "LC_ALL": "C.UTF-8"}
