"""The ways in, one module each with a function `rows(scene)`; a new module is a new way in."""

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Callable

from harness.kafka.login_program import log_in
from harness.kafka.properties import SCRAM_MECHANISMS


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    way: str
    mechanism: str
    what: str
    expected: str
    run: Callable[[], tuple[str, str]]  # what happened, to compare with `expected`; and details


def all_rows(scene):
    """The rows of every module here, the modules in the order of their names."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        yield from importlib.import_module(f"{__name__}.{module.name}").rows(scene)


def login_program_rows(scene, way, program):
    """Every attempt by both mechanisms with a program that has the examples' options."""
    for mechanism in SCRAM_MECHANISMS:
        for attempt in scene.attempts:

            def run(mechanism=mechanism, attempt=attempt):
                address = scene.broker.address()
                login = log_in(program, address, mechanism, attempt.credential)
                return login.outcome, login.text

            yield Row(way, mechanism, attempt.what, attempt.expected, run)
