"""PLAIN and Kerberos by Kafka's own classes, on the listeners where libscramtoken serves SCRAM."""

import json

import pytest

from harness.jvm.jar import JAR, broker_jaas, on_listeners
from harness.kafka.admin import KafkaError
from harness.kafka.cli import (
    client_config,
    kafka_delegation_tokens,
    kerberos_config,
    keytab_options,
    scramtoken,
)
from harness.kafka.kdc import REALM, Kdc
from harness.kafka.primary_logins import broker_with, kerberos
from harness.kafka.properties import LISTENERS, SCRAM_MECHANISMS, USERS

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def kdc():
    with Kdc() as kdc:
        yield kdc


@pytest.fixture(scope="module")
def broker(kdc):
    with broker_with(
        kerberos(kdc),
        extra_properties=on_listeners(broker_jaas(audit="true")),
        classpath_extra=[JAR],
    ) as broker:
        yield broker


@pytest.fixture(scope="module")
def by_kerberos(kdc, tmp_path_factory):
    keytab = kdc.add("alice")
    path = tmp_path_factory.mktemp("kerberos") / "alice.properties"
    return kerberos_config(path, keytab_options(keytab, f"alice@{REALM}"))


@pytest.mark.parametrize("listener", LISTENERS)
def test_passwords_and_tokens(broker, listener):
    token = broker.create_token("User:alice")
    broker.login("alice", USERS["alice"], mechanism="PLAIN", listener=listener)
    with pytest.raises(KafkaError, match="SaslAuthenticationException"):
        broker.login("alice", "wrong", mechanism="PLAIN", listener=listener)
    with pytest.raises(KafkaError, match="SaslAuthenticationException"):
        broker.login(token.id, token.hmac, mechanism="PLAIN", listener=listener)
    for mechanism in SCRAM_MECHANISMS:
        how = {"mechanism": mechanism, "listener": listener}
        broker.login("alice", USERS["alice"], **how)
        broker.login(token.id, token.hmac, token=True, **how)
        with pytest.raises(KafkaError, match="SaslAuthenticationException"):
            broker.login(token.id, "d3Jvbmc=", token=True, **how)
        assert f'"mechanism":"{mechanism}","requester":"{token.id}"' in broker.log()


def test_a_token_made_by_kerberos_logs_in_by_scram(broker, kdc, by_kerberos, tmp_path):
    where = ["--bootstrap-server", broker.bootstrap()]
    create = ["--create", "--max-life-time-period", "-1", "--output", "json"]
    by_keytab = [*where, "--command-config", by_kerberos]
    done = scramtoken("delegation-tokens", *by_keytab, *create, environment=kdc.environment)
    assert done.returncode == 0, done.stderr
    token = json.loads(done.stdout)
    broker.wait_for_login(token["token_id"], token["hmac"], token=True)
    config = client_config(
        tmp_path / "token.properties", token["token_id"], token["hmac"], token=True
    )
    done = scramtoken("login", *where, "--command-config", config)
    assert done.returncode == 0, done.stderr

    # Kafka's own client, by the same keytab.
    java = {"JAVA_TOOL_OPTIONS": f"-Djava.security.krb5.conf={kdc.config}"}
    describe = ["--describe", "--owner-principal", "User:alice"]
    done = kafka_delegation_tokens("4.4.0", *by_keytab, *describe, environment=java)
    assert token["token_id"] in done.stdout, done.stdout + done.stderr
