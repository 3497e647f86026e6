"""A real PostgreSQL server in a directory of its own, on loopback."""

import os
import pwd
import shutil
import tempfile
import time
from pathlib import Path

from harness.commands import run, succeed
from harness.debian import unpacked
from harness.kafka.ca import CertificateAuthority
from harness.kafka.ports import Ports
from harness.process import start, stop

_PACKAGES = ("postgresql-15", "postgresql-client-15", "libpq5")
_READY_S = 60


class Postgres:
    """For the length of a `with` block; its administrator needs no password.

    PostgreSQL refuses root. Where root runs the tests, the server is nobody's, with a copy of the
    programs, since nobody may not read the repository everywhere.
    """

    def __init__(self):
        self._process = None
        self._owner = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._owner = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def __enter__(self):
        self._ports = Ports("127.0.0.1", ["postgres"])
        self.port = self._ports.numbers["postgres"]
        self._directory = Path(tempfile.mkdtemp(prefix="scramtoken-postgres-"))
        try:
            self._copy_programs()
            self.authority = CertificateAuthority(self._directory)
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process:
            stop(self._process)
        self._ports.release()
        shutil.rmtree(self._directory)

    def sql(self, text):
        """What statements of the administrator's print."""
        return succeed(self._psql(text), **self._options())

    def psql(self, port, role, password, **settings):
        """Its client as a process of its own, at a port of this host."""
        environment = self._options()["env"] | {"PGPASSWORD": password} | settings
        argv = [self._program("psql"), "-X", "-w", "-h", "127.0.0.1", "-p", port, "-U", role]
        return start([*argv, "-d", "postgres", "-c", "SELECT 1"], env=environment)

    def _copy_programs(self):
        root = unpacked(*_PACKAGES)
        for part in ("lib/postgresql/15/bin", "lib/postgresql/15/lib", "share/postgresql/15"):
            compiler = shutil.ignore_patterns("bitcode", "llvmjit*")
            shutil.copytree(root / "usr" / part, self._directory / part, ignore=compiler)
        for library in root.glob("usr/lib/*/libpq.so.5"):
            shutil.copy(library, self._directory / "lib")

    def _begin(self):
        data, key = self._directory / "data", self._directory / "server.pem"
        key.chmod(0o600)
        if self._owner:
            for path in (self._directory, key):
                os.chown(path, self._owner["user"], self._owner["group"])
        initdb = [self._program("initdb"), "-D", data, "-U", "admin", "-E", "UTF8", "--locale=C"]
        succeed([*initdb, "--no-sync"], **self._options())
        (data / "pg_hba.conf").write_text("local all admin trust\nhost all all all scram-sha-256\n")
        argv = [self._program("postgres"), "-D", data]
        for setting in (
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self._directory}",
            "ssl=on",
            f"ssl_cert_file={key}",
            f"ssl_key_file={key}",
            "fsync=off",
        ):
            argv += ["-c", setting]
        with open(self._directory / "log", "wb") as log:
            self._process = start(argv, stdout=log, stderr=log, **self._options())
        deadline = time.monotonic() + _READY_S
        while run(self._psql("SELECT 1"), **self._options()).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._directory / "log").read_text())
            time.sleep(0.1)

    def _psql(self, text):
        argv = [self._program("psql"), "-h", self._directory, "-p", self.port, "-U", "admin"]
        return [*argv, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", text]

    def _program(self, name):
        return self._directory / "lib" / "postgresql" / "15" / "bin" / name

    def _options(self):
        environment = {
            "LD_LIBRARY_PATH": str(self._directory / "lib"),
            "LC_ALL": "C.UTF-8",
            "PATH": os.environ["PATH"],
        }
        return {"env": environment, "cwd": self._directory, **self._owner}
