"""Unmodified clients that cannot say tokenauth=true log in with a token all the same."""

import confluent_kafka
import kafka
import pytest
from confluent_kafka.admin import AdminClient

from .test_logins import EXPLICIT, IMPLICIT


def librdkafka(broker, mechanism, name, secret):
    """Raises KafkaException where the login fails."""
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
        client.list_topics(timeout=3)
    except confluent_kafka.KafkaException:
        client.poll(0)
        assert any(error.code() == error._AUTHENTICATION for error in errors), errors
        raise


def kafka_python(broker, mechanism, name, secret):
    """Raises kafka's SaslAuthenticationFailedError or NoBrokersAvailable where the login fails."""
    client = kafka.KafkaAdminClient(
        bootstrap_servers=broker.bootstrap(),
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism=mechanism,
        sasl_plain_username=name,
        sasl_plain_password=secret,
    )
    try:
        assert client.describe_cluster()["brokers"]
    finally:
        client.close()


@pytest.mark.parametrize("log_in", [librdkafka, kafka_python])
def test_a_token_by_id_and_hmac(broker, token, log_in):
    log_in(broker, IMPLICIT, token.id, token.hmac)
    for mechanism, hmac in [(IMPLICIT, "d3Jvbmc="), (EXPLICIT, token.hmac)]:
        with pytest.raises((confluent_kafka.KafkaException, kafka.errors.KafkaError)):
            log_in(broker, mechanism, token.id, hmac)
