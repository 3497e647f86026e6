"""Unmodified clients that cannot say tokenauth=true log in with a token all the same."""

import subprocess
import time

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient

from .test_logins import EXPLICIT, IMPLICIT

# kafka-python's import uses what Python has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def librdkafka(broker, mechanism, name, secret):
    """Whether it gets in."""
    errors = []
    client = AdminClient(
        {
            "bootstrap.servers": broker.bootstrap(),
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": mechanism,
            "sasl.username": name,
            "sasl.password": secret,
            "error_cb": errors.append,
            "log_level": 0,
        }
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            client.list_topics(timeout=1)
            return True
        except confluent_kafka.KafkaException:
            client.poll(0)
        if any(error.code() == error._AUTHENTICATION for error in errors):
            return False
    raise TimeoutError(errors)


def kafka_python(broker, mechanism, name, secret):
    """Whether it gets in."""
    import kafka

    try:
        client = kafka.KafkaAdminClient(
            bootstrap_servers=broker.bootstrap(),
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism=mechanism,
            sasl_plain_username=name,
            sasl_plain_password=secret,
            bootstrap_timeout_ms=3000,  # it takes a refusal for a lost connection, and tries on
        )
    except kafka.errors.KafkaError:
        return False
    assert client.describe_cluster()["brokers"]
    client.close()
    return True


def kcat(broker, mechanism, name, secret):
    """Whether it gets in. Debian's is linked with a librdkafka that doubles its nonce."""
    options = {
        "bootstrap.servers": broker.bootstrap(),
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": mechanism,
        "sasl.username": name,
        "sasl.password": secret,
    }
    file = broker.directory / "kcat.conf"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in options.items()))
    done = subprocess.run(["kcat", "-F", file, "-L", "-m", "2"], capture_output=True, text=True)
    assert "broker 1 at" in done.stdout or "SASL authentication error" in done.stderr, done
    return done.returncode == 0


@pytest.mark.parametrize("log_in", [librdkafka, kafka_python, kcat])
def test_a_token_by_id_and_hmac(broker, token, log_in):
    assert log_in(broker, IMPLICIT, token.id, token.hmac)
    assert not log_in(broker, IMPLICIT, token.id, "d3Jvbmc=")
    assert not log_in(broker, EXPLICIT, token.id, token.hmac)
