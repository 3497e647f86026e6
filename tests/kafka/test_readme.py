"""Runs what the README and docs/token-authority.md show."""

import json
import os
import re
import subprocess
import sys

import pytest

import scramtoken
from harness.commands import succeed
from harness.compile import C11, compile_program
from harness.kafka.cli import client_config
from harness.kafka.ports import free_port
from harness.kafka.properties import ADMIN, USERS
from harness.paths import BUILD, ROOT
from harness.process import start, stop

README = ROOT / "README.md"
PAGES = [README, ROOT / "docs" / "README.md", ROOT / "docs" / "token-authority.md"]
TEXT = "".join(page.read_text() for page in PAGES)
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)

# What the recipes build or install has been built by `make test` already, and the wheel has tests
# of its own.
BUILT_ALREADY = {
    "make lib",
    "make examples",
    "make program",
    "make lib program examples",
    "pip install ./python",
}


def blocks(language, containing=""):
    return [text for name, text in BLOCKS if name == language and containing in text]


def only_block(language, containing):
    [text] = blocks(language, containing)
    return text


def test_every_block_is_run_here():
    counts = {name: len(blocks(name)) for name, _ in BLOCKS if name}
    # The properties are client.properties of the program, those that confluent_config sets, and two
    # of docs/jvm.md, which tests/jvm runs; what the kubelet makes of the volume is what tests of
    # dir: sources read. What kubectl is told is what tests/agent/kubernetes does.
    assert counts == {"c": 1, "python": 5, "sh": 10, "properties": 4, "toml": 1, "yaml": 1}


def test_make_commands_exist():
    for command in re.findall(r"\bmake ([a-z-]+)", README.read_text()):
        dry_run = ["make", "--dry-run", "--no-print-directory", command]
        assert subprocess.run(dry_run, cwd=ROOT, capture_output=True).returncode == 0, command


def test_linked_files_exist():
    for page in PAGES:
        for path, anchor in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]*))?\)", page.read_text()):
            target = page.parent / path if path else page
            assert target.exists(), f"{page.name}: {path}"
            assert not anchor or anchor in anchors(target), f"{page.name}: {path}#{anchor}"


