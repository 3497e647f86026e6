"""`make install` and `make uninstall`: what is put where, and that the program runs there."""

import os
import re

import pytest

from harness.commands import run, succeed
from harness.paths import ROOT

from .conftest import NO_CARGO

CARGO_TOML = (ROOT / "Cargo.toml").read_text()
VERSION = re.search(r'^version = "(.*)"$', CARGO_TOML, flags=re.MULTILINE).group(1)

FILES = {
    "include/scramtoken.h",
    f"lib/libscramtoken.so.{VERSION}",
    "lib/libscramtoken.so.0",
    "lib/libscramtoken.so",
    "lib/pkgconfig/scramtoken.pc",
    "lib/cmake/scramtoken/scramtokenConfig.cmake",
    "lib/cmake/scramtoken/scramtokenConfigVersion.cmake",
    "bin/scramtoken",
    "share/bash-completion/completions/scramtoken",
    "share/zsh/site-functions/_scramtoken",
    "share/fish/vendor_completions.d/scramtoken.fish",
    "share/doc/scramtoken/LICENSE-APACHE",
    "share/doc/scramtoken/LICENSE-LMDB",
    "share/doc/scramtoken/LICENSE-MIT",
    "share/doc/scramtoken/THIRD-PARTY",
}
EXECUTABLE = {"bin/scramtoken", f"lib/libscramtoken.so.{VERSION}"}
MAN_PAGE = re.compile(r"share/man/man1/scramtoken(-[a-z-]+)?\.1")


def files(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


def test_files_and_links(prefix):
    man_pages = {name for name in files(prefix) if MAN_PAGE.fullmatch(name)}
    assert {"share/man/man1/scramtoken.1", "share/man/man1/scramtoken-login.1"} <= man_pages
    assert files(prefix) - man_pages == FILES
    lib = prefix / "lib"
    assert os.readlink(lib / "libscramtoken.so") == "libscramtoken.so.0"
    assert os.readlink(lib / "libscramtoken.so.0") == f"libscramtoken.so.{VERSION}"
    built = (ROOT / "target" / "release" / "libscramtoken.so").read_bytes()
    assert (lib / "libscramtoken.so").read_bytes() == built
    header = (ROOT / "include" / "scramtoken.h").read_bytes()
    assert (prefix / "include" / "scramtoken.h").read_bytes() == header
    for name in files(prefix):
        path = prefix / name
        if not path.is_symlink():
            assert path.stat().st_mode & 0o777 == (0o755 if name in EXECUTABLE else 0o644), name
            assert path.stat().st_size > 0, name


def test_program_runs(prefix):
    assert succeed([prefix / "bin" / "scramtoken", "--version"]) == f"scramtoken {VERSION}\n"


def test_bash_completes(prefix):
    script = prefix / "share" / "bash-completion" / "completions" / "scramtoken"
    complete = f"source {script}; COMP_WORDS=(scramtoken lo); COMP_CWORD=1; "
    complete += '_scramtoken scramtoken lo scramtoken; echo "${COMPREPLY[@]}"'
    assert succeed(["bash", "-c", complete]) == "login\n"


@pytest.mark.parametrize("given", ["/opt/elsewhere", "relative/../opt/elsewhere"])
def test_prefix_is_absolute_where_files_name_it(make, tmp_path, given):
    """DESTDIR is where a package is staged: no file may name it."""
    make("install", DESTDIR=f"{tmp_path}/", PREFIX=given)
    pc = (tmp_path / "opt/elsewhere/lib/pkgconfig/scramtoken.pc").read_text()
    absolute = given if given.startswith("/") else ROOT / "opt/elsewhere"
    assert pc.startswith(f"prefix={absolute}\n")
    for path in files(tmp_path):
        assert str(tmp_path).encode() not in (tmp_path / path).read_bytes()


def test_uninstall_leaves_what_others_installed(make, tmp_path):
    make("install", DESTDIR=tmp_path, PREFIX="/usr")
    (tmp_path / "usr/lib/libother.so").touch()
    (tmp_path / "usr/lib/cmake/other").mkdir()
    make("uninstall", DESTDIR=tmp_path, PREFIX="/usr")
    assert files(tmp_path) == {"usr/lib/libother.so"}
    assert (tmp_path / "usr/lib/cmake/other").is_dir()
    assert not (tmp_path / "usr/lib/cmake/scramtoken").exists()


def test_libraries_elsewhere_and_built_for_another_machine(make, tmp_path):
    """As a packager for a multiarch system calls it: PROGRAM does not run here."""
    program = tmp_path / "other-program"
    program.write_text("for another processor")
    where = {"DESTDIR": tmp_path, "PREFIX": "/usr", "LIBDIR": "/usr/lib/some-linux-gnu"}
    documented = ROOT / "target" / "program" / "scramtoken"
    make("install-built", PROGRAM=program, DOCUMENTED=documented, **where)
    staged = tmp_path / "usr"
    expected = {re.sub("^lib/", "lib/some-linux-gnu/", name) for name in FILES}
    assert {name for name in files(staged) if not MAN_PAGE.fullmatch(name)} == expected
    assert (staged / "bin" / "scramtoken").read_text() == "for another processor"
    assert (staged / "share/man/man1/scramtoken.1").stat().st_size > 0
    pc = (staged / "lib/some-linux-gnu/pkgconfig/scramtoken.pc").read_text()
    assert "\nlibdir=${prefix}/lib/some-linux-gnu\n" in pc
    make("uninstall", **where)
    assert files(staged) == set()


def test_libraries_outside_of_the_prefix(make, tmp_path):
    make("install-built", DESTDIR=tmp_path, PREFIX="/opt/scramtoken", LIBDIR="/usr/lib64")
    pc = (tmp_path / "usr/lib64/pkgconfig/scramtoken.pc").read_text()
    assert "\nlibdir=/usr/lib64\n" in pc
    cmake = (tmp_path / "usr/lib64/cmake/scramtoken/scramtokenConfig.cmake").read_text()
    assert "${_scramtoken_cmake}/../../../../opt/scramtoken/include" in cmake


def test_nothing_built_and_no_cargo(tmp_path):
    for name in ("Makefile", "Cargo.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = run(["make", "-C", tmp_path, NO_CARGO, "install", f"DESTDIR={tmp_path}"])
    assert done.returncode != 0
    assert "run make lib program first" in done.stderr
    assert not (tmp_path / "usr").exists()
