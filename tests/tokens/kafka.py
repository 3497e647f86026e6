"""Kafka's own DelegationTokenControlManager (TokenPeer.java), at a time that the test sets."""

import subprocess
from pathlib import Path

from harness.kafka.jars import broker_classpath
from harness.paths import ROOT
from harness.process import java_command, start, stop
from scramtoken import DelegationToken, Identity

_SOURCE = Path(__file__).with_name("TokenPeer.java")
_VERSION = "4.4.0"


class Refused(Exception):
    """`code` is Kafka's."""

    def __init__(self, code):
        super().__init__(str(code))
        self.code = code


class KafkaManager:
    """One JVM with a token manager; `by` is how a requester logged in. A context manager."""

    def __init__(self):
        self.now_ms = 0
        classes = ROOT / "build" / "tokens" / "classes"
        jars = broker_classpath(_VERSION)
        javac = [
            java_command("javac"),
            "-Xlint:all",
            "-Werror",
            "-cp",
            jars,
            "-d",
            classes,
            _SOURCE,
        ]
        subprocess.run(javac, check=True)
        self._process = start(
            [
                java_command(), "-Xmx256m", "-XX:+UseSerialGC",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                "-cp", f"{classes}:{jars}", "org.apache.kafka.controller.TokenPeer",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self._process)

    def begin(self, secret, max_lifetime_ms, expiry_time_ms):
        """Without tokens; no secret: switched off."""
        self._ask("manager", secret, max_lifetime_ms, expiry_time_ms)

    def create(self, requester, owner, renewers, max_lifetime_ms, by, allowed):
        """`allowed`: the owners that the authorizer lets the requester act for."""
        token_id, hmac, *times = self._asked(
            "create", requester, by, "|".join(allowed), owner or "", "|".join(renewers),
            max_lifetime_ms,
        )  # fmt: skip
        return DelegationToken(
            token_id, hmac, owner or requester, requester, tuple(renewers), *map(int, times)
        )

    def renew(self, requester, hmac, period_ms, by):
        return int(self._asked("renew", requester, by, hmac, period_ms)[0])

    def expire(self, requester, hmac, period_ms, by):
        return int(self._asked("expire", requester, by, hmac, period_ms)[0])

    def describe(self, requester, owners, by, allowed):
        """Without HMACs."""
        owners = "*" if owners is None else "|".join(owners)
        (tokens,) = self._asked("describe", requester, by, "|".join(allowed), owners)
        return [_token(text) for text in tokens.split("|") if text]

    def sweep(self):
        return int(self._ask("sweep", self.now_ms)[0])

    def put_expiry(self, token_id, expiry_ms):
        """Sets a token's expiry, whatever the rules say."""
        self._ask("put-expiry", token_id, expiry_ms)

    def _asked(self, operation, requester, by, *fields):
        by_token = int(by == Identity.TOKEN)
        return self._ask(operation, self.now_ms, requester, by_token, *fields)

    def _ask(self, *fields):
        print(*fields, sep="\t", file=self._process.stdin, flush=True)
        code, *answer = self._process.stdout.readline().rstrip("\n").split("\t")
        if not code:
            raise RuntimeError("Kafka's JVM ended; what it said is on standard error")
        if code != "0":
            raise Refused(int(code))
        return answer


def _token(text):
    token_id, owner, requester, renewers, *times = text.split(",")
    renewers = tuple(filter(None, renewers.split("+")))
    return DelegationToken(token_id, None, owner, requester, renewers, *map(int, times))
