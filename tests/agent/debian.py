"""Programs of Debian packages, unpacked below build/: no root, nothing is installed or started."""

import subprocess

from harness.kafka.jars import locked
from harness.paths import ROOT

_UNPACKED = ROOT / "build" / "debian"


def unpacked(package):
    """The directory with the files of a package."""
    directory = _UNPACKED / package
    _UNPACKED.mkdir(parents=True, exist_ok=True)
    with locked(ROOT / "build" / "debian.lock"):
        if not (directory / "ready").exists():
            directory.mkdir(exist_ok=True)
            subprocess.run(["apt-get", "download", "--quiet", package], cwd=directory, check=True)
            (archive,) = directory.glob("*.deb")
            subprocess.run(["dpkg", "-x", archive, directory], check=True)
            archive.unlink()
            (directory / "ready").touch()
    return directory
