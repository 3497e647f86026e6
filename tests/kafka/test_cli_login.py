"""`scramtoken login`, and how the program finds its way about a cluster."""

import json
import os
import time

import pytest

from harness.kafka.broker import KafkaBroker
from harness.kafka.cli import client_config, scramtoken
from harness.kafka.properties import ADMIN, USERS


def login(broker, config, *options):
    where = ["--bootstrap-server", broker.bootstrap(), "--command-config", config]
    return scramtoken("login", *where, *options)


def test_a_user(broker, tmp_path):
    config = client_config(tmp_path / "c", "alice", USERS["alice"])
    done = login(broker, config)
    address = broker.bootstrap()
    said = f'{address}: logged in as the user "alice" by SCRAM-SHA-512, without an end\n'
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    config = client_config(tmp_path / "c", "alice", "wrong-secret")
    done = login(broker, config)
    assert (done.returncode, done.stdout) == (4, "")
    assert "refused" in done.stderr and "wrong-secret" not in done.stderr


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_token(broker, tmp_path, mechanism):
    token = broker.create_token("User:alice")
    config = client_config(tmp_path / "c", token.id, token.hmac, token=True, mechanism=mechanism)
    done = login(broker, config)
    assert done.returncode == 0, done.stderr
    seconds = int(done.stdout.rstrip().removesuffix(" s").rpartition(" ")[2])
    assert abs(seconds - (token.expiry_ms / 1000 - time.time())) < 30


def test_an_expired_token_that_the_broker_still_lets_in(broker, tmp_path):
    token = broker.create_token("User:alice", max_lifetime_ms=1500)
    time.sleep(max(0, token.expiry_ms / 1000 - time.time()) + 0.1)
    config = client_config(tmp_path / "c", token.id, token.hmac, token=True)
    done = login(broker, config)
    assert (done.returncode, done.stdout) == (5, ""), done.stderr
    assert "has expired" in done.stderr and token.hmac not in done.stderr


def test_a_source(broker, tmp_path):
    config = client_config(tmp_path / "c", "nobody", "x")
    file = tmp_path / "credential.json"
    file.touch(0o600)
    file.write_text(json.dumps({"username": "bob", "password": USERS["bob"]}))
    done = login(broker, config, "--source", f"file:{file}")
    assert done.returncode == 0, done.stderr
    assert 'the user "bob"' in done.stdout
    file.chmod(0o644)
    done = login(broker, config, "--source", f"file:{file}")
    assert done.returncode == 6
    assert "chmod 600" in done.stderr
    done = login(broker, config, "--source", "file:/no-such-file")
    assert done.returncode == 6 and "no-such-file" in done.stderr


def test_servers_with_a_protocol_and_protocols_in_any_case(broker, tmp_path):
    """As Confluent writes them, and as Kafka's own clients take them."""
    config = client_config(
        tmp_path / "c", "alice", USERS["alice"], security_protocol="Sasl_Plaintext"
    )
    address = broker.bootstrap()
    for server in (f"SASL_PLAINTEXT://{address}", f"sasl_plaintext://{address}", f"X://{address}"):
        done = scramtoken("login", "--bootstrap-server", server, "--command-config", config)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{address}: logged in")
    server = f"SASL_SSL://{address}"
    done = scramtoken("login", "--bootstrap-server", server, "--command-config", config)
    assert done.returncode == 2 and "security.protocol is SASL_PLAINTEXT" in done.stderr


def test_warnings_about_the_properties(broker, tmp_path):
    config = client_config(tmp_path / "c", "alice", USERS["alice"], group_id="g", retries="3")
    os.chmod(config, 0o644)
    done = login(broker, config)
    assert done.returncode == 0
    assert "others may read" in done.stderr
    assert "not known, so ignored: group.id" in done.stderr
    assert USERS["alice"] not in done.stderr


def test_properties_that_cannot_be_honoured(broker, tmp_path):
    for extra, why in [
        ({"sasl_mechanism": "GSSAPI"}, "Krb5LoginModule"),
        ({"sasl_mechanism": "OAUTHBEARER"}, "OAuthBearerLoginModule"),
        ({"sasl_mechanism": "PLAIN"}, "PlainLoginModule"),
        ({"sasl_login_class": "X"}, "sasl.login.class"),
        ({"security_protocol": "SASL_TLS"}, "security.protocol"),
    ]:
        config = client_config(tmp_path / "c", "alice", USERS["alice"], **extra)
        done = login(broker, config)
        assert (done.returncode, done.stdout) == (6, ""), done.stderr
        assert why in done.stderr and USERS["alice"] not in done.stderr
    missing = login(broker, tmp_path / "no-such-file")
    assert missing.returncode == 6 and "no-such-file" in missing.stderr


def test_plain_over_ipv6_and_without_sasl(tmp_path):
    mechanisms = ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")
    with KafkaBroker(host="::1", mechanisms=mechanisms) as broker:
        config = client_config(tmp_path / "c", "bob", USERS["bob"], mechanism="PLAIN")
        done = login(broker, config)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("[::1]:") and "by PLAIN" in done.stdout
        assert done.stderr.count("PLAIN sends the password in clear text") == 1
        config = client_config(tmp_path / "c", "bob", "wrong", mechanism="PLAIN")
        assert login(broker, config).returncode == 4
        # A listener that wants SASL drops who does without; another that speaks TLS says so.
        config = client_config(
            tmp_path / "c", "bob", "x", security_protocol="PLAINTEXT",
            default_api_timeout_ms=2000, request_timeout_ms=1000,
        )  # fmt: skip
        for where, why in [
            (broker.bootstrap(), "security.protocol=SASL_SSL or SASL_PLAINTEXT"),
            (broker.bootstrap("SASL_SSL"), "TLS"),
        ]:
            describe = ["--describe", "--owner-principal", "User:bob", "--bootstrap-server", where]
            done = scramtoken("delegation-tokens", *describe, "--command-config", config)
            assert done.returncode == 3 and why in done.stderr, done.stderr
        done = login(broker, config)
        assert done.returncode == 2 and "there is no login to try" in done.stderr


def test_a_cluster_of_three_with_one_that_is_gone(tmp_path):
    admin = client_config(tmp_path / "c", ADMIN, USERS[ADMIN])
    with KafkaBroker(nodes=3) as broker:
        done = login(broker, admin, "--all-brokers")
        assert done.returncode == 0, done.stderr
        assert sorted(line.rpartition(" (")[2] for line in done.stdout.splitlines()) == [
            "broker 1)", "broker 2)", "broker 3)",
        ]  # fmt: skip
        where = ["--bootstrap-server", broker.bootstrap(), "--command-config", admin]
        broker.stop_node(1)
        create = ["--create", "--max-life-time-period", "-1", "--output", "json"]
        done = scramtoken("delegation-tokens", *where, *create)
        assert done.returncode == 0, done.stderr
        assert "Connection refused" in done.stderr  # of the first server in the list
        alter = ["--alter", "--user", "zoe", "--add-config", "SCRAM-SHA-512=[password=z]"]
        done = scramtoken("configs", *where, *alter)
        assert done.returncode == 0, done.stderr
