"""What a program was compiled against stays: abi/ has it for each release (see docs/abi.md)."""

import re
import shutil
import sys

import pytest

from harness import elf
from harness.commands import run, succeed
from harness.compile import C11, WARNINGS
from harness.paths import ROOT, library

from .test_install import VERSION

FROZEN = sorted((ROOT / "abi").iterdir())
HEADER = ROOT / "include" / "scramtoken.h"
TOOL = [sys.executable, ROOT / "packaging" / "abi.py"]

each_frozen = pytest.mark.parametrize("frozen", FROZEN, ids=lambda directory: directory.name)


# ---- the library, and the stub that stands for it ----


def test_the_stub_exports_what_the_library_does(tmp_path):
    succeed([*TOOL, "stub", tmp_path / "stub.so"])
    found = elf.exports(tmp_path / "stub.so")
    assert len(found) > 40
    assert found == elf.exports(library())


@each_frozen
def test_the_library_has_every_symbol(frozen):
    text = (frozen / "libscramtoken.abi").read_text()
    names = set(re.findall(r"<elf-symbol name='(.*?)'", text))
    assert len(names) > 40
    assert names <= elf.exports(library())


# ---- programs that were compiled against an earlier header ----


@pytest.fixture
def compiled(tmp_path):
    """Compiles a program against one header and links it with today's library."""

    def compile_against(directory, source):
        program = tmp_path / "program"
        (tmp_path / "libscramtoken.so.0").symlink_to(library())
        flags = ["-I", directory, "-x", "none", tmp_path / "libscramtoken.so.0", "-pthread"]
        succeed([*C11, *WARNINGS, source, *flags, f"-Wl,-rpath,{tmp_path},-z,now", "-o", program])
        return program

    return compile_against


@each_frozen
def test_a_program_runs_with_the_newest_library(frozen, compiled):
    program = compiled(frozen, ROOT / "tests" / "packaging" / "consumer.c")
    assert succeed([program]) == f"{VERSION} alice\n"


@each_frozen
def test_a_program_that_uses_every_function_finds_them(frozen, compiled, tmp_path):
    header = re.sub(r"/\*.*?\*/", "", (frozen / "scramtoken.h").read_text(), flags=re.DOTALL)
    functions = sorted(set(re.findall(r"\b(scramtoken_\w+)\(", header)))
    assert len(functions) > 40
    table = "".join(f"  (void (*)(void)){name},\n" for name in functions)
    source = tmp_path / "all.c"
    source.write_text(
        "#include <scramtoken.h>\n"
        f"void (*volatile all[])(void) = {{\n{table}}};\n"
        "int main(void) { return scramtoken_abi_version() != SCRAMTOKEN_ABI_VERSION; }\n"
    )
    succeed([compiled(frozen, source)])


# ---- the check, and that it can fail ----


def check(*arguments):
    return run([*TOOL, "check", *arguments])


def test_todays_header_keeps_what_was_frozen():
    done = check()
    assert done.returncode == 0, done.stderr


def test_every_release_is_frozen():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    released = re.findall(r"^## \[(\d.*?)\]", changelog, flags=re.MULTILINE)
    assert FROZEN and set(released) <= {directory.name for directory in FROZEN}


@pytest.fixture(scope="module")
def original():
    """The header that 0.1.0 froze: changes below are made to that, whatever today's has become."""
    return (ROOT / "abi" / "0.1.0" / "scramtoken.h").read_text()


@pytest.fixture
def changed(original, tmp_path):
    """The path of that header with one text replaced by another."""

    def change(old, new):
        assert re.search(old, original), f"0.1.0's header has no {old!r}"
        (tmp_path / "scramtoken.h").write_text(re.sub(old, new, original))
        return tmp_path / "scramtoken.h"

    return change


