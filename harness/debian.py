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


def foreign(architecture, *packages):
    """The directory with packages of another architecture and all that those need, unpacked. apt
    looks them up as on a machine of that kind, with a state of its own."""
    directory = _UNPACKED / "-".join((architecture, *packages))
    state, archives, root = (directory / name for name in ("state", "archives", "root"))
    with locked(ROOT / "build" / "debian.lock"):
        if not (directory / "ready").exists():
            for made in (state / "lists" / "partial", archives / "partial", root):
                made.mkdir(parents=True, exist_ok=True)
            (state / "status").touch()
            settings = {
                "APT::Architecture": architecture,
                "APT::Architectures": architecture,
                "APT::Sandbox::User": "root",
                "Debug::NoLocking": "true",
                "Dir::Cache": directory,
                "Dir::Cache::archives": archives,
                "Dir::State": state,
                "Dir::State::status": state / "status",
            }
            apt = ["apt-get", "--quiet", "--yes"]
            for name, value in settings.items():
                apt += ["-o", f"{name}={value}"]
            subprocess.run([*apt, "update"], check=True)
            install = ["install", "--download-only", "--no-install-recommends", *packages]
            subprocess.run([*apt, *install], check=True)
            for archive in sorted(archives.glob("*.deb")):
                subprocess.run(["dpkg", "-x", archive, root], check=True)
                archive.unlink()
            (directory / "ready").touch()
    return root
