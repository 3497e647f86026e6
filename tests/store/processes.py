"""Real processes that open stores, in namespaces of their own where a test wants them."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from harness.paths import ROOT

PRELUDE = """
import os, sys
from tests.store.library import *
library = Library()

def refused(status, part, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except StoreError as error:
        assert error.status == status and part in error.text, error
        return error.text
    raise AssertionError(f"{call} was not refused")
"""


def argv(code, *arguments, wrapper=()):
    return [*wrapper, sys.executable, "-c", PRELUDE + textwrap.dedent(code), *map(str, arguments)]


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def python(code, *arguments, wrapper=(), **options):
    """Runs Python with a library loaded; it must end well, and what it printed comes back."""
    done = subprocess.run(
        argv(code, *arguments, wrapper=wrapper),
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )
    assert done.returncode == 0, f"exit code {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


class Holder:
    """Opens a store, and holds it until the `with` ends."""

    CODE = """
    store = library.open(sys.argv[1])
    store.put_user(f"of-{os.getpid()}", "pencil")
    print(os.getpid(), flush=True)
    sys.stdin.read()
    store.close()
    """

    def __init__(self, uri, wrapper=()):
        self.argv = argv(self.CODE, uri, wrapper=wrapper)

    def __enter__(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            self.argv, cwd=ROOT, env=environment(), stdin=pipe, stdout=pipe, text=True
        )
        self.pid = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_exception):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            assert self.process.wait(30) == 0
        finally:
            self.process.kill()


@contextlib.contextmanager
def in_memory():
    """A directory below /dev/shm."""
    place = Path(tempfile.mkdtemp(prefix="scramtoken-", dir="/dev/shm"))
    try:
        yield place
    finally:
        shutil.rmtree(place)
