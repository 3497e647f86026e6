"""An unmodified broker whose logins libscramtoken judges, by the jar on its class path."""

from dataclasses import replace

from harness.kafka.login_program import PYTHON
from harness.kafka.properties import SCRAM_MECHANISMS

from . import Row, log_in


def rows(scene):
    """As before, but that expired tokens are refused, and a token needs no tokenauth=true."""
    for mechanism in SCRAM_MECHANISMS:
        for attempt in _attempts(scene):

            def run(mechanism=mechanism, attempt=attempt):
                address = scene.on_libscramtoken.broker.address()
                login = log_in(PYTHON, address, mechanism, attempt.credential)
                return login.outcome, login.text

            yield Row("broker on the jar", mechanism, attempt.what, attempt.expected, run)


def _attempts(scene):
    for attempt in scene.on_libscramtoken.attempts:
        if attempt.expected == "expired":
            yield replace(attempt, expected="refused")
            continue
        yield attempt
        if attempt.credential.is_token and attempt.expected == "logged in":
            plain = replace(attempt.credential, is_token=False)
            yield replace(attempt, what="token, plain login", credential=plain)