def anchors(page):
    """The places that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def token(broker):
    return broker.create_token("User:alice")


@pytest.mark.parametrize("program", ["./login", "examples/python/login.py"])
def test_a_login_to_kafka(broker, token, program, tmp_path):
    for name in ("include", "examples", "target"):
        (tmp_path / name).symlink_to(ROOT / name)
    lines = only_block("sh", program).splitlines()
    script = "\n".join(line for line in lines if line not in BUILT_ALREADY)
    host, port = broker.address()
    environment = {
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "python"),
        "SCRAMTOKEN_LIBRARY": os.environ["SCRAMTOKEN_LIBRARY"],
        "HOST": host,
        "PORT": str(port),
        "TOKEN_ID": token.id,
        "HMAC": token.hmac,
    }
    done = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"logged in as {token.id}" in done.stdout


def test_the_program(broker, tmp_path):
    client_config(tmp_path / "client.properties", "alice", USERS["alice"])
    host, port = broker.address()
    lines = only_block("sh", "scramtoken login").splitlines()
    lines += only_block("sh", "scramtoken doctor").splitlines()
    script = "\n".join(line for line in lines if line not in BUILT_ALREADY)
    path = f"{ROOT / 'target' / 'program'}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOST": host, "PORT": str(port)}
    done = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "accepted" in done.stdout or "logged in" in done.stdout
    assert "All is well: 1 broker." in done.stdout


def test_the_agent(broker, tmp_path):
    client_config(tmp_path / "client.properties", "alice", USERS["alice"])
    host, port = broker.address()
    text = only_block("toml", "[[token]]")
    for directory in ("/etc/scramtoken", "/var/lib/scramtoken", "/run/kafka"):
        assert directory in text
        text = text.replace(directory, str(tmp_path))
    text = f'listen = "127.0.0.1:{free_port()}"\n' + text.replace("broker:9093", f"{host}:{port}")
    (tmp_path / "agent.toml").write_text(text)
    script = only_block("sh", "scramtoken agent wait").replace("&\n", "&\ntrap 'kill $!' EXIT\n")
    path = f"{ROOT / 'target' / 'program'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "token.json").read_text())["token_id"]


def test_confluent_kafka(broker, token, tmp_path):
    write_secret(tmp_path / "token.json", json.dumps({"token_id": token.id, "hmac": token.hmac}))
    names = {"servers": broker.bootstrap(), "uri": f"file:{tmp_path / 'token.json'}"}
    exec(only_block("python", "confluent_kafka"), names)
    assert len(names["producer"]) == 0


def test_a_source(token, tmp_path):
    write_secret(tmp_path / "token.json", json.dumps({"token_id": token.id, "hmac": token.hmac}))
    names = {"uri": f"file:{tmp_path / 'token.json'}"}
    exec(only_block("python", "Source.open(uri)"), names)
    assert f"n={token.id}," in names["client"].step().decode()


def write_secret(path, text):
    path.touch(mode=0o600)
    path.write_text(text)


def test_a_token_authority(tmp_path, monkeypatch):
    for name in ("build", "target"):
        (tmp_path / name).symlink_to(ROOT / name)
    lines = only_block("sh", "authority.key").splitlines()
    *lines, last = [line for line in lines if line not in BUILT_ALREADY]
    serve = last.partition(" &")[0]
    script = "\n".join([*lines, f"exec {serve}"])
    with start(["bash", "-euc", script], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        try:
            listening = process.stdout.readline().decode()
            assert listening.startswith("listening on 127.0.0.1:")
        finally:
            stop(process)
    monkeypatch.chdir(tmp_path)
    names = {"uri": f"lmdb:{tmp_path / 'store'}", "password": "bobs-password"}
    exec(only_block("python", "TokenManager"), names)
    source = scramtoken.Source.open(f"file:{tmp_path / 'alices-token.json'}")
    token = names["token"]
    for client, name in [
        (scramtoken.Client("SCRAM-SHA-512", source=source), "alice"),
        (scramtoken.Client("SCRAM-SHA-512", token_id=token.id, hmac=token.hmac), "alice"),
        (scramtoken.Client("SCRAM-SHA-512", username="bob", password="bobs-password"), "bob"),
    ]:
        server = scramtoken.Server(names["config"], "SCRAM-SHA-512")
        message = client.step()
        while message:
            message = client.step(server.step(message))
        assert server.verdict.name == name


def test_in_front_of_kafka(broker, token, tmp_path):
    (tmp_path / "build").symlink_to(ROOT / "build")
    client_config(tmp_path / "client.properties", ADMIN, USERS[ADMIN])
    text = only_block("sh", "store follow").replace("/dev/shm/kafka-tokens", f"{tmp_path}/store")
    follow, _, rest = text.partition("&\n")
    ready = "until grep -q ready log; do kill -0 $!; sleep 0.1; done"
    script = f"{follow} 2>log & trap 'kill $(jobs -p)' EXIT\n{ready}\n"
    # It serves until it is ended.
    script += rest.replace("build/", "timeout 3 build/").replace(" & #", " || true #")
    host, port = broker.address()
    path = f"{ROOT / 'target' / 'program'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env={"PATH": path, "HOST": host, "PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^tokens +[1-9]", done.stdout, re.MULTILINE)
    assert "listening on 127.0.0.1:" in done.stdout


def test_the_other_commands():
    for script in blocks("sh"):
        for line in script.splitlines():
            if line.startswith(("make", "pip")):
                assert line in BUILT_ALREADY
    assert "--credentials" in succeed([ROOT / "build" / "examples" / "server", "--help"])


def server(name, secret, is_token):
    credential = scramtoken.derive("SCRAM-SHA-512", secret, b"a salt", 4096)
    known = scramtoken.Token(credential, "alice", -1) if is_token else scramtoken.User(credential)
    config = scramtoken.ServerConfig(lookup=lambda _, asked, __: known if asked == name else None)
    return scramtoken.Server(config, "SCRAM-SHA-512")


def test_the_python_client():
    peer = server("an-id", "an-hmac", is_token=True)
    names = {"token_id": "an-id", "hmac": "an-hmac", "exchange": peer.step}
    exec(only_block("python", "token_id=token_id"), names)
    assert names["client"].authenticated
    assert peer.verdict.name == "alice"


def test_the_python_server(capsys):
    client = scramtoken.Client("SCRAM-SHA-256", username="alice", password="pencil")
    names = {"client_first": client.step(), "exchange": client.step}
    exec(only_block("python", "def lookup"), names)
    client.step(names["server_final"])
    assert client.authenticated
    assert capsys.readouterr().out == "alice\n"


def test_the_c_client(tmp_path):
    """The block stands in a program whose server is this library's, with a supplied credential."""
    include, code = only_block("c", "scramtoken_client_new").split("\n\n", 1)
    program = tmp_path / "readme.c"
    program.write_text(f"{include}\n{C_PROGRAM.replace('BLOCK', code)}")
    output = BUILD / "c" / "readme"
    compile_program(program, output, C11)
    assert "proved itself" in succeed([output])


C_PROGRAM = """
#include <stdio.h>
#include <string.h>

static scramtoken_server *server;

static void exchange(const uint8_t *out, size_t out_len, const uint8_t **in, size_t *in_len) {
  scramtoken_status status = scramtoken_server_step(server, out, out_len, in, in_len);
  if (status != SCRAMTOKEN_NEED_CREDENTIAL) return;
  uint8_t salt[] = "salt", stored_key[64], server_key[64];
  scramtoken_derive("SCRAM-SHA-512", (const uint8_t *)"an-hmac", 7, salt, 4, 4096, stored_key,
                    server_key, 64);
  scramtoken_credential credential = {salt, 4, stored_key, 64, server_key, 64, 4096};
  scramtoken_server_supply_token(server, &credential, (const uint8_t *)"alice", 5, -1);
  scramtoken_server_step(server, NULL, 0, in, in_len);
}

int main(void) {
  const uint8_t *id = (const uint8_t *)"an-id", *hmac = (const uint8_t *)"an-hmac";
  size_t id_len = 5, hmac_len = 7;
  scramtoken_server_config *config;
  scramtoken_server_config_new(&config);
  scramtoken_server_new(config, "SCRAM-SHA-512", &server);
  scramtoken_server_config_free(config);
  BLOCK
  scramtoken_server_free(server);
  return 0;
}
"""
