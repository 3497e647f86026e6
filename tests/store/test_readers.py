"""Many processes with many threads log users in while another changes the store under them."""

import random
import subprocess
import time

import pytest

from .processes import argv, environment, in_memory, python

READERS, THREADS, STEADY = 8, 4, 50

READER = """
import random, threading, time
_, uri, seed, seconds, threads, steady = sys.argv
store = library.open(uri, read_only=True)
end = time.monotonic() + float(seconds)
counts = [0] * int(threads)

def log_in(number):
    choose = random.Random(f"{seed} {number}")
    while time.monotonic() < end:
        counts[number] += 1
        name = f"steady-{choose.randrange(int(steady))}"
        mechanism = choose.choice((SHA_256, SHA_512))
        if choose.random() < 0.5:
            assert store.log_in(name, f"of-{name}", mechanism) == "OK"
        else:
            assert store.log_in(name, "of-another", mechanism) == "INVALID_PROOF"
        # One comes and goes, one has one password or the other, and one there never was.
        name = f"fleeting-{choose.randrange(int(steady))}"
        assert store.log_in(name, f"of-{name}") in ("OK", "UNKNOWN_USER")
        assert store.log_in(name, "of-another") in ("INVALID_PROOF", "UNKNOWN_USER")
        old, new = (store.log_in("changing", password) for password in ("old", "new"))
        assert {old, new} <= {"OK", "INVALID_PROOF"}
        assert store.log_in("changing", "wrong") == "INVALID_PROOF"
        assert store.log_in("nobody", "pencil") == "UNKNOWN_USER"

failed = []
def run(number):
    try:
        log_in(number)
    except BaseException as error:
        failed.append(error)
        raise

readers = [threading.Thread(target=run, args=(number,)) for number in range(int(threads))]
for reader in readers:
    reader.start()
for reader in readers:
    reader.join()
assert not failed and all(counts), (failed, counts)
print(sum(counts))
"""

WRITER = """
import random, time
_, uri, seconds, steady = sys.argv
store = library.open(uri)
credentials = {
    password: library.derive(SHA_256, password, 1)
    for password in ["old", "new", *(f"of-fleeting-{n}" for n in range(int(steady)))]
}
end, choose, count = time.monotonic() + float(seconds), random.Random(1), 0
while time.monotonic() < end:
    name = f"fleeting-{choose.randrange(int(steady))}"
    try:
        store.delete_user(name)
    except StoreError as error:
        assert error.status == "USER_NOT_FOUND", error
        store.put_credential(name, credentials[f"of-{name}"])
    store.put_credential("changing", credentials["new" if count % 2 else "old"])
    count += 1
print(count)
"""


def churn(uri, seconds, kill=False):
    """Runs readers beside a writer; with `kill`, readers are killed and others take their place."""
    python(
        """
        _, uri, steady = sys.argv
        store = library.open(uri)
        for number in range(int(steady)):
            for mechanism in (SHA_256, SHA_512):
                name = f"steady-{number}"
                credential = library.derive(mechanism, f"of-{name}", 1)
                store.put_credential(name, credential, mechanism)
        store.put_credential("changing", library.derive(SHA_256, "old", 1))
        """,
        uri,
        STEADY,
    )
    pipe = subprocess.PIPE

    def start(code, *arguments):
        return subprocess.Popen(
            argv(code, uri, *arguments), env=environment(), stdout=pipe, stderr=pipe, text=True
        )

    def reader(seed, seconds):
        return start(READER, seed, seconds, THREADS, STEADY)

    writer = start(WRITER, seconds, STEADY)
    readers = [reader(seed, seconds) for seed in range(READERS)]
    killed = 0
    try:
        end = time.monotonic() + seconds - 3
        while kill and time.monotonic() < end:
            time.sleep(random.uniform(0.2, 1))
            victim = random.randrange(READERS)
            readers[victim].kill()
            readers[victim].communicate()
            killed += 1
            readers[victim] = reader(f"after {killed}", end + 3 - time.monotonic())
        counts = []
        for process in [writer, *readers]:
            out, err = process.communicate(timeout=seconds + 60)
            assert process.returncode == 0, err
            counts.append(int(out))
    finally:
        for process in [writer, *readers]:
            process.kill()
    print(f"{counts[0]} changes, {sum(counts[1:])} rounds of logins, {killed} killed")
    assert counts[0] > seconds and min(counts) > 0
    check = "print(library.open(sys.argv[1]).users())"
    assert python(check, uri).count("steady") == 2 * STEADY


def test_readers_beside_a_writer(tmp_path):
    churn(f"lmdb:{tmp_path}/store", 4)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_readers_that_are_killed_beside_a_writer():
    with in_memory() as place:
        churn(f"lmdb:{place}/store", 60, kill=True)
