"""Three nodes on libscramtoken: their logins, the rights of a token, listeners that differ."""

import json
import re
import secrets
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from harness.jvm.jar import JAR, jaas, on_listeners
from harness.kafka.ca import STORE_PASSWORD, CertificateAuthority, client_auth_required
from harness.kafka.cli import client_config, kafka_delegation_tokens, scramtoken
from harness.kafka.cluster import KafkaCluster
from harness.kafka.properties import ADMIN, USERS
from harness.process import say
from harness.rdkafka.stock import Client, config
from harness.source_file import SourceFile

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]  # the first waits for the cluster

MECHANISM = "SCRAM-SHA-512"
SETTLE = 30  # seconds; a machine under load
# The nodes are nobody's else: what bob does, they do.
NODES_USER = {"username": "bob", "password": USERS["bob"], "audit": "true"}
RIGHTS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": f"User:{ADMIN};User:bob;User:ANONYMOUS",  # the last are the controllers
}
LENIENT = on_listeners(jaas(**NODES_USER, implicitTokens="true"), ["SASL_PLAINTEXT"])
STRICT = on_listeners(jaas(**NODES_USER), ["SASL_SSL"])


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """Who vouches for clients."""
    return CertificateAuthority(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module")
def cluster(clients):
    """With two topics on all nodes, to which nobody but super users has any right."""
    properties = RIGHTS | LENIENT | STRICT | client_auth_required(clients)
    with KafkaCluster(extra_properties=properties, classpath_extra=[JAR]) as cluster:
        admin = AdminClient(plain(cluster, ADMIN, USERS[ADMIN]))
        topics = [NewTopic(name, num_partitions=3, replication_factor=3) for name in ("one", "two")]
        for created in admin.create_topics(topics).values():
            created.result(60)
        yield cluster


@pytest.fixture(scope="module")
def owner():
    """A principal without a password: what it is, tokens say."""
    return f"User:{secrets.token_hex(4)}"


@pytest.fixture
def token(cluster, owner):
    return cluster.create_token(owner)


def plain(cluster, name, secret):
    """A librdkafka client without the plugin, to the lenient listener."""
    return {
        "bootstrap.servers": cluster.bootstrap(),
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": MECHANISM,
        "sasl.username": name,
        "sasl.password": secret,
    }


def with_certificate(cluster, clients):
    """What the strict listener wants of librdkafka."""
    return {
        "bootstrap.servers": cluster.bootstrap("SASL_SSL"),
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(cluster.authority.pem),
        "ssl.certificate.location": str(clients.server_pem),
        "ssl.key.location": str(clients.server_pem),
    }


# ---- logins ----


def test_the_nodes_log_in_to_each_other(cluster):
    """Each of them is a server of the others, and so has let bob in."""
    login = re.compile(r'"status":"OK","mechanism":"SCRAM-SHA-512","requester":"bob"')
    deadline = time.monotonic() + SETTLE
    while not all(login.search(cluster.node_log(node)) for node in cluster.nodes):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_token_of_one_node_logs_in_on_all(cluster, tmp_path):
    """The user asks one node alone for it, and Kafka's client and the program go to the others."""
    alice = client_config(tmp_path / "alice.properties", "alice", USERS["alice"])
    create = ["--create", "--max-life-time-period", "-1", "--output", "json"]
    for maker in cluster.nodes:
        where = ["--bootstrap-server", address(cluster, maker), "--command-config", alice]
        done = scramtoken("delegation-tokens", *where, *create)
        begin = time.monotonic()
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        identity = made["token_id"], made["hmac"]
        by_token = client_config(tmp_path / "token.properties", *identity, token=True)
        cluster.wait_for_login(*identity, token=True)
        seconds = time.monotonic() - begin
        for node in cluster.nodes:
            where = ["--bootstrap-server", address(cluster, node), "--command-config", by_token]
            done = scramtoken("login", *where)
            assert done.returncode == 0, done.stderr
        say(f"  made by node {maker}: on all of them after {seconds:.1f} s")


def address(cluster, node):
    host, port = cluster.address(node=node)
    return f"{host}:{port}"


# ---- rights ----


def produced(conf, topic):
    """ "written", or the name of the error."""
    outcomes = []
    producer = Producer(conf | {"message.timeout.ms": 30000})
    producer.produce(
        topic, b"1", on_delivery=lambda e, _: outcomes.append(e.name() if e else "written")
    )
    producer.flush(40)
    return "".join(outcomes)


def until(condition, what):
    deadline = time.monotonic() + SETTLE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def writes(cluster, token, topic):
    return produced(plain(cluster, token.id, token.hmac), topic) == "written"


REFUSED = "TOPIC_AUTHORIZATION_FAILED"


def test_a_token_has_the_rights_of_its_owner_and_no_more(cluster, owner, token):
    conf = plain(cluster, token.id, token.hmac)
    assert produced(conf, "one") == REFUSED
    cluster.allow(owner, "WRITE", "TOPIC", "one")
    until(lambda: writes(cluster, token, "one"), "the right reaches every node")
    assert produced(conf, "two") == REFUSED
    other = cluster.create_token("User:somebody-else")
    assert produced(plain(cluster, other.id, other.hmac), "one") == REFUSED

    cluster.allow(owner, "WRITE", "TOPIC", "one", allowed=False)
    until(lambda: not writes(cluster, token, "one"), "the right ends on every node")


def test_the_id_of_a_token_is_no_principal(cluster, token):
    """Nor is anything that has been allowed to it."""
    cluster.allow(f"User:{token.id}", "WRITE", "TOPIC", "two")
    cluster.allow("User:marker", "WRITE", "TOPIC", "two")
    marker = cluster.create_token("User:marker")
    until(lambda: writes(cluster, marker, "two"), "the rights reach every node")
    assert produced(plain(cluster, token.id, token.hmac), "two") == REFUSED


def test_a_super_users_token_is_one(cluster):
    token = cluster.create_token(f"User:{ADMIN}")
    for topic in ("one", "two"):
        assert produced(plain(cluster, token.id, token.hmac), topic) == "written"


def test_a_token_makes_no_tokens(cluster, token, tmp_path):
    config = client_config(tmp_path / "token.properties", token.id, token.hmac, token=True)
    where = ["--bootstrap-server", cluster.bootstrap(), "--command-config", config]
    done = scramtoken("delegation-tokens", *where, "--create", "--max-life-time-period", "-1")
    assert done.returncode != 0
    assert "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED" in done.stderr


# ---- a listener that wants certificates, too ----


def test_a_token_and_a_certificate(cluster, clients, owner, token, tmp_path):
    """The certificate opens the connection; who it is, the token says."""
    source = SourceFile(tmp_path / "token.json").write(token)
    conf = config(cluster.bootstrap("SASL_SSL"), source) | with_certificate(cluster, clients)
    assert Client(conf).works()
    assert produced(conf, "one") == REFUSED
    cluster.allow(owner, "WRITE", "TOPIC", "one")
    until(lambda: produced(conf, "one") == "written", "the right reaches every node")


def test_by_the_program_and_kafkas_tool(cluster, clients, owner, token, tmp_path):
    trust = {
        "security_protocol": "SASL_SSL",
        "ssl_truststore_type": "PEM",
        "ssl_truststore_location": cluster.authority.pem,
    }
    keystore = {
        "ssl_keystore_type": "PKCS12",
        "ssl_keystore_location": clients.server_keystore,
        "ssl_keystore_password": STORE_PASSWORD,
        "ssl_key_password": STORE_PASSWORD,
    }
    path, who = tmp_path / "client.properties", (token.id, token.hmac)
    with_key = client_config(path, *who, token=True, **trust, **keystore)
    where = ["--bootstrap-server", cluster.bootstrap("SASL_SSL"), "--command-config", with_key]
    done = scramtoken("login", *where)
    assert done.returncode == 0, done.stderr
    # Kafka's client is let in as a token, which may not ask for tokens.
    done = kafka_delegation_tokens("4.4.0", *where, "--describe", "--owner-principal", owner)
    refused = "not allowed on PLAINTEXT/1-way SSL channels and on delegation token authenticated"
    assert refused in done.stdout + done.stderr

    client_config(path, *who, token=True, **trust, default_api_timeout_ms=5000)
    done = scramtoken("login", *where)
    assert done.returncode != 0 and "certificate" in done.stderr, done.stderr


def test_each_listener_has_its_own_options(cluster, clients, token):
    """A client that cannot say tokenauth=true."""
    conf = plain(cluster, token.id, token.hmac)
    assert Client(conf).works()
    strict = Client(conf | with_certificate(cluster, clients))
    assert "invalid credentials" in strict.refusal()
    # There a password still does.
    assert Client(
        plain(cluster, "alice", USERS["alice"]) | with_certificate(cluster, clients)
    ).works()
