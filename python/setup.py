"""Builds the wheel: the library and the program `scramtoken`, and a tag that says that they fit
every Python 3 of one platform. Everything else is in pyproject.toml.

Cargo builds both from the crate around this directory, unless SCRAMTOKEN_PREBUILT names a directory
that holds them (`libscramtoken.so` and `scramtoken`). Then SCRAMTOKEN_PLATFORM_TAG is the platform
that they were built for, such as musllinux_1_2_x86_64, and SCRAMTOKEN_BOM a directory with their
bills of materials, which go where PEP 770 has them.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

CRATE = Path(__file__).resolve().parent.parent / "Cargo.toml"
BUILD = CRATE.parent / "build" / "python"
# setuptools has none of its own, and distutils is no module of Python's any more.
build_scripts = Distribution().get_command_class("build_scripts")
PREBUILT = os.environ.get("SCRAMTOKEN_PREBUILT")

LIBRARY = [
    "rustc",
    "--release",
    "--lib",
    "--crate-type",
    "cdylib",
    "--features",
    "capi,jni,rdkafka",
]
PROGRAM = ["build", "--profile", "program", "--bin", "scramtoken", "--features", "cli"]


def built(name: str, arguments: "list[str]") -> Path:
    """The path of a file of this name that cargo builds, or that was built before."""
    if PREBUILT:
        return Path(PREBUILT, name)
    if shutil.which("cargo") is None:
        raise SystemExit("building scramtoken takes Rust: cargo is not on PATH")
    command = ["cargo", *arguments, "--locked", "--manifest-path", str(CRATE)]
    command += ["--message-format", "json-render-diagnostics"]
    messages = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    for message in map(json.loads, messages.splitlines()):
        if message["reason"] == "compiler-artifact" and message["manifest_path"] == str(CRATE):
            for path in map(Path, message["filenames"]):
                if path.name == name:
                    return path
    raise SystemExit(f"cargo built no {name}: scramtoken's wheel is for Linux")


class BuildWithLibrary(build_py):
    def run(self) -> None:
        shutil.rmtree(Path(self.build_lib, "scramtoken"), ignore_errors=True)  # of an older build
        super().run()
        in_place = self.get_package_dir("scramtoken")
        package = in_place if self.editable_mode else Path(self.build_lib, "scramtoken")
        target = Path(package, "_native", "libscramtoken.so")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built(target.name, LIBRARY), target)


class BuildProgram(build_scripts):
    """Takes the wheel's one script as it is: setuptools would read it as Python."""

    def get_source_files(self) -> "list[str]":
        return []

    def run(self) -> None:
        target = Path(self.build_dir, "scramtoken")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built(target.name, PROGRAM), target)
        target.chmod(0o755)


class PlatformDistribution(Distribution):
    def has_ext_modules(self) -> bool:
        return True


class PlatformWheel(bdist_wheel):
    def get_tag(self) -> "tuple[str, str, str]":
        platform = os.environ["SCRAMTOKEN_PLATFORM_TAG"] if PREBUILT else super().get_tag()[2]
        return "py3", "none", platform

    def egg2dist(self, egginfo_path: str, distinfo_path: str) -> None:
        super().egg2dist(egginfo_path, distinfo_path)
        if PREBUILT:
            sboms = Path(distinfo_path, "sboms")
            # Without the modes that they have here.
            shutil.copytree(os.environ["SCRAMTOKEN_BOM"], sboms, copy_function=shutil.copyfile)


if not CRATE.is_file():
    raise SystemExit("scramtoken is built from a checkout of the whole project")
BUILD.mkdir(parents=True, exist_ok=True)
setup(
    version=re.search(r'^version = "(.*)"$', CRATE.read_text(), re.MULTILINE).group(1),
    options={"build": {"build_base": str(BUILD)}, "egg_info": {"egg_base": str(BUILD)}},
    scripts=["scramtoken"],
    distclass=PlatformDistribution,
    cmdclass={
        "build_py": BuildWithLibrary,
        "build_scripts": BuildProgram,
        "bdist_wheel": PlatformWheel,
    },
)
