"""What the adapters of Kafka's clients have in common."""

from __future__ import annotations

EXPIRED = (
    "the delegation token has expired (the broker let it in with a session lifetime of 0, and would"
    " cut it off): put a renewed or a new one into the source"
)


def is_token_login(client_first: bytes) -> bool:
    """Whether the login says that it is a token's (KIP-48); a name's commas are escaped."""
    return client_first.endswith(b",tokenauth=true")
