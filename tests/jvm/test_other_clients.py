"""Unmodified clients that cannot say tokenauth=true log in with a token all the same."""

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
    try:
        client.list_topics(timeout=5)
        return True
    except confluent_kafka.KafkaException:
        client.poll(0)
        assert any(error.code() == error._AUTHENTICATION for error in errors), errors
        return False


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
            bootstrap_timeout_ms=3000,
        )
    except kafka.errors.KafkaError:
        return False
    assert client.describe_cluster()["brokers"]
    client.close()
    return True


@pytest.mark.parametrize("log_in", [librdkafka, kafka_python])
def test_a_token_by_id_and_hmac(broker, token, log_in):
    assert log_in(broker, IMPLICIT, token.id, token.hmac)
    assert not log_in(broker, IMPLICIT, token.id, "d3Jvbmc=")
    assert not log_in(broker, EXPLICIT, token.id, token.hmac)
