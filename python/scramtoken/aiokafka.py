"""Logs aiokafka's clients in from a source, with this library's SCRAM client::

    import scramtoken.aiokafka

    source = scramtoken.Source.open("file:/run/secrets/token.json")
    scramtoken.aiokafka.register()
    consumer = AIOKafkaConsumer("topic", bootstrap_servers="localhost:9092",
        security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="", sasl_plain_password=source, ssl_context=...)

Each login reads the source anew. aiokafka does not re-authenticate (KIP-368): the broker closes a
session at its end, and aiokafka connects and logs in again. For aiokafka 0.12 to 0.14.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.conn import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
    AIOKafkaConnection,
)

from .client import Client
from .source import Source


def register() -> None:
    """Lets aiokafka take a Source as sasl_plain_password; other clients log in as before.
    May be called again."""
    original = AIOKafkaConnection.authenticator_scram
    if getattr(original, "is_scramtoken", False):
        return

    def authenticator_scram(connection: Any) -> Any:
        source = connection._sasl_plain_password
        if isinstance(source, Source):
            return _SourceAuthenticator(connection._sasl_mechanism, source)
        return original(connection)

    authenticator_scram.is_scramtoken = True  # type: ignore[attr-defined]
    AIOKafkaConnection.authenticator_scram = authenticator_scram


class _SourceAuthenticator:
    """One login, in the form of aiokafka's authenticators."""

    def __init__(self, mechanism: str, source: Source) -> None:
        self._client = Client(mechanism, source=source)

    async def step(self, payload: bytes | None) -> tuple[bytes, bool] | None:
        """The next message and whether an answer is wanted; None when the login is over."""
        # Hashing takes a millisecond or more, and the source is a file: not in the event loop.
        loop = asyncio.get_running_loop()
        message = await loop.run_in_executor(None, self._client.step, payload or b"")
        return None if self._client.authenticated else (message, True)
