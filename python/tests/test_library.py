"""Finding and checking the library; and that its functions are declared as the header has them."""

import os
import re
import shutil
import subprocess
from ctypes import POINTER, c_bool, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p

import pytest
from exchange import ROOT, run_python

import scramtoken
from scramtoken import _library

IMPORT = """
try:
    import scramtoken
except ImportError as error:
    print(error)
"""


def test_missing_library_names_the_variable(tmp_path):
    text = run_python(IMPORT, library=str(tmp_path / "none.so"))
    assert "none.so" in text
    assert "set SCRAMTOKEN_LIBRARY to the path of libscramtoken.so" in text


@pytest.mark.parametrize("unset", ["del os.environ['SCRAMTOKEN_LIBRARY']", ""])
def test_missing_bundled_copy_names_the_variable(unset, tmp_path):
    sources = _library.BUNDLED.parents[1]
    shutil.copytree(sources, tmp_path / "scramtoken", ignore=shutil.ignore_patterns("_native"))
    code = f"import os, sys; sys.path.insert(0, {str(tmp_path)!r}); {unset}\n"
    text = run_python(code + IMPORT, library="")
    assert str(tmp_path / "scramtoken" / "_native" / "libscramtoken.so") in text
    assert "set SCRAMTOKEN_LIBRARY" in text


def test_damaged_library(tmp_path):
    path = tmp_path / "libscramtoken.so"
    path.write_bytes(b"not ELF")
    assert "set SCRAMTOKEN_LIBRARY" in run_python(IMPORT, library=str(path))


def compiled(tmp_path, source):
    path = tmp_path / "libscramtoken.so"
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)]
    subprocess.run(command, input=source, text=True, check=True)
    return str(path)


def test_another_abi_version(tmp_path):
    functions = "".join(
        f"int scramtoken_{name}(void) {{ return 99; }}" for name in _library.FUNCTIONS
    )
    text = run_python(IMPORT, library=compiled(tmp_path, functions))
    assert f"needs a library of ABI version {_library.ABI_VERSION}" in text
    assert "has version 99" in text
    assert "set SCRAMTOKEN_LIBRARY" in text


def test_another_library(tmp_path):
    text = run_python(IMPORT, library=compiled(tmp_path, "int something_else;"))
    assert "is no libscramtoken" in text
    assert "scramtoken_version" in text


def test_versions_are_one():
    cargo = (ROOT / "Cargo.toml").read_text()
    assert scramtoken.__version__ == re.search(r'^version = "(.*)"', cargo, re.M).group(1)


def test_all_is_all():
    assert sorted(scramtoken.__all__) == scramtoken.__all__
    for name in scramtoken.__all__:
        assert getattr(scramtoken, name).__doc__


def test_import_costs_no_thread_and_no_dependency():
    code = "import sys, threading, scramtoken\nprint(threading.active_count())"
    assert run_python(code) == "1\n"


# ---- the header ----

TYPES = {
    "void": None,
    "bool": c_bool,
    "size_t": c_size_t,
    "int32_t": c_int32,
    "int64_t": c_int64,
    "uint32_t": c_uint32,
    "scramtoken_status": c_int32,
    "const char *": c_char_p,
    "const uint8_t *": c_char_p,
    "uint8_t *": c_char_p,
    "const uint8_t **": POINTER(c_void_p),
    "size_t *": POINTER(c_size_t),
    "int32_t *": POINTER(c_int32),
    "int64_t *": POINTER(c_int64),
    "const char **": POINTER(c_char_p),
    "void *": c_void_p,
    "scramtoken_finalizer_fn": _library.FINALIZER,
    "scramtoken_lookup_fn": _library.LOOKUP,
    "scramtoken_clock_fn": _library.CLOCK,
    "scramtoken_audit_fn": _library.AUDIT,
    "scramtoken_source_fn": _library.SOURCE,
    "scramtoken_user_visit_fn": _library.USER_VISIT,
    "scramtoken_token_visit_fn": _library.TOKEN_VISIT,
    "scramtoken_authorizer_fn": _library.AUTHORIZER,
    "const scramtoken_credential *": POINTER(_library.CredentialStruct),
    "scramtoken_verdict *": POINTER(_library.VerdictStruct),
}


def ctype(declaration):
    """The ctypes type of a parameter or result as C writes it, its name included."""
    text = re.sub(r"\bstruct\b|\benum\b", "", declaration)
    stars = "*" * text.count("*")
    words = text.replace("*", " ").split()
    base = 2 if words[0] == "const" else 1
    name = " ".join([*words[:base], stars]).strip()
    if name in TYPES:
        return TYPES[name]
    assert words[base - 1].startswith("scramtoken_"), declaration
    return {"*": c_void_p, "**": POINTER(c_void_p)}[stars]  # an object of the library's


def prototypes():
    header = (ROOT / "include" / "scramtoken.h").read_text()
    header = re.sub(r"/\*.*?\*/|//[^\n]*|^#[^\n]*", "", header, flags=re.S | re.M)
    pattern = r"(?:^|;|[{}])\s*([\w\s*]+?)\bscramtoken_(\w+)\s*\(([^()]*)\)\s*(?=;)"
    found = re.findall(pattern, header)
    return {name: (result, parameters) for result, name, parameters in found}


@pytest.mark.parametrize("name", list(_library.FUNCTIONS))
def test_function_is_declared_as_in_the_header(name):
    result, parameters = prototypes()[name]
    takes = [] if parameters.strip() == "void" else [ctype(p) for p in parameters.split(",")]
    assert _library.FUNCTIONS[name] == (ctype(result), *takes)


def test_structs_have_the_headers_size(tmp_path):
    source = tmp_path / "sizes.c"
    source.write_text(
        "#include <scramtoken.h>\n#include <stdio.h>\n#include <stddef.h>\n"
        'int main(void) { printf("%zu %zu %zu %zu", sizeof(scramtoken_credential),'
        " offsetof(scramtoken_credential, iterations), sizeof(scramtoken_verdict),"
        " offsetof(scramtoken_verdict, reserved)); return 0; }"
    )
    program = tmp_path / "sizes"
    include = ROOT / "include"
    subprocess.run(["cc", f"-I{include}", str(source), "-o", str(program)], check=True)
    sizes = subprocess.run([str(program)], stdout=subprocess.PIPE, check=True).stdout.split()
    credential, verdict = _library.CredentialStruct, _library.VerdictStruct
    from ctypes import sizeof

    assert [int(size) for size in sizes] == [
        sizeof(credential),
        credential.iterations.offset,
        sizeof(verdict),
        verdict.reserved.offset,
    ]


def test_library_of_the_environment_is_the_one_in_use():
    with open("/proc/self/maps") as maps:
        assert os.path.realpath(os.environ["SCRAMTOKEN_LIBRARY"]) in maps.read()
