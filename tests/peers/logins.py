"""Logins between our side and a peer's: messages taken from one to the other."""

from .lines import Ended


def into_ours(server, mechanism, client):
    """A peer's client at examples/c/server.c: "logged in", or why the server refused."""
    believes = False
    steps = iter((lambda _: client.first(), client.answer, client.finish))

    def step(message=b""):
        nonlocal believes
        output = next(steps)(message)
        believes = output is None
        return output

    return server.log_in_by(mechanism, step, lambda: believes, Ended)


def into_theirs(server, mechanism, client):
    """Our client at a peer's server: returns when either has accepted the other."""
    server.begin(mechanism, client.step())
    while message := client.step(server.receive()):
        server.send(message)
    assert client.authenticated
    server.finish()
