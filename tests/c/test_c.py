"""The C API, tested in C: every test_*.c here compiled as C11 and as C++17 and run plain, as C11
under valgrind, too; and the header by itself."""

import base64
import hashlib
import hmac
import re

import pytest

from harness.commands import run, succeed
from harness.compile import C11, LANGUAGES, VALGRIND, check_syntax, compile_program
from harness.paths import BUILD, ROOT, library

from . import SOURCES

HEADER = ROOT / "include" / "scramtoken.h"
PROGRAMS = sorted(path.stem for path in SOURCES.glob("test_*.c"))
NOT_UNDER_VALGRIND = {"test_wipe"}  # it would find valgrind's own copies of the secrets
LOADS_BY_ITSELF = {"test_dlopen"}

languages = pytest.mark.parametrize("language", LANGUAGES.values(), ids=list(LANGUAGES))


def program(name, language):
    output = BUILD / "c" / f"{name}-{language[-1].removeprefix('-std=')}"
    source = SOURCES / f"{name}.c"
    return compile_program(source, output, language, linked=name not in LOADS_BY_ITSELF)


@languages
@pytest.mark.parametrize("name", PROGRAMS)
def test_plain(name, language):
    succeed([program(name, language)])


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in NOT_UNDER_VALGRIND])
def test_valgrind(name):
    succeed([*VALGRIND, program(name, C11)])


@languages
@pytest.mark.parametrize("times", [1, 2])
def test_header_by_itself(times, language):
    check_syntax(language, "#include <scramtoken.h>\n" * times + "int main(void) { return 0; }\n")


@languages
@pytest.mark.parametrize("name", ["login", "server"])
def test_example_compiles(name, language):
    check_syntax(language, f'#include "{ROOT / "examples" / "c" / name}.c"\n')


def test_every_function_is_called():
    """A function of the header that no C test calls is not tested."""
    header = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    functions = set(re.findall(r"\b(scramtoken_\w+)\(", header))
    assert len(functions) > 40
    sources = "".join(path.read_text() for path in SOURCES.glob("*.[ch]"))
    called = set(re.findall(r"\b(scramtoken_\w+)\(", sources))
    assert functions - called == set()


def test_soname():
    dynamic = succeed(["readelf", "--dynamic", library()])
    assert "Library soname: [libscramtoken.so.0]" in dynamic
    assert "NODELETE" in dynamic


def test_a_failing_check_fails(tmp_path):
    """The macros that every test stands on."""
    source = tmp_path / "failing.c"
    for check in (
        "CHECK(1 == 2)",
        "CHECK_INT(1, 2)",
        "CHECK_OK(SCRAMTOKEN_CONTINUE)",
        'CHECK_TEXT("a", "b")',
        'CHECK_CONTAINS("a", "b")',
        'CHECK_BYTES("a", 1, "b")',
    ):
        source.write_text(f'#include "{SOURCES / "check.h"}"\nint main(void) {{ {check}; }}\n')
        failing = compile_program.__wrapped__(source, BUILD / "c" / "failing")
        done = run([failing])
        assert done.returncode == 1
        assert "failing.c:2: " in done.stderr


# ---- the known answers, by Python's hashlib ----


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def known_answers(algorithm, final_nonce):
    client_nonce, server_nonce = "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    salt = "W22ZaJ0SNY7soEsUEjb6gQ=="
    first = f"n=user,r={client_nonce}"
    challenge = f"r={client_nonce}{server_nonce},s={salt},i=4096"
    final = f"c=biws,r={final_nonce.format(client=client_nonce, server=server_nonce)}"
    auth_message = f"{first},{challenge},{final}".encode()
    salted = hashlib.pbkdf2_hmac(algorithm, b"pencil", base64.b64decode(salt), 4096)
    client_key = hmac.digest(salted, b"Client Key", algorithm)
    server_key = hmac.digest(salted, b"Server Key", algorithm)
    stored_key = hashlib.new(algorithm, client_key).digest()
    proof = xor(client_key, hmac.digest(stored_key, auth_message, algorithm))
    signature = hmac.digest(server_key, auth_message, algorithm)
    return {
        "VECTOR_CLIENT_FIRST": f"n,,{first}",
        "VECTOR_SERVER_FIRST": challenge,
        "PROOF": base64.b64encode(proof).decode(),
        "SIGNATURE": base64.b64encode(signature).decode(),
        "STORED_KEY": stored_key.hex(),
        "SERVER_KEY": server_key.hex(),
    }


def defined(name):
    """The text that a macro of vectors.h stands for."""
    source = f'#include "{SOURCES / "vectors.h"}"\n{name}\n'
    text = succeed([*C11, "-E", "-P", "-"], input=source)
    return "".join(re.findall(r'"([^"]*)"', text))


@pytest.mark.parametrize(
    ("prefix", "algorithm", "final_nonce"),
    [
        ("SHA_256_", "sha256", "{client}{server}"),
        ("SHA_512_", "sha512", "{client}{server}"),
        ("SHA_256_DOUBLED_", "sha256", "{client}{client}{server}"),
    ],
)
def test_known_answers(prefix, algorithm, final_nonce):
    for name, answer in known_answers(algorithm, final_nonce).items():
        if prefix == "SHA_256_DOUBLED_" and name.endswith("KEY"):
            continue  # the keys do not depend on the messages
        assert defined(name if name.startswith("VECTOR") else prefix + name) == answer
