"""A real Kerberos server (MIT's krb5kdc) in a directory of its own, on loopback."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness import process
from harness.commands import run
from harness.debian import unpacked

from .ports import Ports

REALM = "TEST.INVALID"
_PACKAGES = (
    *("krb5-kdc", "krb5-admin-server", "krb5-user", "libev4", "libgssrpc4", "libkadm5clnt-mit12"),
    *("libkadm5srv-mit12", "libkdb5-10", "libverto1", "libverto-libev1"),
)
_READY_SECONDS = 20

# Names are taken as they are written, so that no test depends on the machine's DNS.
_CLIENTS = """
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    localhost = {realm}
[dbmodules]
    db_module_dir = {modules}
"""
_SERVER = """
[kdcdefaults]
    kdc_listen = ""
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {directory}/principal
        key_stash_file = {directory}/stash
        acl_file = {directory}/acl
    }}
[logging]
    kdc = FILE:{directory}/kdc.log
"""


class Kdc:
    """For the length of a `with` block; `add` makes principals.

    with Kdc() as kdc:
        keytab = kdc.add("alice")
        cache = kdc.kinit("alice", kdc.directory / "cache")
    """

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="kdc-"))
        self._held = Ports("127.0.0.1", ["KDC"])
        self.port = self._held.numbers["KDC"]
        self.config = self.write_config("krb5.conf", self.port)
        server = _SERVER.format(realm=REALM, port=self.port, directory=self.directory)
        (self.directory / "kdc.conf").write_text(server)
        self.environment = {
            "KRB5_CONFIG": str(self.config),
            "KRB5_KDC_PROFILE": str(self.directory / "kdc.conf"),
        }
        self._process = None
        try:
            self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        self._held.release()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self):
        """Starts it, also after `stop`."""
        self._process = process.start(
            [_program("krb5kdc"), "-n"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | _libraries() | self.environment,
        )
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"krb5kdc does not listen:\n{self.log()}")
            time.sleep(0.05)

    def stop(self):
        if self._process:
            process.stop(self._process)
            self._process = None

    def log(self):
        log = self.directory / "kdc.log"
        return log.read_text() if log.exists() else ""

    def write_config(self, name, port):
        """A client's krb5.conf, for a KDC on this port."""
        path = self.directory / name
        path.write_text(_CLIENTS.format(realm=REALM, port=port, modules=_modules()))
        return path

    def add(self, principal, *options):
        """Makes a principal with a random key; returns its keytab."""
        keytab = self.directory / f"{principal.replace('/', '-')}.keytab"
        self._admin(f"addprinc -randkey {' '.join(options)} {principal}")
        self._admin(f"ktadd -k {keytab} {principal}")
        return keytab

    def change_key(self, principal):
        """Its keytab serves no more."""
        self._admin(f"cpw -randkey {principal}")

    def remove(self, principal):
        self._admin(f"delprinc -force {principal}")

    def kinit(self, principal, cache, *options):
        """A ticket by the principal's keytab, in a cache of its own."""
        keytab = self.directory / f"{principal.replace('/', '-')}.keytab"
        self._run("kinit", "-k", "-t", keytab, "-c", cache, *options, principal)
        return cache

    def _admin(self, query):
        # It says what failed on standard error, and exits with 0.
        done = self._run("kadmin.local", "-r", REALM, "-q", query)
        refused = [line for line in done.stderr.splitlines() if "while" in line]
        assert not refused, done.stderr

    def _run(self, name, *arguments):
        environment = os.environ | _libraries() | self.environment
        done = run([_program(name), *arguments], env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done


def _answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _program(name):
    (path,) = unpacked(*_PACKAGES).glob(f"usr/*bin/{name}")
    return path


def _modules():
    (path,) = unpacked(*_PACKAGES).glob("usr/lib/*/krb5/plugins/kdb")
    return path


def _libraries():
    return {"LD_LIBRARY_PATH": str(_modules().parents[2])}
