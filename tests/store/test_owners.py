"""Who may have a hand in a store: directories above it, other users, groups, Kubernetes volumes."""

import ctypes
import os
import shutil
import subprocess
import textwrap
import threading

import pytest

from harness.kafka.cli import PROGRAM, scramtoken
from harness.namespaces import MOUNTS

from .processes import in_memory, python

SOMEBODY, OTHER = 12345, 23456  # users and groups without a name
AS_SOMEBODY = """
groups = [int(group) for group in sys.argv.pop().split(",") if group]
os.setgroups(groups)
os.setresgid(12345, 12345, 12345)
os.setresuid(12345, 12345, 12345)
"""


@pytest.fixture
def place():
    """A directory that everybody may walk through."""
    with in_memory() as place:
        place.chmod(0o711)
        yield place


def as_somebody(code, *arguments, groups=(), wrapper=()):
    """Runs Python as another user, with these groups beside its own."""
    groups = ",".join(map(str, groups))
    code = AS_SOMEBODY + textwrap.dedent(code)
    return python(code, *arguments, groups, wrapper=wrapper)


def make(directory, mode, owner=0, group=0):
    directory.mkdir()
    os.chown(directory, owner, group)
    directory.chmod(mode)
    return directory


# ---- the directories above ----


REFUSED = """
_, uri, part = sys.argv
for read_only in (False, True):
    refused("PERMISSIONS", part, library.open, uri, read_only=read_only)
"""


@pytest.mark.parametrize(
    ("mode", "owner", "group", "part"),
    [
        (0o755, SOMEBODY, 0, f"it belongs to user {SOMEBODY}"),
        (0o1777, SOMEBODY, 0, f"it belongs to user {SOMEBODY}"),
        (0o777, 0, 0, "everybody may write to it"),
        (0o775, 0, OTHER, f"its group {OTHER} may write to it"),
        (0o2770, 0, OTHER, f"its group {OTHER} may write to it"),
    ],
)
def test_somebody_could_put_another_directory_there(place, mode, owner, group, part):
    """Whoever may rename above a store can have root's own files written over as tables."""
    above = make(place / "above", mode, owner, group)
    python('library.open(sys.argv[1]).put_user("alice", "pencil")', f"lmdb:{place}/sound")
    for store in (above / "store", above / "deeper" / "store"):
        python(REFUSED, f"lmdb:{store}", part)
        for action in ("stats", "check", "sweep"):
            done = scramtoken("store", action, "--store", f"lmdb:{store}")
            assert done.returncode == 6, done
            assert part in done.stderr
        done = scramtoken("store", "backup", "--store", f"lmdb:{place}/sound", "--out", store)
        assert done.returncode == 6, done
        assert part in done.stderr
        assert list(above.iterdir()) == []
        make(above / "deeper", 0o700)
        shutil.rmtree(above / "deeper")


def test_a_directory_that_is_swapped_all_the_time(place):
    """The attack itself: somebody exchanges root's store for a directory whose files are links."""
    above = make(place / "above", 0o755, SOMEBODY, SOMEBODY)
    store, trap, target = above / "store", above / "trap", place / "of-root"
    python('library.open(sys.argv[1]).put_user("alice", "pencil")', f"lmdb:{place}/store")
    shutil.move(place / "store", store)
    target.write_text("precious")
    make(trap, 0o700)
    for name in ("data.mdb", "lock.mdb"):
        (trap / name).symlink_to(target)
    renameat2 = ctypes.CDLL(None).renameat2
    exchange, at_cwd, ended = 2, -100, threading.Event()

    def swap():
        while not ended.is_set():
            renameat2(at_cwd, bytes(store), at_cwd, bytes(trap), exchange)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(20):
            argv = [PROGRAM, "store", "stats", "--store", f"lmdb:{store}"]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
            assert (done.returncode, target.read_text()) == (6, "precious"), done
            assert f"it belongs to user {SOMEBODY}" in done.stderr
    finally:
        ended.set()
        thread.join()


