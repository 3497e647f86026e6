"""A store's bytes flipped in turn: an error or an unharmed answer, never a wrong credential.

Each damaged copy is opened by a process of its own, since LMDB may crash on it, as SECURITY.md
says. Where the damage is in one of our records, nothing may crash.
"""

import collections
import faulthandler
import hashlib
import os
import shutil
import signal
import traceback

import pytest

from .library import KEY_LENS, SHA_256, SHA_512, Library, StoreError
from .processes import in_memory

MECHANISMS = {SHA_256: 1, SHA_512: 2}
USERS = {"alice": "pencil", "bob": "another pencil"}
# What LMDB does when it meets pages that make no sense.
CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE}

# Where a child's errors go, and what LMDB says of an assertion that fails.
SAID = "said"
# What a child found, as its exit code.
UNHARMED, NOTICED, NOT_FOUND, WRONG = 0, 10, 11, 12


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The bytes of a small store."""
    directory = tmp_path_factory.mktemp("damage")
    library = Library()
    store = library.open(f"lmdb:{directory}/store")
    for name, password in USERS.items():
        for mechanism in MECHANISMS:
            credential = library.derive(mechanism, password, 1)
            store.put_credential(name, credential, mechanism)
    store.close()
    return (directory / "store" / "data.mdb").read_bytes()


def records(data):
    """Where the users' records are, old copies included: a node of LMDB's is the size of the value
    (low and high half), flags, the size of the key, the key, the value."""
    ranges = []
    for name in USERS:
        for mechanism, tag in MECHANISMS.items():
            key = hashlib.sha256(name.encode()).digest() + bytes([tag])
            at = data.find(key)
            assert at > 0
            while at > 0:
                assert data[at - 2 : at] == len(key).to_bytes(2, "little")
                length = int.from_bytes(data[at - 8 : at - 4], "little")
                assert 2 * KEY_LENS[mechanism] < length < 300
                ranges.append(range(at + len(key), at + len(key) + length))
                at = data.find(key, at + 1)
    return ranges


def look(directory):
    """What a damaged store answers: in a child, to its exit."""
    found = UNHARMED

    def log_in(name, password, mechanism):
        nonlocal found
        outcome = store.log_in(name, password, mechanism)
        found = max(found, {"OK": UNHARMED, "INVALID_PROOF": NOT_FOUND}.get(outcome, NOTICED))
        assert outcome in ("OK", "INVALID_PROOF", "CORRUPT", "IO"), outcome

    try:
        library = Library()
        store = library.open(f"lmdb:{directory}")
        for mechanism in MECHANISMS:
            for name, password in USERS.items():
                log_in(name, password, mechanism)
            for name, password in {**USERS, "carol": ""}.items():
                assert store.log_in(name, password + "x", mechanism) != "OK"
        store.put_credential("dora", library.derive(SHA_256, "pencil", 1))
        log_in("dora", "pencil", SHA_256)
        store.users()
    except StoreError as error:
        assert error.status in ("CORRUPT", "IO"), error
        found = max(found, NOTICED)
    return found


def in_a_child(directory):
    """The exit code of a process that looks, or the signal that ended it, negative."""
    child = os.fork()
    if child == 0:
        code = WRONG
        try:
            faulthandler.disable()  # a crash is for the parent to see
            signal.alarm(20)
            said = os.open(directory / SAID, os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(said, 2)
            code = look(directory)
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code != WRONG, (directory / SAID).read_text()
    return code


def look_at(data, directory):
    """Makes a store of these bytes, and has a child look at it."""
    directory.mkdir(mode=0o700)
    file = directory / "data.mdb"
    file.touch(mode=0o600)
    file.write_bytes(data)
    outcome = in_a_child(directory)
    shutil.rmtree(directory)
    return outcome


def flip(data, places, directory):
    """Flips a bit at each of these places in turn; what came of it, counted."""
    outcomes = collections.Counter()
    ours = {at for record in records(data) for at in record}
    for number, at in enumerate(places):
        damaged = bytearray(data)
        damaged[at] ^= 1 << number % 8
        outcome = look_at(damaged, directory)
        what = f"byte {at} ({data[at]:#x} as {damaged[at]:#x}): {outcome}"
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


def test_an_undamaged_copy_is_unharmed(data, place):
    assert look_at(data, place) == UNHARMED


def test_flipped_bytes(data, place):
    """The whole of a record, and some of everything."""
    # Pages that were written again have left old copies.
    current = [r for r in records(data) if flip(data, [r.stop - 1], place)[NOTICED]]
    assert len(current) == len(USERS) * len(MECHANISMS)
    record = current[0]
    assert flip(data, record, place)[NOTICED] == len(record)
    flip(data, range(0, len(data), 97), place)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_flipped_byte(data, place):
    """Every one of those that are used, and some of the free room between them."""
    used = [at for at in range(len(data)) if at % 16 == 0 or any(data[max(at - 8, 0) : at + 9])]
    outcomes = flip(data, used, place)
    assert outcomes[NOTICED] > sum(map(len, records(data))) / 4


def test_a_file_that_was_cut_short(data, place):
    """An error, and no SIGBUS: what is missing reads as zeros."""
    for length in [*range(0, 400, 50), *range(4000, len(data), 1000)]:
        outcome = look_at(data[:length], place)
        assert outcome in (NOTICED, NOT_FOUND, UNHARMED), f"{length} bytes: {outcome}"
