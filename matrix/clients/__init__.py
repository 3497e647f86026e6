"""The clients: what each is called, what it can log in with, and how its worker is started."""

import re
from dataclasses import dataclass
from typing import Callable

from ..cells import EXTENSION, IMPLICIT, LIBRARY, PASSWORD

# What the worker is to do for a credential.
LOGINS = {
    PASSWORD: "plain",
    IMPLICIT: "plain",
    EXTENSION: "tokenauth",
    LIBRARY: "scramtoken",
}


@dataclass(frozen=True)
class Client:
    name: str
    version: Callable[[], str]  # its own, and of what it stands on
    credentials: tuple
    command: Callable[[], list]  # starts the worker; what has to be built is built before
    traffic: str = "plain"
    worker: str = ""  # a name that clients have in common whose worker is the same

    @property
    def slug(self):
        """Its name in client ids and topics."""
        return _slug(self.name)

    @property
    def process(self):
        """The name of its worker's process, and of that one's log."""
        return _slug(self.worker or self.name)


def _slug(name):
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")


def all_clients():
    from . import commands, go, java, node, python, rust

    return [
        client for module in (java, commands, python, go, node, rust) for client in module.clients()
    ]
