"""What LMDB does not forgive, each trap with the real thing: every one is a clear error."""

import os
import shutil
import subprocess

import pytest

from harness.kafka.cli import PROGRAM
from harness.namespaces import MOUNTS, PROCESSES
from harness.paths import library

from .processes import Holder, python


@pytest.fixture
def uri(tmp_path):
    return f"lmdb:{tmp_path}/store"


def in_mounts(setup, code, *arguments):
    """Runs Python after shell commands, in a mount namespace that ends with it."""
    shell = ("sh", "-euc", f'{setup}\nexec "$@"', "sh")
    return python(code, *arguments, wrapper=(*MOUNTS, *shell))


# ---- fork ----


def test_after_a_fork_the_store_is_the_parents_alone(uri):
    python(
        """
        store = library.open(sys.argv[1])
        store.put_user("alice", "pencil")
        if (child := os.fork()) == 0:
            forked = "before this process was forked"
            refused("INVALID_STATE", forked, store.users)
            refused("INVALID_STATE", forked, store.put_user, "bob", "pencil")
            refused("INVALID_STATE", forked, store.delete_user, "alice")
            assert store.log_in("alice", "pencil") == "INVALID_STATE"
            refused("INVALID_STATE", forked, library.open, sys.argv[1])
            store.close()
            anew = library.open(sys.argv[1])  # as the text says
            assert anew.log_in("alice", "pencil") == "OK"
            anew.put_user("of-child", "pencil")
            anew.close()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert store.users() == ["alice", "of-child"]
        store.put_user("bob", "pencil")
        store.close()
        """,
        uri,
    )


def test_a_child_that_lives_on_does_not_keep_the_parent_out(uri):
    """It has inherited the parent's open files, locks and all."""
    python(
        """
        store = library.open(sys.argv[1])
        read, write = os.pipe()
        if (child := os.fork()) == 0:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
        os.close(read)
        store.close()
        store = library.open(sys.argv[1])
        store.put_user("alice", "pencil")
        os.close(write)
        os.waitpid(child, 0)
        assert store.log_in("alice", "pencil") == "OK"
        store.close()
        """,
        uri,
    )


def test_a_fork_amid_transactions_does_not_hang_the_child(uri):
    python(
        """
        import signal, threading, warnings
        warnings.simplefilter("ignore")  # that it forks with threads is the point
        store = library.open(sys.argv[1])
        store.put_credential("alice", library.derive(SHA_256, "pencil", 1))
        ended = False
        def read():
            while not ended:
                assert store.log_in("alice", "pencil") == "OK"
        def write():
            credential = library.derive(SHA_256, "pencil", 1)
            while not ended:
                store.put_credential("bob", credential)
        threads = [threading.Thread(target=call) for call in (read, read, write)]
        for thread in threads:
            thread.start()
        for _ in range(60):
            if (child := os.fork()) == 0:
                signal.alarm(10)
                refused("INVALID_STATE", "forked", store.put_user, "carol", "pencil")
                assert store.log_in("alice", "pencil") == "INVALID_STATE"
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        ended = True
        for thread in threads:
            thread.join()
        assert store.users() == ["alice", "bob"]
        """,
        uri,
    )


def test_a_fork_amid_opening_and_closing_does_not_hang_the_child(uri):
    python(
        """
        import signal, threading, warnings
        warnings.simplefilter("ignore")  # that it forks with threads is the point
        store = library.open(sys.argv[1])
        ended = False
        def open_and_close():
            while not ended:
                library.open(sys.argv[1] + "-of-a-thread").close()
        thread = threading.Thread(target=open_and_close)
        thread.start()
        for _ in range(40):
            if (child := os.fork()) == 0:
                signal.alarm(10)
                store.close()
                library.open(sys.argv[1] + "-of-a-child").close()
                os._exit(7)
            exit_code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if exit_code != 7:
                break
        ended = True
        thread.join()
        assert exit_code == 7, exit_code
        store.put_user("alice", "pencil")
        store.close()
        """,
        uri,
    )


def test_a_fork_into_another_pid_namespace(uri):
    """Parent and child are the first process of theirs, and so have the same id."""
    python(
        """
        import ctypes
        assert os.getpid() == 1
        store = library.open(sys.argv[1])
        store.put_user("alice", "pencil")
        CLONE_NEWPID = 0x20000000
        assert ctypes.CDLL(None).unshare(CLONE_NEWPID) == 0
        if (child := os.fork()) == 0:
            assert os.getpid() == 1
            forked = "before this process was forked"
            refused("INVALID_STATE", forked, store.put_user, "bob", "pencil")
            assert store.log_in("alice", "pencil") == "INVALID_STATE"
            refused("INVALID_STATE", forked, library.open, sys.argv[1])
            store.close()
            # Both would be one reader to LMDB.
            same_id = "process with this one's id (1)"
            refused("INVALID_STATE", same_id, library.open, sys.argv[1])
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert store.users() == ["alice"]
        store.close()
        """,
        uri,
        wrapper=PROCESSES,
    )


# ---- one process id, two users of LMDB ----


def test_two_copies_of_the_library_in_one_process(uri, tmp_path):
    copy = shutil.copy(library(), tmp_path / "another.so")
    python(
        """
        _, uri, copy = sys.argv
        another = Library(copy)
        assert another.c._handle != library.c._handle
        store = library.open(uri)
        store.put_user("alice", "pencil")
        refused("INVALID_STATE", "another copy of this library", another.open, uri)
        refused("INVALID_STATE", "another copy", another.open, uri, read_only=True)
        assert store.log_in("alice", "pencil") == "OK"  # unharmed
        store.close()
        store = another.open(uri)
        assert store.log_in("alice", "pencil") == "OK"
        refused("INVALID_STATE", "another copy of this library", library.open, uri)
        store.close()
        """,
        uri,
        copy,
    )


