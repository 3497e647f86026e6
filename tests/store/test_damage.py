"""A store's bytes flipped in turn: an error or an unharmed answer, never a wrong credential.

Each damaged copy is opened by a process of its own, since LMDB may crash on it, as SECURITY.md
says. Where the damage is in one of our records, nothing may crash, and `scramtoken store check`
finds whatever a server could come upon.
"""

import collections
import contextlib
import faulthandler
import os
import resource
import shutil
import signal
import traceback

import pytest

from harness.kafka.cli import scramtoken

from .damage import NOT_FOUND, NOTICED, UNHARMED, look, make
from .processes import in_memory

# How a process ends where LMDB meets pages that make no sense: it crashes, or searches without end.
CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGXCPU}
# Seconds of processor time; a look takes some milliseconds.
ENOUGH = 2

# Where a child's errors go, and what LMDB says of an assertion that fails.
SAID = "said"
# A child's exit code after a wrong answer; else it is what the child found.
WRONG = 12


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    directory = tmp_path_factory.mktemp("damage")
    original = make(directory / "store")
    with copy(original.data, directory / "copy"):
        assert look(original, directory / "copy") == UNHARMED
    return original


@contextlib.contextmanager
def copy(data, directory):
    """A store of these bytes."""
    directory.mkdir(mode=0o700)
    file = directory / "data.mdb"
    file.touch(mode=0o600)
    file.write_bytes(data)
    try:
        yield
    finally:
        shutil.rmtree(directory)


def look_at(original, data, directory):
    """What a child finds in a store of these bytes, as its exit code; or the signal that ended it,
    negative."""
    with copy(data, directory):
        child = os.fork()
        if child == 0:
            code = WRONG
            try:
                faulthandler.disable()  # a crash is for the parent to see
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(60)
                resource.setrlimit(resource.RLIMIT_CPU, (ENOUGH, ENOUGH + 1))
                said = os.open(directory / SAID, os.O_WRONLY | os.O_CREAT, 0o600)
                os.dup2(said, 2)
                code = look(original, directory)
            except BaseException:
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code != WRONG, (directory / SAID).read_text()
        return code


def is_found(data, directory):
    """Whether `store check` finds something wrong with a store of these bytes."""
    with copy(data, directory):
        done = scramtoken("store", "check", "--store", f"lmdb:{directory}")
        assert done.returncode in (0, 6), done.stderr
        return done.returncode == 6


def flipped(data, at):
    """One bit of this byte, another one for each byte."""
    damaged = bytearray(data)
    damaged[at] ^= 1 << at % 8
    return damaged


def flip(original, places, directory):
    """Flips a bit at each of these places in turn; what came of it, counted."""
    outcomes = collections.Counter()
    copies = [copy for record in original.records().values() for copy in record]
    ours = {at for copy in copies for at in copy}
    for at in places:
        damaged = flipped(original.data, at)
        outcome = look_at(original, damaged, directory)
        what = f"byte {at} ({original.data[at]:#x} as {damaged[at]:#x}): {outcome}"
        if at in ours:
            assert outcome in (UNHARMED, NOTICED), what
        else:
            assert outcome in (UNHARMED, NOTICED, NOT_FOUND) or -outcome in CRASHES, what
        outcomes[outcome] += 1
    return outcomes


@pytest.fixture
def place():
    """In memory, where files are quickly made."""
    with in_memory() as memory:
        yield memory / "store"


@pytest.fixture
def current(original, place):
    """The records that are in use, by table and key. Pages that were written again have left old
    copies, in which nothing is found."""
    records = {}
    for key, copies in original.records().items():
        (records[key],) = (
            copy for copy in copies if is_found(flipped(original.data, copy[-1]), place)
        )
    return records


def test_an_undamaged_copy_is_unharmed(original, place):
    assert look_at(original, original.data, place) == UNHARMED
    assert not is_found(original.data, place)


def test_flipped_bytes(original, current, place):
    """Some of a record of each table, and some of everything."""
    # The last one of each: of two expiries that of the token which has ended, and is swept.
    for record in {table: record for (table, _), record in current.items()}.values():
        places = record[:: len(record) // 12 or 1]
        assert flip(original, places, place)[NOTICED] == len(places)
    flip(original, range(0, len(original.data), 197), place)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_flipped_byte(original, current, place):
    """Every one of those that are used, and some of the free room between them."""
    data = original.data
    used = [at for at in range(len(data)) if at % 16 == 0 or any(data[max(at - 8, 0) : at + 9])]
    flip(original, used, place)
    for record in current.values():
        assert all(is_found(flipped(data, at), place) for at in record)


def test_a_file_that_was_cut_short(original, place):
    """An error, and no SIGBUS: what is missing reads as zeros."""
    data = original.data
    for length in [*range(0, 400, 50), *range(4000, len(data), 1000)]:
        outcome = look_at(original, data[:length], place)
        assert outcome in (NOTICED, NOT_FOUND, UNHARMED), f"{length} bytes: {outcome}"
