"""What the agent does with Secrets. Each test runs against the small API server in `make test`, and
in `make test-kubernetes` against a real one: `cluster` is either."""

import json
import signal

import pytest

from ..agent import Agent, wait_for
from ..test_agent import logs_in

SECRET = "kafka-token"
TOKEN = """
[kubernetes]
api_server = "{api_server}"
ca = "{ca}"
token_file = "{dir}/account"
namespace = "{namespace}"
[[token]]
name = "test"
grace = "2s"
[[token.target]]
secret = "kafka-token"
data = {data}
"""
FILE = '{ "token.json" = "file" }'
ALL = """{ "token.json" = "file", "token-id" = "token-id", "token-hmac" = "token-hmac", \
"client.properties" = "properties", "jaas" = "jaas" }"""


class SecretAgent(Agent):
    """With a Secret as its target; `held()` is the token file in it."""

    def __init__(self, cluster, directory, servers, token, data=FILE, more=""):
        self.cluster = cluster
        self._data, self._more = data, more
        super().__init__(directory, servers, "")
        self.log_in_as(token)
        self.journal = None  # in the Secret
        self.reconfigure()

    def log_in_as(self, token):
        path = self.directory / "account.new"
        path.write_text(token)
        path.rename(self.directory / "account")

    def reconfigure(self):
        text = TOKEN.replace("{api_server}", self.cluster.api_server)
        text = text.replace("{ca}", str(self.cluster.ca))
        text = text.replace("{namespace}", self.cluster.namespace).replace("{data}", self._data)
        self.configure(text + self._more)

    def held(self, file="token.json"):
        data, _ = self.cluster.secret(SECRET)
        return json.loads(data[file]) if file in data else None

    def wait_for_log(self, text):
        wait_for(lambda: text in self.log(), 40)


def test_a_secret_holds_the_token(cluster, broker, start):
    cluster.make_secret(SECRET, {"theirs": b"stays"})
    agent = start(data=ALL)
    agent.wait_until_ready()
    data, _ = cluster.secret(SECRET)
    token = json.loads(data["token.json"])
    logs_in(broker, token)
    assert data["theirs"] == b"stays"
    assert data["token-id"].decode() == token["token_id"]
    assert data["token-hmac"].decode() == token["hmac"]
    jaas = data["jaas"].decode()
    assert f'username="{token["token_id"]}" password="{token["hmac"]}" tokenauth="true";' in jaas
    assert f"sasl.jaas.config={jaas}\n" in data["client.properties"].decode()
    (target,) = agent.token()["targets"]
    assert (target["kind"], target["place"]) == ("secret", f"{cluster.namespace}/{SECRET}")
    # Renewed, then replaced.
    renewed = wait_for(lambda: agent.held() != token and agent.held())
    assert renewed["token_id"] == token["token_id"]
    second = wait_for(lambda: agent.held()["token_id"] != token["token_id"] and agent.held(), 60)
    logs_in(broker, second)
    assert cluster.secret(SECRET)[0]["theirs"] == b"stays"
    assert token["hmac"] not in agent.log()


def test_without_a_disk_a_killed_agent_goes_on_where_it_was(cluster, broker, start):
    cluster.make_secret(SECRET)
    agent = start()
    agent.wait_until_ready()
    first, journal = agent.held(), agent.held("scramtoken-agent.json")
    assert journal["tokens"]["test"]["current"]["token_id"] == first["token_id"]
    assert [path.name for path in agent.directory.iterdir()].count("journal.json") == 0
    agent.kill()
    _, version = cluster.secret(SECRET)
    agent.start()
    agent.wait_until_ready()
    assert agent.token()["creations"] == 0
    if agent.held() == first:
        # Nothing was written but the journal, and that only where it says something new.
        assert agent.token()["targets"][0]["publications"] == 0
    assert agent.held()["token_id"] == first["token_id"]
    logs_in(broker, agent.held())


def test_nothing_is_written_where_nothing_has_changed(cluster, start):
    cluster.make_secret(SECRET)
    agent = start(data='{ "token-id" = "token-id" }')
    agent._more = '[[token.target]]\nfile = "{dir}/token.json"\n'
    agent.kill()
    agent.journal = agent.directory / "journal.json"  # so that the Secret is a target's alone
    agent.reconfigure()
    cluster.delete_secret(SECRET)
    cluster.make_secret(SECRET)
    agent.start()
    agent.wait_until_ready()
    data, version = cluster.secret(SECRET)
    read = lambda: json.loads((agent.directory / "token.json").read_text())  # noqa: E731
    first = read()
    assert data == {"token-id": first["token_id"].encode()}
    wait_for(lambda: read() != first)  # a renewal, which the id does not tell
    agent.kill()
    agent.start()
    agent.wait_until_ready()
    if read()["token_id"] == first["token_id"]:
        assert cluster.secret(SECRET) == (data, version)


def test_a_key_that_is_configured_no_more_goes(cluster, start):
    cluster.make_secret(SECRET, {"theirs": b"stays"})
    agent = start(data=ALL)
    agent.wait_until_ready()
    assert "jaas" in cluster.secret(SECRET)[0]
    agent._data = '{ "token-id" = "token-id" }'
    agent.reconfigure()
    agent.send(signal.SIGHUP)
    agent.wait_for_log("the configuration was read anew")
    wait_for(lambda: "jaas" not in cluster.secret(SECRET)[0])
    expected = {"theirs", "token-id", "scramtoken-agent.json", "scramtoken-agent.mark"}
    assert set(cluster.secret(SECRET)[0]) == expected


