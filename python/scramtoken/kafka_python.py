"""Logs kafka-python's clients in from a source, with this library's SCRAM client::

    import scramtoken.kafka_python

    source = scramtoken.Source.open("file:/run/secrets/token.json")
    scramtoken.kafka_python.register()
    consumer = KafkaConsumer("topic", bootstrap_servers="localhost:9092",
        security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", sasl_plain_password=source)

Each login, and each re-authentication (KIP-368), reads the source anew. For kafka-python 3.
"""

from __future__ import annotations

from typing import Any

from kafka.net.sasl import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
    get_sasl_mechanism,
    register_sasl_mechanism,
)
from kafka.net.sasl.abc import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
    SaslMechanism,
)

from .client import Client
from .source import Source

_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")


def register() -> None:
    """Lets kafka-python take a Source as sasl_plain_password; other clients log in as before.
    May be called again."""
    for name in _MECHANISMS:
        original = get_sasl_mechanism(name)
        if not isinstance(original, _Choice):
            register_sasl_mechanism(name, _Choice(original), overwrite=True)


class _Choice:
    """What kafka-python takes for the mechanism's class."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __call__(self, **config: Any) -> Any:
        if isinstance(config.get("sasl_plain_password"), Source):
            return _SourceMechanism(**config)
        return self._original(**config)


class _SourceMechanism(SaslMechanism):  # type: ignore[misc, unused-ignore]
    """One login."""

    def __init__(self, **config: Any) -> None:
        self._name = config["sasl_mechanism"]
        self._client = Client(self._name, source=config["sasl_plain_password"])
        self._message: bytes | None = None

    def auth_bytes(self) -> bytes:
        if self._message is None:
            self._message = self._client.step()
        return self._message

    def receive(self, auth_bytes: bytes) -> bool:
        self._message = self._client.step(auth_bytes)
        return self.is_done()

    def is_done(self) -> bool:
        return self._client.authenticated

    def is_authenticated(self) -> bool:
        return self._client.authenticated

    def auth_details(self) -> str:
        return f"Authenticated by scramtoken's source via SASL / {self._name}"
