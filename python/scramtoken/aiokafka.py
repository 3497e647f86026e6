"""Logs aiokafka's clients in from a source, with this library's SCRAM client::

    import scramtoken.aiokafka

    source = scramtoken.Source.open("file:/run/secrets/token.json")
    scramtoken.aiokafka.register()
    consumer = AIOKafkaConsumer("topic", bootstrap_servers="localhost:9092",
        security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="", sasl_plain_password=source, ssl_context=...)

Each login reads the source anew. aiokafka does not re-authenticate (KIP-368): the broker closes a
session at its end, and aiokafka connects and logs in again. What goes wrong in a login, an expired
token included, is SaslAuthenticationFailed with a text that says what to do; aiokafka logs it, as
it does with a broker's refusal. For aiokafka 0.12 to 0.14.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.conn import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
    AIOKafkaConnection,
)
from aiokafka.errors import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
    SaslAuthenticationFailed,
)

from ._kafka import EXPIRED, is_token_login
from .client import Client
from .errors import ScramTokenError
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
            return _SourceAuthenticator(connection, source)
        return original(connection)

    authenticator_scram.is_scramtoken = True  # type: ignore[attr-defined]
    AIOKafkaConnection.authenticator_scram = authenticator_scram


class _SourceAuthenticator:
    """One login, in the form of aiokafka's authenticators."""

    def __init__(self, connection: Any, source: Source) -> None:
        self._connection = connection
        self._client = Client(connection._sasl_mechanism, source=source)
        self._is_token = False
        self._lifetime_ms: int | None = None
        # aiokafka hands on the broker's message alone; the session's lifetime stands beside it.
        self._send = connection.send
        connection.send = self._watch

    async def step(self, payload: bytes | None) -> tuple[bytes, bool] | None:
        """The next message and whether an answer is wanted; None when the login is over."""
        # Hashing takes a millisecond or more, and the source is a file: not in the event loop.
        loop = asyncio.get_running_loop()
        try:
            message = await loop.run_in_executor(None, self._client.step, payload or b"")
        except ScramTokenError as error:
            raise SaslAuthenticationFailed(str(error)) from error
        if payload is None:
            self._is_token = is_token_login(message)
        if not self._client.authenticated:
            return message, True
        del self._connection.send
        if self._is_token and self._lifetime_ms == 0:
            raise SaslAuthenticationFailed(EXPIRED)
        return None

    async def _watch(self, request: Any, expect_response: bool = True) -> Any:
        response = await self._send(request, expect_response)
        self._lifetime_ms = getattr(response, "session_lifetime_ms", None)
        return response
