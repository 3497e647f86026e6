"""docs/c-api.md: its programs are compiled and run as they stand, its names and links exist."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from harness.commands import run, succeed
from harness.compile import C11, LANGUAGES, VALGRIND, WARNINGS, check_syntax
from harness.paths import ROOT

from .test_consumers import finding, pkg_config

HERE = Path(__file__).parent
MANUAL = ROOT / "docs" / "c-api.md"
TEXT = MANUAL.read_text()
HEADER = (ROOT / "include" / "scramtoken.h").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
C_BLOCKS = [block for language, block in BLOCKS if language == "c"]

CREDENTIALS = """
user  alice    pencil    -      -1
token token-1  aG1hYw==  bob    -1
token old      aG1hYw==  bob    1600000000000
token alice    aG1hYw==  mallory -1
"""
MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]


# ---- the programs ----


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A directory with every C file of the manual; each begins with its own name."""
    directory = tmp_path_factory.mktemp("manual")
    for block in C_BLOCKS:
        name = re.match(r"/\* (\w+\.[ch]): ", block)
        assert name, f"a block of C says no file name:\n{block}"
        (directory / name.group(1)).write_text(block)
    assert {path.name for path in directory.iterdir()} == {
        "frames.h",
        "client.c",
        "server.c",
        "callbacks.c",
        "reconnect.c",
        "rotated.c",
        "authority.c",
    }
    return directory


@pytest.fixture(scope="module")
def build(prefix, sources):
    """Compiles as the manual says, and with every warning an error."""
    flags = pkg_config(prefix, "--cflags", "--libs", "scramtoken").split()

    def compiled(source):
        program = sources / source.stem
        succeed([*C11, *WARNINGS, "-g", "-I", sources, source, "-x", "none", "-o", program, *flags])
        return program

    return compiled


@pytest.fixture(scope="module")
def client(build, sources):
    return build(sources / "client.c")


@pytest.fixture
def server(build, sources, prefix):
    """The server's process, stopped whatever happens; its first line was the port."""
    process = subprocess.Popen(
        [build(sources / "server.c")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=finding(prefix),
    )
    with process:
        try:
            process.stdin.write(CREDENTIALS)
            process.stdin.close()
            process.port = process.stdout.readline().strip()
            yield process
        finally:
            process.kill()


def log_in(prefix, server, client, mechanism, kind, name, secret):
    argv = [*client, server.port, mechanism, kind, name]
    return run(argv, input=secret, env=finding(prefix))


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_logins(prefix, server, client, mechanism):
    for kind, name, secret, verdict in [
        ("user", "alice", "pencil", "alice is in"),
        ("token", "token-1", "aG1hYw==", "bob is in, by a token"),
        ("token", "alice", "aG1hYw==", "mallory is in, by a token"),
    ]:
        done = log_in(prefix, server, [client], mechanism, kind, name, secret)
        assert done.stdout == "logged in, and the server has proved itself\n", done.stderr
        assert done.returncode == 0
        assert server.stdout.readline() == f"{verdict}\n"


@pytest.mark.parametrize(
    ("kind", "name", "secret", "reason"),
    [
        ("user", "alice", "pencils", "INVALID_PROOF"),
        ("user", "nobody", "pencil", "UNKNOWN_USER"),
        ("user", "token-1", "aG1hYw==", "UNKNOWN_USER"),
        ("user", "alice", "aG1hYw==", "INVALID_PROOF"),
        ("token", "alice", "pencil", "INVALID_PROOF"),
        ("token", "old", "aG1hYw==", "TOKEN_EXPIRED"),
    ],
)
def test_refusals(prefix, server, client, kind, name, secret, reason):
    """The client is told the same of all; the server's log knows better."""
    done = log_in(prefix, server, [client], "SCRAM-SHA-256", kind, name, secret)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("client: SERVER_REFUSED: ")
    assert "invalid-proof" in done.stderr
    assert server.stdout.readline().startswith(f"refused: {reason}: ")


def test_misuse(prefix, server, client):
    for mechanism, name, secret, text in [
        ("SCRAM-SHA-1", "alice", "pencil", "neither SCRAM-SHA-256 nor SCRAM-SHA-512"),
        ("SCRAM-SHA-256", "alice", "", "password is empty"),
        ("SCRAM-SHA-256", "", "pencil", "user name is empty"),
    ]:
        done = log_in(prefix, server, [client], mechanism, "user", name, secret)
        assert done.returncode == 1
        assert text in done.stderr


def test_client_leaks_nothing(prefix, server, client):
    valgrind = [*VALGRIND, client]
    done = log_in(prefix, server, valgrind, "SCRAM-SHA-256", "user", "alice", "pencil")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def directory(prefix, build, tmp_path):
    """Runs directory.c on a token that is rotated, under what the arguments say."""
    current, following = tmp_path / "token.json", tmp_path / "next.json"
    for path, token_id in [(current, "alice"), (following, "token-1")]:
        path.write_text(json.dumps({"token_id": token_id, "hmac": "aG1hYw=="}))
        path.chmod(0o600)
    program = build(HERE / "directory.c")

    def run_under(*argv):
        return run([*argv, program, f"file:{current}", current, following], env=finding(prefix))

    return run_under


def test_callbacks_key_cache_and_source(directory):
    done = directory(*VALGRIND)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "alice: OK alice",
        "alice: INVALID_PROOF ",
        "token-1: OK bob",
        "nobody: UNKNOWN_USER ",
        "broken: IO ",
        "token alice: OK bob",
        "token alice: OK bob",
        "the token id is empty",
        "source: OK bob",
        "source: OK bob",
        "source: OK bob",
        "free the config",
        "closed",
    ]


