"""Stock librdkafka clients with the plugin: confluent-kafka for Python, and kcat."""

import time

from demo import stock_clients
from harness.kafka.login_program import Credential

from . import Row

_LIFE_MS = 6000


def rows(scene):
    attempts = {attempt.what: attempt for attempt in scene.attempts}
    password, token = attempts["password"].credential, attempts["token"].credential
    way = "confluent-kafka"
    yield _row(way, "password", "logged in", lambda: _without_plugin(scene, password))
    yield _row(way, "token, no plugin", "refused", lambda: _without_plugin(scene, token))
    for attempt in scene.attempts:
        for listener, over in (("SASL_PLAINTEXT", ""), ("SASL_SSL", ", TLS")):

            def run(attempt=attempt, listener=listener):
                source = stock_clients.write_source(scene, "confluent", attempt.credential)
                conf = stock_clients.plugin_config(scene, source, listener=listener)
                return stock_clients.by_confluent_kafka(conf)

            yield _row(f"{way} + plugin", attempt.what + over, attempt.expected, run)
    yield _row(f"{way} + plugin", "rotating token", "consumed all", lambda: _rotate(scene, token))
    for attempt in scene.attempts:

        def run_kcat(attempt=attempt):
            source = stock_clients.write_source(scene, "kcat", attempt.credential)
            return stock_clients.by_kcat(scene, source)

        yield _row("kcat + plugin", attempt.what, attempt.expected, run_kcat)


def _row(way, what, expected, run):
    return Row(way, "SCRAM-SHA-512", what, expected, run)


def _without_plugin(scene, credential):
    return stock_clients.by_confluent_kafka(
        {
            "bootstrap.servers": scene.broker.bootstrap(),
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": credential.name,
            "sasl.password": credential.secret,
        }
    )


def _rotate(scene, second):
    """A consumer goes on when its token ends, because the file holds another one by then."""
    first = scene.broker.create_token("User:dora", max_lifetime_ms=_LIFE_MS)
    first = Credential(first.id, first.hmac, is_token=True)
    end = time.monotonic() + _LIFE_MS / 1000
    source = stock_clients.write_source(scene, "rotating", first)
    conf = stock_clients.plugin_config(scene, source)

    def keep_rotated():
        stock_clients.write_source(scene, "rotating", second)

    sent, received, told = stock_clients.consume(conf, "rotation", end + 3, keep_rotated)
    text = f"{received} of {sent} messages, past the end of the first token; {told}"
    return ("consumed all" if received == sent and not told else "failed"), text