CANCEL = r"void scramtoken_client_cancel\(const struct scramtoken_client \*client\);"
RESERVED = r"uint64_t reserved\[4\];"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (CANCEL, r"\g<0>\nint32_t scramtoken_client_more(const struct scramtoken_client *client);"),
        (CANCEL, r"\g<0>\ntypedef struct scramtoken_more { int32_t more; } scramtoken_more;"),
        (r"#define SCRAMTOKEN_ERR_IO -5", r"\g<0>\n#define SCRAMTOKEN_ERR_MORE -99"),
        (r"#define SCRAMTOKEN_VERSION_MINOR 1", "#define SCRAMTOKEN_VERSION_MINOR 2"),
    ],
    ids=["function", "type", "macro", "version"],
)
def test_the_header_may_grow(changed, old, new):
    done = check(changed(old, new))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (CANCEL, "", "Removed function.*scramtoken_client_cancel"),
        (CANCEL, CANCEL.replace("const ", "").replace("\\", ""), "const scramtoken_client"),
        (
            CANCEL,
            "int32_t scramtoken_client_cancel(const scramtoken_client *client);",
            "return type",
        ),
        (
            CANCEL,
            "void scramtoken_client_cancel(const scramtoken_client *client, int32_t why);",
            "parameter 2 of type .*int32_t' was added",
        ),
        (r"uint32_t iterations;", "uint64_t iterations;", "type of 'uint32_t iterations' changed"),
        (r"uint32_t iterations;", "int32_t iterations;", "type of 'uint32_t iterations' changed"),
        (r"uint32_t iterations;", "", "data member deletion"),
        (r"uint32_t iterations;", r"\g<0> uint32_t more;", "data member insertion"),
        (r"bool doubled_nonce;", "uint8_t doubled_nonce;", "type of 'bool doubled_nonce' changed"),
        (RESERVED, "uint64_t reserved[5];", "type size changed"),
        (RESERVED, "uint64_t more[2], reserved[2];", "data member"),
        (
            r"typedef int64_t \(\*scramtoken_clock_fn\)",
            "typedef int32_t (*scramtoken_clock_fn)",
            "return type changed",
        ),
        (r"scramtoken_clock_fn", "scramtoken_time_fn", "had the type scramtoken_clock_fn"),
        (r"SCRAMTOKEN_ERR_IO -5", "SCRAMTOKEN_ERR_IO -99", "SCRAMTOKEN_ERR_IO was -5"),
        (r"#define SCRAMTOKEN_ERR_IO -5", "", "had SCRAMTOKEN_ERR_IO, which is gone"),
        (r"SCRAMTOKEN_ABI_VERSION 1", "SCRAMTOKEN_ABI_VERSION 2", "is libscramtoken.so.0 too"),
    ],
)
def test_what_is_there_may_not_change(changed, old, new, said):
    done = check(changed(old, new))
    assert done.returncode == 1
    assert re.search(said, done.stderr, flags=re.DOTALL), done.stderr
    assert "The ABI may only grow." in done.stderr


def test_another_abi_version_with_another_soname_may_change_all(changed):
    header = changed(r"SCRAMTOKEN_ABI_VERSION 1", "SCRAMTOKEN_ABI_VERSION 2")
    header.write_text(header.read_text().replace("uint32_t iterations;", "uint64_t iterations;"))
    done = check(header, "--soname", "libscramtoken.so.1")
    assert done.returncode == 0, done.stderr


def test_another_soname_alone_is_refused(changed):
    done = check(changed("$", ""), "--soname", "libscramtoken.so.1")
    assert done.returncode == 1 and "SONAME changed" in done.stderr


# ---- freezing ----


def test_a_version_is_frozen_until_it_is_tagged(tmp_path):
    for name in ("Cargo.toml", "build.rs", "include/scramtoken.h", "packaging/abi.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    freeze = [sys.executable, tmp_path / "packaging" / "abi.py", "freeze"]
    frozen = tmp_path / "abi" / VERSION / "scramtoken.h"
    git = ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.com"]
    succeed([*git, "init", "--quiet"])
    succeed([*git, "commit", "--quiet", "--allow-empty", "--message=first"])
    for _ in range(2):
        succeed(freeze)
        assert frozen.read_bytes() == HEADER.read_bytes()
    succeed([*git, "tag", f"v{VERSION}"])
    frozen.unlink()
    done = run(freeze)
    assert done.returncode == 2 and "raise the version in Cargo.toml" in done.stderr
    assert not frozen.exists()
