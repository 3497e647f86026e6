"""An installed prefix, made by `make install` of what was built already."""

import os

import pytest

from harness.commands import succeed
from harness.paths import ROOT

# As for root under sudo: without cargo, `make install` builds nothing.
NO_CARGO = "CARGO=no-such-cargo"


@pytest.fixture(scope="session")
def make():
    """Runs make, without what an outer make hands down."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR", "PREFIX")
    }

    def run(target, **variables):
        settings = [f"{name}={value}" for name, value in variables.items()]
        return succeed(["make", "-C", ROOT, NO_CARGO, target, *settings], env=environment)

    return run


@pytest.fixture(scope="session")
def prefix(make, tmp_path_factory):
    """Where a user would install, as in `make install PREFIX=...`."""
    directory = tmp_path_factory.mktemp("prefix")
    # DESTDIR, which is where packagers stage a tree, would make this the same directory.
    make("install", DESTDIR=directory.parent, PREFIX=f"/{directory.name}")
    return directory