def test_a_link_of_somebodys_on_the_way(place):
    """In a sticky directory it is its owner's to turn elsewhere."""
    sticky = make(place / "sticky", 0o1777)
    make(place / "above", 0o755)
    (sticky / "link").symlink_to(place / "above")
    python("library.open(sys.argv[1]).close()", f"lmdb:{sticky}/link/store")
    os.chown(sticky / "link", SOMEBODY, SOMEBODY, follow_symlinks=False)
    python(REFUSED, f"lmdb:{sticky}/link/store", f"it belongs to user {SOMEBODY}")


def test_ones_own_directories_and_roots(place):
    home = make(place / "home", 0o755, SOMEBODY, SOMEBODY)
    as_somebody("library.open(sys.argv[1]).close()", f"lmdb:{home}/store")
    roots = make(place / "roots", 0o755)
    as_somebody(REFUSED, f"lmdb:{roots}", "it belongs to user 0")


# ---- groups, and Kubernetes volumes ----


def mount(volume, group):
    """What the kubelet does to a volume with fsGroup at each mount."""
    for path in [volume, *volume.rglob("*")]:
        os.chown(path, -1, group)
        more = 0o2770 if path.is_dir() else 0o660
        path.chmod(path.stat().st_mode & 0o7777 | more)


def modes(store):
    return [oct(path.stat().st_mode & 0o7777) for path in [store, *sorted(store.iterdir())]]


FS_GROUP = 34567
OPEN = """
store = library.open(sys.argv[1])
print(store.warning())
store.put_user("alice", "pencil")
assert store.log_in("alice", "pencil") == "OK"
store.close()
"""


def test_a_store_outlives_the_mounts_of_its_volume(place):
    volume = make(place / "volume", 0o755)
    uri = f"lmdb:{volume}/store"
    mount(volume, FS_GROUP)
    assert as_somebody(OPEN, uri, groups=[FS_GROUP]) == "\n"
    for opened in (OPEN, OPEN.replace("sys.argv[1]", "sys.argv[1], read_only=True", 1)):
        mount(volume, FS_GROUP)
        assert modes(volume / "store") == ["0o2770", *["0o660"] * 3]
        if "read_only" in opened:
            opened = "print(library.open(sys.argv[1], read_only=True).warning())"
        said = as_somebody(opened, uri, groups=[FS_GROUP])
        assert f"its group {FS_GROUP} had rights on it" in said
        assert "fsGroup" in said
        assert modes(volume / "store")[1:] == ["0o600"] * 3
        assert int(modes(volume / "store")[0], 8) & 0o777 == 0o700
        assert as_somebody(opened, uri, groups=[FS_GROUP]) == "\n"  # said once


def test_the_program_says_so_once(place):
    store = place / "store"
    uri = f"lmdb:{store}"
    python(OPEN, uri)
    for action in ("stats", "sweep"):
        mount(store, 0)
        done = scramtoken("store", action, "--store", uri)
        assert (done.returncode, done.stderr.count("warning: ")) == (0, 1), done
        assert scramtoken("store", action, "--store", uri).stderr == ""


def test_a_group_that_this_process_is_not_in(place):
    home = make(place / "home", 0o755, SOMEBODY, SOMEBODY)
    uri = f"lmdb:{home}/store"
    as_somebody(OPEN, uri)
    mount(home / "store", OTHER)
    part = f"group {OTHER} has rights on it (mode 2770)"
    as_somebody(REFUSED, uri, part)
    (home / "store").chmod(0o700)
    as_somebody(REFUSED, uri, f"group {OTHER} has rights on it (mode 0660)")


