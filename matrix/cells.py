"""The cells of the matrix: which client logs in to which broker, and how."""

import itertools
from dataclasses import dataclass

from harness.kafka.jars import VERSIONS
from harness.kafka.properties import LISTENERS, SCRAM_MECHANISMS

STOCK, OURS = "stock", "libscramtoken"
KINDS = (STOCK, OURS)

PASSWORD = "password"
EXTENSION = "token, tokenauth=true"
LIBRARY = "token, libscramtoken"
IMPLICIT = "token, implicit"


@dataclass(frozen=True)
class Cell:
    """One square of the matrix."""

    client: str
    version: str  # of the broker
    kind: str
    mechanism: str
    transport: str
    credential: str

    @property
    def row(self):
        return self.client, self.credential

    @property
    def broker(self):
        return self.version, self.kind

    def pairs(self):
        """Each two of its coordinates."""
        coordinates = (
            ("row", self.row),
            ("version", self.version),
            ("kind", self.kind),
            ("mechanism", self.mechanism),
            ("transport", self.transport),
        )
        return set(itertools.combinations(coordinates, 2))

    def __str__(self):
        return " | ".join(
            (self.client, self.credential, " ".join(self.broker), self.mechanism, self.transport)
        )


def whole_product(clients):
    """Every cell there is: a client has the credentials that it can log in with at all."""
    return [
        Cell(client.name, version, kind, mechanism, transport, credential)
        for client in clients
        for credential in client.credentials
        for version in reversed(sorted(VERSIONS))
        for kind in KINDS
        for mechanism in SCRAM_MECHANISMS
        for transport in LISTENERS
    ]


def pairwise(cells):
    """A part of the cells in which every two coordinates meet that do so in the whole, always the
    same one: the next cell is the first of those with the most pairs that are still missing."""
    left = {cell: cell.pairs() for cell in cells}
    missing = set().union(*left.values())
    chosen = []
    while missing:
        best = max(left, key=lambda cell: len(left[cell] & missing))
        missing -= left.pop(best)
        chosen.append(best)
    order = {cell: place for place, cell in enumerate(cells)}
    return sorted(chosen, key=order.get)
