"""Kafka's own command line tool against a broker on libscramtoken."""

import pytest

from harness.kafka.properties import USERS
from harness.kafka.token_tool import create_token

from .test_logins import IMPLICIT


def test_a_user_may_create_a_token_and_a_token_may_not(broker):
    """KIP-48, and an implicit token is a token too: its login is marked as one."""
    token_id, hmac = create_token(broker, "alice", USERS["alice"], -1)
    broker.wait_for_login(token_id, hmac, mechanism=IMPLICIT)
    with pytest.raises(RuntimeError, match="DelegationTokenRequestNotAllowedException|not allowed"):
        create_token(broker, token_id, hmac, -1)
