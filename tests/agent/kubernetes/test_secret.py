"""Secrets of a small API server, and what only that can be made to do."""

import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from harness.kafka.ca import CertificateAuthority, signed_by_a_server

from ..agent import wait_for
from .secret_cases import *  # noqa: F403 - the same tests as of a real one
from .secret_cases import SECRET

TROUBLES = {
    500: "answers 500, InternalError",
    503: "answers 503, InternalError",
    429: "answers 429, InternalError",
    "slow": "it does not answer within 6 s",
    "garbage": "its answer is no HTTP",
    "endless": "its answer is longer than that of any API server",
    "html": "answers is no Secret",
    "redirect": "answers 307",
}
AND_A_FILE = '[[token.target]]\nfile = "{dir}/token.json"\n'


def file_of(agent):
    path = agent.directory / "token.json"
    return json.loads(path.read_text()) if path.exists() else None


@pytest.fixture
def with_a_file(start):
    """An agent with a file as a second target, and its journal on the disk."""
    agent = start(how=None, more=AND_A_FILE)
    agent.journal = agent.directory / "journal.json"
    agent.reconfigure()
    return agent


@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_trouble_has_a_text(cluster, with_a_file, trouble):
    cluster.make_secret(SECRET)
    cluster.trouble = trouble
    agent = with_a_file
    done = agent.once("--timeout", "8s" if trouble == "slow" else "2s")
    assert done.returncode == 3, done.stderr
    assert TROUBLES[trouble] in done.stderr
    token = file_of(agent)
    assert token["hmac"] not in done.stderr
    # Nothing was lost by it.
    cluster.trouble = None
    assert agent.once().returncode == 0
    assert agent.held()["token_id"] == token["token_id"]


@pytest.mark.parametrize("trouble", [500, "slow"])
def test_a_server_in_trouble_does_not_hold_up_files(cluster, with_a_file, trouble):
    cluster.make_secret(SECRET)
    cluster.trouble = trouble
    agent = with_a_file.start()
    first = wait_for(lambda: file_of(agent))
    agent.wait_for_log(TROUBLES[trouble])
    assert agent.get("/readyz")[0] == 503
    # Renewed meanwhile.
    wait_for(lambda: file_of(agent)["expiry_timestamp_ms"] > first["expiry_timestamp_ms"])
    assert agent.log().count(TROUBLES[trouble]) == 1
    cluster.trouble = None
    wait_for(agent.held, 40)
    wait_for(lambda: agent.get("/readyz")[0] == 200)
    assert agent.held()["token_id"] == file_of(agent)["token_id"]


def test_a_server_that_is_away_is_asked_less_and_less(cluster, with_a_file):
    cluster.make_secret(SECRET)
    cluster.trouble = 500
    agent = with_a_file.start()
    agent.wait_for_log("answers 500")
    cluster.stop()
    wait_for(lambda: agent.token()["targets"][0]["error"].endswith("(os error 111)"), 40)
    failures = [
        line
        for line in agent.get("/metrics")[1].splitlines()
        if line.startswith('scramtoken_agent_target_failures_total{token="test",kind="secret"')
    ]
    assert failures and int(failures[0].split()[-1]) < 12
    cluster.trouble = None
    cluster.start()
    wait_for(agent.held, 40)


def test_a_certificate_of_another_authority(cluster, with_a_file, tmp_path):
    cluster.make_secret(SECRET)
    agent = with_a_file
    other = tmp_path / "other"
    other.mkdir()
    cluster.stop()
    cluster.start(CertificateAuthority(other).server_pem)
    agent.start()
    agent.wait_for_log(f"its certificate is signed by nobody that {cluster.ca} names")
    assert wait_for(lambda: file_of(agent))
    assert not cluster.requests
    # The CA's file is another one by now.
    cluster.ca.write_bytes((other / "ca.pem").read_bytes())
    wait_for(agent.held, 40)


