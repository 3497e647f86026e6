"""Whether a server on a store lets somebody in."""

import scramtoken

MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]


def lets_in(store, mechanism, **credential):
    """By username and password, or by token_id and hmac; the server proves itself as well."""
    config = scramtoken.ServerConfig(store=store)
    server, client = (
        scramtoken.Server(config, mechanism),
        scramtoken.Client(mechanism, **credential),
    )
    try:
        client.step(server.step(client.step(server.step(client.step()))))
    except scramtoken.AuthenticationError as error:
        assert error.name in ("INVALID_PROOF", "UNKNOWN_USER", "TOKEN_NOT_FOUND")
        return False
    return client.authenticated
