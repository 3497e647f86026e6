"""Programs of someone else's, built against the installed prefix in the three usual ways."""

import os
import shutil
from pathlib import Path

import pytest

from harness.commands import run, succeed
from harness.compile import C11, CXX17, WARNINGS

from .test_install import VERSION

HERE = Path(__file__).parent
CONSUMER = HERE / "consumer.c"
LOGGED_IN = f"{VERSION} alice\n"
MAJOR, MINOR, PATCH = map(int, VERSION.split("."))
SERIES = f"{MAJOR}.{MINOR}"
NEXT = f"{MAJOR}.{MINOR}.{PATCH + 1}"


def finding(prefix):
    """The environment in which the loader finds the library of that prefix."""
    return {**os.environ, "LD_LIBRARY_PATH": str(prefix / "lib")}


def pkg_config(prefix, *arguments):
    environment = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    # --define-prefix: the prefix was staged by DESTDIR.
    return succeed(["pkg-config", "--define-prefix", *arguments], env=environment)


# ---- pkg-config ----


@pytest.mark.parametrize("language", [C11, CXX17], ids=["c11", "c++17"])
def test_pkg_config(prefix, tmp_path, language):
    flags = pkg_config(prefix, "--cflags", "--libs", "scramtoken").split()
    assert f"-I{prefix}/include" in flags
    program = tmp_path / "consumer"
    compiler, *options = language
    succeed([compiler, *WARNINGS, *options, CONSUMER, "-x", "none", "-o", program, *flags])
    assert succeed([program], env=finding(prefix)) == LOGGED_IN


def test_pkg_config_knows_the_version(prefix):
    assert pkg_config(prefix, "--modversion", "scramtoken") == f"{VERSION}\n"


# ---- CMake ----

CMAKE_LISTS = """
cmake_minimum_required(VERSION 3.13)
project(consumer LANGUAGES C)
find_package(scramtoken {version} CONFIG REQUIRED)
find_package(scramtoken {version} CONFIG REQUIRED) # as when two subprojects need it
add_executable(consumer "{source}")
target_link_libraries(consumer PRIVATE scramtoken::scramtoken)
"""


def configure(prefix, directory, version):
    (directory / "CMakeLists.txt").write_text(CMAKE_LISTS.format(version=version, source=CONSUMER))
    return run(
        ["cmake", "-S", directory, "-B", directory / "build", f"-DCMAKE_PREFIX_PATH={prefix}"]
    )


@pytest.fixture(params=["installed", "moved", "multiarch", "linked"])
def tree(request, make, prefix, tmp_path):
    """The prefix as it was installed; a copy elsewhere: a container's layer, an SDK; with libraries
    where Debian has them; and found through a link, as /lib is one to /usr/lib."""
    if request.param == "installed":
        return prefix
    if request.param == "multiarch":
        triplet = succeed(["gcc", "-print-multiarch"]).strip()
        make("install-built", DESTDIR=tmp_path, PREFIX="/usr", LIBDIR=f"/usr/lib/{triplet}")
        return tmp_path / "usr"
    if request.param == "linked":
        (tmp_path / "lib").symlink_to(prefix / "lib")
        return tmp_path
    return shutil.copytree(prefix, tmp_path / "moved elsewhere", symlinks=True)


def test_cmake(tree, tmp_path):
    done = configure(tree, tmp_path, version=SERIES)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    succeed(["cmake", "--build", tmp_path / "build"])
    program = tmp_path / "build" / "consumer"
    assert succeed([program]) == LOGGED_IN  # by the run path that CMake gives it
    needed = succeed(["readelf", "--dynamic", program])
    assert "Shared library: [libscramtoken.so.0]" in needed


@pytest.mark.parametrize("version", ["", SERIES, VERSION, f"{VERSION} EXACT"])
def test_cmake_finds_a_compatible_version(prefix, tmp_path, version):
    done = configure(prefix, tmp_path, version)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "version",
    ["0.0.9", NEXT, f"{NEXT} EXACT", f"{MAJOR}.{MINOR + 1}", f"{SERIES}0", f"{MAJOR + 1}.0"],
)
def test_cmake_refuses_an_incompatible_version(prefix, tmp_path, version):
    done = configure(prefix, tmp_path, version)
    assert done.returncode != 0
    assert f"scramtokenConfig.cmake, version: {VERSION}" in done.stderr


# ---- dlopen ----


def test_dlopen_by_soname(prefix, tmp_path):
    program = tmp_path / "by_soname"
    flags = pkg_config(prefix, "--cflags", "scramtoken").split()
    succeed([*C11, *WARNINGS, HERE / "by_soname.c", "-x", "none", "-o", program, *flags, "-ldl"])
    assert succeed([program], env=finding(prefix)) == f"{VERSION}\n"
    lost = run([program], env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)})
    assert lost.returncode == 1
    assert "libscramtoken.so.0: cannot open shared object file" in lost.stderr