def test_a_certificate_for_another_host(cluster, start, tmp_path):
    cluster.make_secret(SECRET)
    other = tmp_path / "other"
    other.mkdir()
    authority = CertificateAuthority(other, names=("else.invalid",), addresses=())
    cluster.stop()
    cluster.start(authority.server_pem)
    cluster.ca.write_bytes(authority.pem.read_bytes())
    agent = start(how=None)
    done = agent.once("--timeout", "3s")
    assert done.returncode == 3, done.stderr
    assert "API server's certificate" in done.stderr and "broker" not in done.stderr


def test_a_certificate_of_a_server_in_the_file(cluster, start, tmp_path):
    """As of an ingress: whoever has its key is no API server by that."""
    cluster.make_secret(SECRET)
    authority = cluster.authority
    leaf = authority.certificate.public_bytes(Encoding.PEM)
    cluster.ca.write_bytes(cluster.ca.read_bytes() + leaf)
    assert start(how=None).once("--timeout", "9s").returncode == 0
    cluster.stop()
    cluster.start(signed_by_a_server(tmp_path, authority))
    asked = len(cluster.requests)
    done = start(how=None).once("--timeout", "3s")
    assert done.returncode == 3 and "certificate is signed by" in done.stderr, done.stderr
    cluster.ca.write_bytes(leaf)
    done = start(how=None).once("--timeout", "3s")
    assert done.returncode == 3, done.stderr
    assert "no certificate in it is an authority's" in done.stderr
    assert len(cluster.requests) == asked


def test_the_journal_waits_for_a_server_that_is_away(cluster, start):
    cluster.make_secret(SECRET)
    cluster.trouble = 503
    agent = start()
    agent.wait_for_log("the journal cannot be read; it is tried again")
    cluster.trouble = None
    agent.wait_until_ready()
    assert agent.held()
    cluster.trouble = 503
    agent.wait_for_log("the journal cannot be written; it is tried again")
    cluster.trouble = None
    agent.wait_for_log("the journal is written again")
    wait_for(
        lambda: agent.held("scramtoken-agent.json")["tokens"]["test"]["current"]["token_id"]
        == agent.held()["token_id"]
    )


def test_a_damaged_journal_is_told(cluster, start):
    cluster.make_secret(SECRET, {"scramtoken-agent.json": b"{"})
    agent = start(how=None)
    done = agent.once()
    assert done.returncode == 6, done.stderr
    assert "the journal in it (scramtoken-agent.json) is damaged" in done.stderr


def test_three_secrets_take_no_more_memory(cluster, start):
    names = ("one", "two", "three")
    for name in (*names, "agent"):
        cluster.make_secret(name)
    agent = start(how=None, secrets=(*names, "agent"))
    text = agent.config.read_text()
    tokens = "".join(
        f'[[token]]\nname = "{name}"\ntarget = [{{ secret = "{name}" }}]\n' for name in names
    )
    begin = text.index("[kubernetes]")
    head, table = text[:begin], text[begin : text.index("[[token]]")]
    agent.config.write_text(f'journal = "secret:agent"\n{head}\n{table}{tokens}')
    agent.start()
    agent.wait_until_ready()
    for name in names:
        assert "token.json" in cluster.secret(name)[0]
    assert sorted(cluster.secret("agent")[0]) == ["scramtoken-agent.json", "scramtoken-agent.mark"]
    # The most that it ever had, with every handshake.
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{agent.pid}/status").read_text())
    assert int(peak) < 15 * 1024


def test_no_proxy_is_asked(cluster, start):
    """A pod's proxy is for the world outside, and would see the token."""
    cluster.make_secret(SECRET)
    agent = start(how=None)
    agent.environment = {"HTTPS_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
    done = agent.once()
    assert done.returncode == 0, done.stderr


def test_a_pod_needs_no_table(cluster, start):
    """The environment is that of a pod; its files are where no test may write."""
    agent = start(how=None)
    text = agent.config.read_text()
    begin = text.index("[kubernetes]")
    agent.config.write_text(text[:begin] + text[text.index("[[token]]") :])
    host, port = cluster.api_server.removeprefix("https://").split(":")
    agent.environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    done = agent.once()
    assert done.returncode == 2, done.stderr
    namespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace: No such file or directory"
    assert namespace in done.stderr and "name the namespace, as namespace" in done.stderr
