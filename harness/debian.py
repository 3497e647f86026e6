"""Programs of Debian packages, unpacked below build/: no root, nothing is installed or started."""

import subprocess

from harness.kafka.jars import locked
from harness.paths import ROOT

_UNPACKED = ROOT / "build" / "debian"


def unpacked(package, *needed):
    """The directory with the files of a package, and of those that it needs beside itself."""
    directory = _UNPACKED / package
    _UNPACKED.mkdir(parents=True, exist_ok=True)
    with locked(ROOT / "build" / "debian.lock"):
        if not (directory / "ready").exists():
            directory.mkdir(exist_ok=True)
            download = ["apt-get", "download", "--quiet", package, *needed]
            if subprocess.run(download, cwd=directory).returncode != 0:
                # A machine that has not looked yet, or whose list names a version that is gone.
                subprocess.run(["apt-get", "update", "--quiet"], check=True)
                subprocess.run(download, cwd=directory, check=True)
            for archive in directory.glob("*.deb"):
                subprocess.run(["dpkg", "-x", archive, directory], check=True)
                archive.unlink()
            (directory / "ready").touch()
    return directory
