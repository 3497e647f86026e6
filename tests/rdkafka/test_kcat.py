"""Debian's kcat with nothing but -X options."""

import os
import subprocess
import time

from harness.rdkafka.stock import config, produce, topic


def kcat(broker, source, *arguments):
    options = [f"plugin.library.paths={os.environ['SCRAMTOKEN_LIBRARY']}"]
    options.append(f"scramtoken.source={source.uri}")
    argv = ["kcat", "-b", broker.bootstrap(), *arguments]
    for option in options:
        argv += ["-X", option]
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def test_consumes(broker, source):
    source.write(broker.create_token("User:alice"))
    name = topic()
    produce(config(broker.bootstrap(), source), name, 20)
    done = kcat(broker, source, "-C", "-t", name, "-c", "20", "-q")
    assert done.stdout.split() == [str(number) for number in range(20)], done.stderr


def test_says_why_not(broker, source):
    token = broker.create_token("User:alice")
    broker.expire_token(token)
    source.write(token)
    done = kcat(broker, source, "-L", "-m", "5")
    assert "the broker does not know the token" in done.stderr
    assert done.returncode != 0


def test_sees_that_a_token_has_expired(broker, source):
    """librdkafka 2.0.2 asks for no session lifetime, which is where a broker says so."""
    token = broker.create_token("User:alice", max_lifetime_ms=1500)
    time.sleep(max(0, token.expiry_ms / 1000 - time.time()) + 0.1)
    done = kcat(broker, source.write(token), "-L", "-m", "5")
    assert "the delegation token has expired" in done.stderr
