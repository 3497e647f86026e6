import time

import pytest
from exchange import SALT, alice, log_in, server

import scramtoken
from scramtoken import KeyCache, User

SLOW = scramtoken.derive("SCRAM-SHA-512", "wonderland", SALT, 300_000)


def seconds(client):
    before = time.perf_counter()
    assert log_in(client, server(lookup=lambda *_: User(SLOW)))
    return time.perf_counter() - before


def test_reconnect_with_the_same_challenge_is_not_hashed_again():
    with KeyCache(2) as cache:
        cold = seconds(alice(key_cache=cache))
        warm = seconds(alice(key_cache=cache))
    assert warm < cold / 10


def test_another_password_never_hits():
    cache = KeyCache(2)
    log_in(alice(key_cache=cache), server())
    answering = server()
    client = alice("looking-glass", key_cache=cache)
    with pytest.raises(scramtoken.AuthenticationError):
        answering.step(client.step(answering.step(client.step())))


def test_cache_may_be_closed_while_clients_use_it():
    cache = KeyCache(1)
    client = alice(key_cache=cache)
    cache.close()
    assert log_in(client, server())
    with pytest.raises(scramtoken.InvalidStateError, match="this KeyCache is closed"):
        alice(key_cache=cache)


@pytest.mark.parametrize(
    ("capacity", "error"),
    [(0, ValueError), (-1, ValueError), (1 << 64, ValueError), ("1", TypeError), (True, TypeError)],
)
def test_bad_capacity(capacity, error):
    with pytest.raises(error, match="capacity"):
        KeyCache(capacity)


def test_capacity_is_a_limit_and_not_an_allocation():
    assert log_in(alice(key_cache=KeyCache((1 << 64) - 1)), server())