def test_audit_lines_and_warnings(directory):
    lines = [re.sub(r"^1\d{12} ", "", line) for line in directory().stderr.splitlines()]
    assert lines[:-1] == [
        "login OK: alice",
        "login INVALID_PROOF: alice",
        "login OK: token-1, a token of bob",
        "login UNKNOWN_USER: nobody",
        "login IO: broken",
        "login OK: alice, a token of bob",
        "login OK: alice, a token of bob",
        "login OK: alice, a token of bob",
        "login OK: token-1, a token of bob",
        "login OK: token-1, a token of bob",
    ]
    assert lines[-1].startswith("warning: ")
    assert "token.json" in lines[-1]


def test_a_token_authority(prefix, build, sources, tmp_path):
    authority = build(sources / "authority.c")
    for argv in ([*VALGRIND, authority, "memory:"], [authority, f"lmdb:{tmp_path / 'store'}"]):
        done = run([*argv, "sixteen bytes or more"], env=finding(prefix))
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"a token of User:alice, until \d{13}\n", done.stdout)
    refused = run([authority, "memory:", "a short key"], env=finding(prefix))
    assert refused.returncode == 1
    assert refused.stderr.startswith("key: INVALID_ARGUMENT: the secret key has 11 bytes")


def test_cmake_lines(prefix, sources, tmp_path):
    (lines,) = (block for language, block in BLOCKS if language == "cmake")
    text = "cmake_minimum_required(VERSION 3.13)\nproject(client LANGUAGES C)\n" + lines
    add_client = f'add_executable(client "{sources / "client.c"}")\n'
    text = text.replace("target_link_libraries", add_client + "target_link_libraries")
    (tmp_path / "CMakeLists.txt").write_text(text)
    build = tmp_path / "build"
    succeed(["cmake", "-S", tmp_path, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}"])
    succeed(["cmake", "--build", build])
    assert run([build / "client"]).returncode == 2  # usage


# ---- the header's own examples ----

AROUND_EXAMPLES = """
#include <scramtoken.h>
void exchange(const uint8_t *out, size_t out_len, const uint8_t **in, size_t *in_len);
void receive(const uint8_t **in, size_t *in_len);
void send_back(const uint8_t *out, size_t out_len);
void supply(scramtoken_server *server);
void example(const uint8_t *name, size_t name_len, const uint8_t *password, size_t password_len,
             scramtoken_server_config *config);
void example(const uint8_t *name, size_t name_len, const uint8_t *password, size_t password_len,
             scramtoken_server_config *config) {
  scramtoken_client *client;
  scramtoken_server *server;
  scramtoken_status status;
"""


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=list(LANGUAGES))
def test_the_headers_examples_compile(language):
    blocks = re.findall(r"^ \* ```c\n(.*?)^ \* ```$", HEADER, flags=re.MULTILINE | re.DOTALL)
    client, server = (re.sub(r"^ \* ?", "", block, flags=re.MULTILINE) for block in blocks)
    unused = "(void)name, (void)name_len, (void)password, (void)password_len, (void)config;"
    unused += "(void)client, (void)server;"
    check_syntax(language, f"{AROUND_EXAMPLES}{unused}\n{client}}}\n")
    check_syntax(language, f"{AROUND_EXAMPLES}{unused}\n{server}}}\n")


# ---- the text ----


def test_errors_table_is_the_header():
    table = dict(re.findall(r"^\| ([A-Z_]+) \| (-\d+) \|", TEXT, flags=re.MULTILINE))
    header = dict(re.findall(r"^#define SCRAMTOKEN_ERR_([A-Z_]+) (-\d+)$", HEADER, re.MULTILINE))
    assert list(table.items()) == list(header.items())
    assert len(header) > 20


def test_every_name_is_in_the_header():
    names = set(re.findall(r"\b(?:scramtoken|SCRAMTOKEN)_\w*\w\b(?!-)", TEXT))
    stems = {name for name in names if name.endswith("_")}  # as in scramtoken_lookup_reply_*
    assert len(names) > 40
    assert {name for name in names - stems if not re.search(rf"\b{name}\b", HEADER)} == set()
    assert {stem for stem in stems if stem not in HEADER} == set()


def test_links_lead_somewhere():
    headings = re.findall(r"^#+ (.*)$", TEXT, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        if target.startswith("#"):
            assert target[1:] in anchors
        else:
            assert (MANUAL.parent / target).exists(), target