def test_equal_process_ids_in_two_namespaces(uri):
    opens = "library.open(sys.argv[1]).close()"
    with Holder(uri, PROCESSES) as first:
        assert first.pid == 1
        text = python(
            """
            assert os.getpid() == 1
            part = "shareProcessNamespace: true"
            print(refused("INVALID_STATE", part, library.open, sys.argv[1]))
            """,
            uri,
            wrapper=PROCESSES,
        )
        assert "process with this one's id (1)" in text
        python(opens, uri)  # with an id of its own it is welcome
        with Holder(uri) as other:
            assert other.pid != 1
    python(opens, uri, wrapper=PROCESSES)


def test_a_killed_holder_keeps_nobody_out(uri):
    for _ in range(3):
        holder = Holder(uri, PROCESSES)
        with pytest.raises(AssertionError), holder:
            holder.process.kill()  # unshare, and --kill-child ends the other
    users = python("print(library.open(sys.argv[1]).users())", uri, wrapper=PROCESSES)
    assert users == "['of-1']\n"


# ---- file systems ----


def read_only(code, uri):
    """Runs Python where the store's directory is bound read-only."""
    directory = uri.removeprefix("lmdb:")
    setup = f'mount --bind "{directory}" "{directory}"; mount -o remount,bind,ro "{directory}"'
    return in_mounts(setup, code, uri)


def test_a_read_only_file_system_is_for_backups(uri, tmp_path):
    backup = f"lmdb:{tmp_path}/backup"
    python('library.open(sys.argv[1]).put_user("alice", "pencil")', uri)
    program("backup", "--store", uri, "--out", tmp_path / "backup")
    read_only(
        """
        refused("IO", "read-only", library.open, sys.argv[1])
        refused("IO", "only a backup", library.open, sys.argv[1], read_only=True)
        """,
        uri,
    )
    read_only(
        """
        refused("IO", "read-only", library.open, sys.argv[1])
        store = library.open(sys.argv[1], read_only=True)
        assert store.log_in("alice", "pencil") == "OK"
        assert store.log_in("alice", "pen") == "INVALID_PROOF"
        assert store.log_in("bob", "x") == "UNKNOWN_USER"
        refused("INVALID_STATE", "for reading only", store.put_user, "bob", "pencil")
        """,
        backup,
    )
    # Once it was opened for writing, it is a store like any other.
    python('library.open(sys.argv[1]).put_user("bob", "pencil")', backup)
    read_only('refused("IO", "only a backup", library.open, sys.argv[1], read_only=True)', backup)


def program(*arguments):
    """The program's store command."""
    argv = [PROGRAM, "store", *map(str, arguments)]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout


def on_tmpfs(size, code, directory):
    """On a file system of so many KiB, with the store in its directory `sub`."""
    setup = f'mount -t tmpfs -o size={size}k,mode=700 tmpfs "{directory}"'
    return in_mounts(setup, code, directory)


@pytest.mark.parametrize("size", [4, 16, 64, 256, 264, 272, 280, 288, 300, 340, 400])
def test_a_store_begun_on_a_full_file_system(tmp_path, size):
    """Wherever the room ends: an error and no SIGBUS, and nothing that stands in the way later."""
    on_tmpfs(
        size,
        """
        directory = sys.argv[1]
        uri = f"lmdb:{directory}/store"
        try:
            library.open(uri).put_user("alice", "pencil")
        except StoreError as error:
            assert error.status == "IO", error
            assert "space" in error.text, error
        os.system(f"mount -o remount,size=2m {directory}")
        store = library.open(uri)
        store.put_user("bob", "pencil")
        assert store.log_in("bob", "pencil") == "OK"
        """,
        tmp_path,
    )


def test_a_store_that_fills_its_file_system_loses_nothing(tmp_path):
    on_tmpfs(
        1000,
        """
        directory = sys.argv[1]
        uri = f"lmdb:{directory}/store"
        store, credential = library.open(uri), library.derive(SHA_256, "pencil", 1)
        with open(f"{directory}/ballast", "wb") as ballast:
            ballast.write(bytes(100_000))
        names = []
        while True:
            name = f"user-{len(names)}"
            try:
                store.put_credential(name, credential)
            except StoreError as error:
                assert error.status == "IO", error
                assert "no space is left" in error.text, error
                break
            names.append(name)
        assert len(names) > 100
        assert store.users() == sorted(names)
        assert all(store.log_in(name, "pencil") == "OK" for name in names[::10])
        assert store.log_in(name, "pencil") == "UNKNOWN_USER"  # the one that found no room
        store.close()
        store = library.open(uri)
        assert store.users() == sorted(names)
        os.unlink(f"{directory}/ballast")
        store.put_credential(name, credential)
        assert store.log_in(name, "pencil") == "OK"
        """,
        tmp_path,
    )


def test_a_directory_that_somebody_else_made(tmp_path):
    """As anybody can, below /dev/shm."""
    place = tmp_path / "store"
    place.mkdir(mode=0o700)
    os.chown(place, 65534, 65534)
    python(
        'refused("PERMISSIONS", "belongs to user 65534", library.open, sys.argv[1])',
        f"lmdb:{place}",
    )
    assert list(place.iterdir()) == []


def test_little_address_space(uri):
    """The map is smaller then; where there is none at all, the error says so."""
    python(
        """
        import resource
        soft = 12 << 30
        resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
        store = library.open(sys.argv[1])
        store.put_user("alice", "pencil")
        store.close()
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        refused("IO", "ulimit -v", library.open, sys.argv[1])
        """,
        uri,
    )