def databases(directory, passwd, group):
    """Shell commands that put other users and groups in place of the system's."""
    (directory / "passwd").write_text("root:x:0:0::/:/bin/sh\n" + passwd)
    (directory / "group").write_text("root:x:0:\n" + group)
    directory.chmod(0o755)
    lines = (f'mount --bind "{directory}/{name}" /etc/{name}' for name in ("passwd", "group"))
    return (*MOUNTS, "sh", "-euc", "; ".join([*lines, 'exec "$@"']), "sh")


@pytest.mark.parametrize(
    ("passwd", "group", "is_ours"),
    [
        ("me:x:12345:12345::/:/bin/sh\n", "me:x:34567:\n", True),
        ("me:x:12345:12345::/:/bin/sh\n", "me:x:34567:me,root\n", True),
        ("me:x:12345:12345::/:/bin/sh\n", "me:x:34567:me,bob\n", False),
        # Others may have it for their primary group, as everybody has "users" on some systems.
        ("me:x:12345:12345::/:/bin/sh\n", "users:x:34567:\n", False),
        ("me:x:12345:12345::/:/bin/sh\n", "users:x:34567:me\n", False),
        ("", "users:x:34567:\n", False),
        ("", "", True),
    ],
)
def test_whose_a_group_is(place, tmp_path, passwd, group, is_ours):
    home = make(place / "home", 0o755, SOMEBODY, SOMEBODY)
    uri = f"lmdb:{home}/store"
    as_somebody(OPEN, uri)
    mount(home / "store", FS_GROUP)
    wrapper = databases(make(place / "etc", 0o755), passwd, group)
    if is_ours:
        said = as_somebody(OPEN, uri, groups=[FS_GROUP], wrapper=wrapper)
        assert "had rights on it" in said
    else:
        part = f"group {FS_GROUP} has rights on it"
        as_somebody(REFUSED, uri, part, groups=[FS_GROUP], wrapper=wrapper)


@pytest.mark.parametrize(("members", "is_ours"), [("", True), ("root", True), ("bob", False)])
def test_the_group_of_root(place, members, is_ours):
    """As of a pod in OpenShift, or of Strimzi's, whose processes are in it."""
    volume = make(place / "volume", 0o2775)
    wrapper = databases(make(place / "etc", 0o755), "", f"root:x:0:{members}\n")
    (place / "etc" / "group").write_text(f"root:x:0:{members}\n")
    uri = f"lmdb:{volume}/store"
    if is_ours:
        as_somebody(OPEN, uri, groups=[0], wrapper=wrapper)
    else:
        part = "its group 0 may write to it (mode 2775)"
        as_somebody(REFUSED, uri, part, groups=[0], wrapper=wrapper)


def test_a_volume_that_everybody_may_write_to(place):
    """As an emptyDir on disk is; in memory it is sticky."""
    volume = make(place / "volume", 0o2777, 0, FS_GROUP)
    part = "everybody may write to it (mode 2777)"
    as_somebody(REFUSED, f"lmdb:{volume}/store", part, groups=[FS_GROUP])
    volume.chmod(0o1777)
    as_somebody(OPEN, f"lmdb:{volume}/store", groups=[FS_GROUP])


def test_a_backup_on_a_volume_that_is_mounted_read_only(place):
    python(OPEN, f"lmdb:{place}/store")
    backup = place / "backup"
    assert scramtoken("store", "backup", "--store", f"lmdb:{place}/store", "--out", backup)
    mount(backup, FS_GROUP)
    setup = f'mount --bind "{backup}" "{backup}"; mount -o remount,bind,ro "{backup}"; exec "$@"'
    said = python(
        """
        os.setgroups([34567])
        store = library.open(sys.argv[1], read_only=True)
        print(store.warning())
        assert store.log_in("alice", "pencil") == "OK"
        """,
        f"lmdb:{backup}",
        wrapper=(*MOUNTS, "sh", "-euc", setup, "sh"),
    )
    assert f"its group {FS_GROUP} has rights on it, and keeps them" in said