def test_a_secret_that_was_made_anew_is_filled_again(cluster, broker, start):
    cluster.make_secret(SECRET)
    agent = start()
    agent.wait_until_ready()
    first = agent.held()
    cluster.delete_secret(SECRET)
    cluster.make_secret(SECRET)
    wait_for(lambda: agent.held("scramtoken-agent.json") and agent.held())
    assert agent.held()["token_id"] == first["token_id"]


def test_a_second_agent_takes_over_and_the_first_one_ends(cluster, broker, start):
    cluster.make_secret(SECRET)
    first = start()
    first.wait_until_ready()
    token = first.held()
    second = start(secrets=(SECRET,))
    second.wait_until_ready()
    first.wait_for_log("another agent works with this journal")
    assert first._process.wait(timeout=10) == 1
    assert second.held()["token_id"] == token["token_id"]
    assert "another agent" not in second.log()
    logs_in(broker, second.held())


def test_once_leaves_all_that_the_next_run_needs(cluster, broker, start):
    cluster.make_secret(SECRET)
    agent = start(how=None)
    done = agent.once()
    assert done.returncode == 0, done.stderr
    first = agent.held()
    logs_in(broker, first)
    done = agent.once()
    assert done.returncode == 0, done.stderr
    assert agent.held()["token_id"] == first["token_id"]
    assert agent.held()["expiry_timestamp_ms"] > first["expiry_timestamp_ms"]


def test_401_names_the_token_and_the_next_token_is_read(cluster, broker, start):
    cluster.make_secret(SECRET)
    agent = start(how=None)
    good = (agent.directory / "account").read_text()
    agent.log_in_as("not-a-token")
    done = agent.once("--timeout", "10s")
    assert done.returncode == 6, done.stderr
    expected = f"does not accept the token in {agent.directory}/account (401): it has expired,"
    assert expected in done.stderr
    agent.log_in_as(good)
    agent.start()
    agent.wait_until_ready()
    # It rotates under the running agent.
    agent.log_in_as("not-a-token")
    agent.wait_for_log("does not accept the token in")
    agent.log_in_as(cluster.account("relay-0"))
    wait_for(
        lambda: agent.held()["expiry_timestamp_ms"] == agent.token()["expiry_timestamp_ms"], 40
    )


@pytest.mark.parametrize("verbs, verb", [((), "get"), (("get",), "patch")])
def test_403_has_the_rule_that_is_missing(cluster, start, verbs, verb):
    cluster.make_secret(SECRET)
    agent = start(how=None, verbs=verbs)
    done = agent.once("--timeout", "5s")
    assert done.returncode == 6, done.stderr
    user = f"system:serviceaccount:{cluster.namespace}:relay-0"
    assert f"the user {user} may not {verb} it (403); a Role in the namespace " in done.stderr
    rule = (
        'apiGroups: [""], resources: ["secrets"], resourceNames: ["kafka-token"], verbs: ["get", '
        '"patch"]'
    )
    assert rule in done.stderr


def test_403_for_a_secret_that_is_not_there(cluster, start):
    agent = start(how=None)
    done = agent.once("--timeout", "5s")
    assert done.returncode == 6, done.stderr
    create = f"kubectl -n {cluster.namespace} create secret generic {SECRET}"
    assert create in done.stderr and "it is not there" in done.stderr


def test_who_may_make_secrets_needs_no_empty_one(cluster, broker, start):
    agent = start(verbs=("get", "patch", "create"))
    agent.wait_until_ready()
    logs_in(broker, agent.held())
    cluster.delete_secret(SECRET)


def test_404_names_the_namespace(cluster, start):
    agent = start(how=None, secrets=None, verbs=("get", "patch", "create"))
    agent.config.write_text(
        agent.config.read_text().replace(f'namespace = "{cluster.namespace}"', 'namespace = "gone"')
    )
    done = agent.once("--timeout", "5s")
    assert done.returncode == 6, done.stderr
    assert "there is no namespace gone (404): kubectl create namespace gone" in done.stderr


def test_409_names_the_other_field_manager(cluster, broker, start):
    cluster.make_secret(SECRET, {"token.json": b"theirs"})
    agent = start(how=None)
    agent.journal = agent.directory / "journal.json"
    agent.reconfigure()
    agent.start()
    agent.wait_for_log("belongs to the field manager")
    expected = (
        'the key token.json belongs to the field manager "kubectl-create" (409); choose another'
    )
    assert expected in agent.log()
    assert cluster.secret(SECRET)[0] == {"token.json": b"theirs"}
    assert agent.get("/readyz")[0] == 503
    assert agent.log().count("belongs to the field manager") == 1


def test_somebody_elses_value_is_not_overwritten(cluster, start):
    cluster.make_secret(SECRET)
    agent = start()
    agent.wait_until_ready()
    cluster.set_key(SECRET, "token.json", b"theirs", "kubectl-edit")
    agent.wait_for_log('belongs to the field manager "kubectl-edit"')
    assert cluster.secret(SECRET)[0]["token.json"] == b"theirs"


def test_422_of_an_immutable_secret(cluster, start):
    cluster.make_secret(SECRET, immutable=True)
    agent = start(how=None)
    done = agent.once("--timeout", "5s")
    assert done.returncode == 6, done.stderr
    assert "it is immutable (422): delete it, and make one that is not" in done.stderr
