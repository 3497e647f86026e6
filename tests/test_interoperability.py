"""A part of `make matrix`, in which every client meets every broker, mechanism and transport."""

import itertools
import subprocess
import sys

import pytest

from harness.commands import succeed
from harness.paths import ROOT

MATRIX = [sys.executable, "-m", "matrix"]


def cells(*options):
    """Those that would be run: the client with its credential, the broker's version and kind,
    mechanism and transport of each."""
    for line in succeed([*MATRIX, "--list", *options], cwd=ROOT).splitlines():
        client, credential, broker, mechanism, transport = line.split(" | ")
        yield f"{client}, {credential}", *broker.split(), mechanism, transport


def test_all_pairs_are_in_the_part():
    def pairs(cells):
        return {pair for cell in cells for pair in itertools.combinations(enumerate(cell), 2)}

    whole, part = list(cells()), list(cells("--pairwise"))
    assert pairs(part) == pairs(whole)
    assert set(part) < set(whole)
    assert len(part) < len(whole) / 4
    assert part == list(cells("--pairwise"))


@pytest.mark.long
@pytest.mark.timeout(1800)  # six minutes on two cores; what is built first takes three
def test_every_failure_is_explained():
    done = subprocess.run([*MATRIX, "--pairwise", "--name", "pairwise"], cwd=ROOT)
    assert done.returncode == 0
