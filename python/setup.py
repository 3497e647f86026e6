"""Builds the wheel: the library by cargo, from the crate around this directory, and a tag that
says that it fits every Python 3 of one platform. Everything else is in pyproject.toml."""

import json
import shutil
import subprocess
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

CRATE = Path(__file__).resolve().parent.parent / "Cargo.toml"
BUILD = CRATE.parent / "build" / "python"


def cargo_build() -> str:
    """Builds the shared library, and returns its path."""
    if shutil.which("cargo") is None:
        raise SystemExit("building scramtoken takes Rust: cargo is not on PATH")
    command = ["cargo", "rustc", "--release", "--lib", "--crate-type", "cdylib", "--locked"]
    command += ["--features", "capi,jni,rdkafka"]
    command += ["--manifest-path", str(CRATE), "--message-format", "json-render-diagnostics"]
    messages = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    for message in map(json.loads, messages.splitlines()):
        if message["reason"] == "compiler-artifact" and message["manifest_path"] == str(CRATE):
            for path in message["filenames"]:
                if path.endswith("libscramtoken.so"):
                    return path
    raise SystemExit("cargo built no libscramtoken.so: scramtoken's wheel is for Linux")


class BuildWithLibrary(build_py):
    def run(self) -> None:
        shutil.rmtree(Path(self.build_lib, "scramtoken"), ignore_errors=True)  # of an older build
        super().run()
        in_place = self.get_package_dir("scramtoken")
        package = in_place if self.editable_mode else Path(self.build_lib, "scramtoken")
        target = Path(package, "_native", "libscramtoken.so")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cargo_build(), target)


class PlatformDistribution(Distribution):
    def has_ext_modules(self) -> bool:
        return True


class PlatformWheel(bdist_wheel):
    def get_tag(self) -> "tuple[str, str, str]":
        return "py3", "none", super().get_tag()[2]


if not CRATE.is_file():
    raise SystemExit("scramtoken is built from a checkout of the whole project")
BUILD.mkdir(parents=True, exist_ok=True)
setup(
    options={"build": {"build_base": str(BUILD)}, "egg_info": {"egg_base": str(BUILD)}},
    distclass=PlatformDistribution,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
)
