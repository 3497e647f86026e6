"""A Debian system in a directory, entered by chroot: as small as it gets, without services."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

from harness.commands import run, succeed
from harness.kafka.jars import locked
from harness.paths import ROOT
from harness.process import say

_CACHE = ROOT / "build" / "debian"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What every installation writes, whatever it is.
_RECORDS = re.compile(r"(proc|sys|dev|tmp|var/lib/(dpkg|apt)|var/log|var/cache)/")


class DebianRoot:
    """The root directory of a Debian system of this machine's release, with `packages` in it."""

    def __init__(self, directory, packages):
        assert os.geteuid() == 0, "a Debian root takes root: run this as root, or under sudo"
        self.directory = Path(directory)
        succeed(["tar", "--extract", "--numeric-owner", "-f", _archive(packages), "-C", directory])

    def run(self, *argv, **options):
        """Runs a program in it to its end, with no more environment than after a login."""
        environment = {"PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
        environment["DEBIAN_FRONTEND"] = "noninteractive"
        return run(["chroot", self.directory, *argv], env=environment, **options)

    def succeed(self, *argv, **options):
        done = self.run(*argv, **options)
        assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def files(self):
        """Each file and directory in it, but for what the package manager records."""
        found = {}
        for directory, names, files in os.walk(self.directory):
            for name in (*names, *files):
                path = Path(directory, name)
                relative = str(path.relative_to(self.directory))
                if not _RECORDS.match(relative):
                    found[relative] = _state(path)
        return found


def _state(path):
    if path.is_symlink():
        return os.readlink(path)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "directory"


def _archive(packages):
    """Made once: a minute, and 200 MB from wherever this machine has its packages."""
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.*")]
    sources = sorted(path for path in sources if path.suffix in (".list", ".sources"))
    sources = [path for path in sources if path.exists()]
    key = hashlib.sha256(repr(sorted(packages)).encode())
    for path in sources:
        key.update(path.read_bytes())
    archive = _CACHE / f"root-{key.hexdigest()[:16]}.tar"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with locked(_CACHE.with_suffix(".lock")):
        if not archive.exists():
            say("A Debian root: a minute")
            options = _CACHE / "apt.conf"  # proxies and the like, but no directories
            dump = succeed(["apt-config", "dump"]).splitlines(keepends=True)
            options.write_text("".join(line for line in dump if line.startswith("Acquire::")))
            partial = archive.with_name("partial.tar")
            mmdebstrap = ["mmdebstrap", "--variant=minbase", f"--aptopt={options}"]
            mmdebstrap += [f"--include={','.join(packages)}", "", partial, *sources]
            subprocess.run(mmdebstrap, check=True, stdin=subprocess.DEVNULL)
            partial.rename(archive)
    return archive
