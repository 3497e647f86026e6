"""The agent that logs in by OAUTHBEARER, with an access token that others renew."""

import os

import pytest

from harness.kafka.access_tokens import SUBJECT, bearer
from harness.kafka.cli import client_config
from harness.kafka.token_endpoint import TokenEndpoint

from .agent import Agent, wait_for

TOKEN = """
[[token]]
name = "test"
[[token.target]]
file = "{dir}/token.json"
"""


@pytest.fixture
def agent(broker, tmp_path):
    with Agent(tmp_path, broker.bootstrap(), TOKEN) as agent:
        yield agent


def write(path, token):
    """As the kubelet does: a new file in place of the old."""
    new = path.with_suffix(".new")
    new.write_text(token)
    new.chmod(0o600)
    os.rename(new, path)


def test_an_access_token_that_is_late(agent, identities, tmp_path):
    """Renewals fail meanwhile; the delegation token is kept, and all is well again by itself."""
    file = tmp_path / "access-token"
    client_config(agent.admin, "", "", **bearer(file.as_uri()))
    first, ended, second = (identities.token(seconds=s) for s in (600, -100, 900))
    write(file, first)
    agent.start()
    agent.wait_until_ready()
    held = agent.held()
    assert held["owner"] == f"User:{SUBJECT}"
    write(file, ended)
    # Tokens live for 10 s, and are renewed after 8.
    wait_for(lambda: f'the access token of "{SUBJECT}" ended at ' in agent.log(), 30)
    assert "whoever writes the file has to write a new one" in agent.log()
    assert agent.token()["error"]
    write(file, second)
    wait_for(lambda: "brokers answer again" in agent.log())
    wait_for(lambda: agent.held()["expiry_timestamp_ms"] > held["expiry_timestamp_ms"])
    assert agent.held()["token_id"] == held["token_id"], agent.log()
    assert agent.log().count("in clear text") == 1
    for token in (first, ended, second):
        assert token not in agent.log()


def test_an_access_token_for_each_run_of_requests(agent, identities, broker):
    """They end before the next run, and the endpoint has new ones."""

    def answer(request):
        return 200, {"access_token": identities.token(seconds=5)}

    with TokenEndpoint(answer, broker.authority.server_pem) as endpoint:
        options = (
            f'clientId=relay clientSecret=s3cret ssl.truststore.location="{broker.authority.pem}"'
        )
        client_config(agent.admin, "", "", **bearer(endpoint.url, options))
        agent.start()
        agent.wait_until_ready()
        first = agent.held()
        wait_for(lambda: agent.held()["expiry_timestamp_ms"] > first["expiry_timestamp_ms"], 30)
        assert len(endpoint.requests) >= 2
        endpoint.answer = lambda _: (401, {"error": "invalid_client"})
        wait_for(lambda: "(401): invalid_client" in agent.log(), 30)
        assert "s3cret" not in agent.log()
        endpoint.answer = answer
        wait_for(lambda: "brokers answer again" in agent.log(), 30)
