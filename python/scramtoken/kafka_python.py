"""Logs kafka-python's clients in from a source, with this library's SCRAM client::

    import scramtoken.kafka_python

    source = scramtoken.Source.open("file:/run/secrets/token.json")
    scramtoken.kafka_python.register()
    consumer = KafkaConsumer("topic", bootstrap_servers="localhost:9092",
        security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", sasl_plain_password=source)

Each login, and each re-authentication (KIP-368), reads the source anew. What goes wrong, an expired
token included, is SaslAuthenticationFailedError with a text that says what to do.
For kafka-python 3.
"""

from __future__ import annotations

from typing import Any

from kafka.errors import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
    SaslAuthenticationFailedError,
)
from kafka.net.connection import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
    KafkaConnection,
)
from kafka.net.sasl import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
    get_sasl_mechanism,
    register_sasl_mechanism,
)
from kafka.net.sasl.abc import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
    SaslMechanism,
)

from ._kafka import EXPIRED, is_token_login
from .client import Client
from .errors import ScramTokenError
from .source import Source

_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
_LOGIN = "scramtoken_login"  # in a connection's configuration, which is each connection's own


def register() -> None:
    """Lets kafka-python take a Source as sasl_plain_password; other clients log in as before.
    May be called again."""
    for name in _MECHANISMS:
        original = get_sasl_mechanism(name)
        if not isinstance(original, _Choice):
            register_sasl_mechanism(name, _Choice(original), overwrite=True)
    _look_at_lifetimes()


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
        self._login = config[_LOGIN]
        self._client = Client(self._name, source=config["sasl_plain_password"])
        self._message: bytes | None = None

    def auth_bytes(self) -> bytes:
        if self._message is None:
            self._message = self._step()
            self._login.is_token = is_token_login(self._message)
        return self._message

    def receive(self, auth_bytes: bytes) -> bool:
        self._message = self._step(auth_bytes)
        return self.is_done()

    def is_done(self) -> bool:
        return self._client.authenticated

    def is_authenticated(self) -> bool:
        return self._client.authenticated

    def auth_details(self) -> str:
        return f"Authenticated by scramtoken's source via SASL / {self._name}"

    def _step(self, data: bytes = b"") -> bytes:
        try:
            return self._client.step(data)
        except ScramTokenError as error:
            raise SaslAuthenticationFailedError(str(error)) from error


class _Login:
    """What a mechanism, which is given a configuration and no connection, leaves for it."""

    is_token = False


def _look_at_lifetimes() -> None:
    """Takes a lifetime of 0 after a token's login for what it is: the token has expired."""
    original = KafkaConnection._sasl_authenticate
    if getattr(original, "is_scramtoken", False):
        return

    async def _sasl_authenticate(connection: Any, *arguments: Any, **named: Any) -> None:
        login = connection.config[_LOGIN] = _Login()
        await original(connection, *arguments, **named)
        if login.is_token and not connection._reauth.session_lifetime_ms:
            raise SaslAuthenticationFailedError(EXPIRED)

    _sasl_authenticate.is_scramtoken = True  # type: ignore[attr-defined]
    KafkaConnection._sasl_authenticate = _sasl_authenticate
