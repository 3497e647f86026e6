"""`--out`, `secret-key generate` and `store backup`: what is replaced, and what is left behind."""

import json
import os
import random
import signal
import socket
import subprocess
import time

import pytest

from harness.kafka.cli import PROGRAM, scramtoken
from harness.namespaces import MOUNTS

CREATE = ["--create", "--max-life-time-period", "-1", "--output", "token-file"]


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def key(tmp_path):
    done = scramtoken("secret-key", "generate", "--out", tmp_path / "key")
    assert done.returncode == 0, done.stderr
    return tmp_path / "key"


@pytest.fixture
def tokens(store, key):
    """The command line of `delegation-tokens` on a store that is made by the first token."""
    where = ["--store", f"lmdb:{store}", "--secret-key-file", key, "--as", "User:alice"]
    return lambda *words: [str(word) for word in ["delegation-tokens", *where, *words]]


def in_mounts(setup, *words):
    """Runs the program after shell commands, in a mount namespace that ends with it."""
    shell = ["sh", "-euc", f'{setup}\nexec "$@"', "sh"]
    argv = [*MOUNTS, *shell, PROGRAM, *words]
    return subprocess.run(map(str, argv), capture_output=True, text=True, timeout=60)


# ---- what is there ----


def irregular(directory):
    """Something of each kind that no file takes the place of."""
    os.mkfifo(directory / "fifo")
    os.mknod(directory / "null", 0o666 | 0o020000, os.makedev(1, 3))
    (directory / "directory").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(directory / "socket"))
    paths = [directory / name for name in ("fifo", "null", "directory", "socket")]
    for path in list(paths):
        link = directory / f"link-to-{path.name}"
        link.symlink_to(path)
        paths.append(link)
    (directory / "stdout").symlink_to("/dev/stdout")
    return [*paths, directory / "stdout"]


def test_what_is_no_regular_file_stays_and_nothing_is_asked(tokens, store, tmp_path):
    (tmp_path / "out").mkdir()
    for path in irregular(tmp_path / "out"):
        before = path.lstat()
        done = scramtoken(*tokens(*CREATE, "--out", path))
        assert (done.returncode, done.stdout) == (6, ""), path
        assert f"{path}: it is a" in done.stderr
        again = scramtoken("secret-key", "generate", "--out", path)
        assert again.returncode == 6, path
        after = path.lstat()
        assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode), path
    assert not store.exists()


@pytest.mark.parametrize(
    ("setup", "text"),
    [
        ('mount --bind "$OUT" "$OUT"', "mount point"),
        ('mount --bind "$DIR" "$DIR"; mount -o remount,bind,ro "$DIR"', "Read-only file system"),
        (
            'mount -t tmpfs -o size=16k tmpfs "$DIR"; head -c 8k /dev/zero >"$DIR/ballast"',
            "No space left on device",
        ),
        ('mount -t tmpfs -o nr_inodes=2 tmpfs "$DIR"; echo >"$DIR/x"', "No space left on device"),
    ],
)
def test_where_nothing_can_be_put_nothing_is_asked(tokens, store, tmp_path, setup, text):
    directory = tmp_path / "directory"
    directory.mkdir()
    out = directory / "token.json"
    out.touch(mode=0o600)
    setup = f'DIR="{directory}" OUT="{out}"\n{setup}'
    done = in_mounts(setup, *tokens(*CREATE, "--out", out))
    assert (done.returncode, done.stdout) == (6, ""), done.stderr
    assert text in done.stderr
    assert not store.exists()


def test_another_users_file_and_one_that_is_fixed(tokens, store, tmp_path):
    out = tmp_path / "token.json"
    out.write_text("old")
    os.chown(out, 65534, 65534)
    done = scramtoken(*tokens(*CREATE, "--out", out))
    assert (done.returncode, "belongs to user 65534" in done.stderr) == (6, True)
    os.chown(out, 0, 0)
    for attribute in "ia":
        subprocess.run(["chattr", f"+{attribute}", out], check=True)
        done = scramtoken(*tokens(*CREATE, "--out", out))
        subprocess.run(["chattr", f"-{attribute}", out], check=True)
        assert (done.returncode, "chattr" in done.stderr) == (6, True)
    assert (out.read_text(), store.exists()) == ("old", False)


def test_what_fails_after_all_says_what_the_token_is_now(tokens, tmp_path):
    """Standard output cannot be tried beforehand."""
    out = tmp_path / "token.json"
    assert scramtoken(*tokens(*CREATE, "--out", out)).returncode == 0
    for action, changed in [("renew", "was renewed until"), ("expire", "expires at")]:
        words = [f"--{action}", f"--{action.replace('expire', 'expiry')}-time-period", "60000"]
        if action == "renew":
            words = ["--renew", "--renew-time-period", "60000"]
        argv = [PROGRAM, *tokens(*words, "--hmac-file", out, "--output", "json")]
        with open("/dev/full", "w") as full:
            done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 3
        assert f"No space left on device (os error 28); the token {changed} 20" in done.stderr
        expiry = int(done.stderr.split("(")[-1].split(" ms)")[0])
        assert abs(expiry / 1000 - time.time() - 60) < 30


def test_a_date_does_not_take_the_place_of_its_token(tokens, tmp_path):
    out = tmp_path / "token.json"
    assert scramtoken(*tokens(*CREATE, "--out", out)).returncode == 0
    before = out.read_bytes()
    renew = ["--renew", "--renew-time-period", "60000", "--out", out, "--output"]
    for form in ("table", "json"):
        for source, stdin in [(out, None), (tmp_path / "." / "token.json", None), ("-", out)]:
            argv = [PROGRAM, *tokens(*renew, form, "--hmac-file", source)]
            with open(stdin or os.devnull) as given:
                done = subprocess.run(argv, stdin=given, capture_output=True, text=True, timeout=60)
            assert (done.returncode, "--output token-file" in done.stderr) == (2, True)
            assert out.read_bytes() == before
    with open(out) as given:
        argv = [PROGRAM, *tokens(*renew, "token-file", "--hmac-file", "-")]
        subprocess.run(argv, stdin=given, check=True, timeout=60)
    after = json.loads(out.read_text())
    assert after["expiry_timestamp_ms"] < json.loads(before)["expiry_timestamp_ms"]


# ---- two at once ----


def test_of_two_at_once_one_makes_the_key(tmp_path):
    for number in range(60):
        path = tmp_path / str(number)
        argv = [PROGRAM, "secret-key", "generate", "--out", path]
        both = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        said = [(child.communicate()[1], child.returncode) for child in both]
        (_, won), (text, lost) = sorted(said, key=lambda one: one[1])
        assert (won, lost, "is there already" in text) == (0, 2, True)
        assert len(path.read_text()) == 45


def test_of_two_at_once_one_makes_the_backup(tokens, store, tmp_path):
    assert scramtoken(*tokens(*CREATE)).returncode == 0
    for number in range(20):
        path = tmp_path / f"backup-{number}"
        argv = [PROGRAM, "store", "backup", "--store", f"lmdb:{store}", "--out", path]
        both = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        said = [(child.communicate()[1], child.returncode) for child in both]
        (_, won), (text, lost) = sorted(said, key=lambda one: one[1])
        assert (won, lost, "there is something already" in text) == (0, 6, True)
        assert [entry.name for entry in path.iterdir()] == ["data.mdb"]
    assert not left_behind(tmp_path)


# ---- what is left behind ----


def left_behind(directory):
    return [path.name for path in directory.iterdir() if path.name.startswith(".scramtoken-")]


def interrupt(argv, number, tries, longest):
    """Ends a program by a signal at some moment of its life; gives how it ended."""
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        try:
            child.wait(longest * random.Random(number).random())
        except subprocess.TimeoutExpired:
            child.send_signal((signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[number % 3])
        child.communicate(timeout=60)
    return child.returncode


@pytest.mark.parametrize("what", ["token", "renewal", "key", "backup"])
def test_a_signal_leaves_nothing_behind(tokens, store, tmp_path, what):
    token = tmp_path / "token.json"
    assert scramtoken(*tokens(*CREATE, "--out", token)).returncode == 0
    whole = tmp_path / "whole"
    whole.mkdir()

    def words(number):
        out = whole / str(number)
        renew = ["--renew", "--renew-time-period", str(60_000 + number), "--hmac-file", token]
        return {
            "token": lambda: tokens(*CREATE, "--out", whole / "token"),
            "renewal": lambda: tokens(*renew, "--output", "token-file", "--out", token),
            "key": lambda: ["secret-key", "generate", "--out", out],
            "backup": lambda: ["store", "backup", "--store", f"lmdb:{store}", "--out", out],
        }[what]()

    began = time.monotonic()
    assert scramtoken(*words(0)).returncode == 0
    longest = 1.2 * (time.monotonic() - began)
    ends = []
    for number in range(1, 61):
        ends.append(interrupt([PROGRAM, *map(str, words(number))], number, 60, longest))
        assert left_behind(whole) + left_behind(tmp_path) == []
        json.loads(token.read_text())
    assert min(ends) < 0 <= max(ends), ends
    for path in whole.iterdir():
        if what == "backup":
            assert [entry.name for entry in path.iterdir()] == ["data.mdb"]
        else:
            assert path.stat().st_size > 40


def test_a_signal_that_is_ignored_stays_ignored(tmp_path):
    """As under nohup."""
    argv = ["nohup", PROGRAM, "secret-key", "generate", "--out", tmp_path / "key"]
    trace = ["sh", "-c", 'trap "" HUP; "$@" & child=$!; kill -HUP $child; wait $child', "sh"]
    assert subprocess.run([*trace, *argv], capture_output=True, timeout=60).returncode == 0
    assert (tmp_path / "key").stat().st_size == 45


def test_what_a_killed_process_left_the_next_one_removes(tokens, store, tmp_path):
    assert scramtoken(*tokens(*CREATE)).returncode == 0
    backup = ["store", "backup", "--store", f"lmdb:{store}", "--out"]
    for number in range(400):
        argv = [PROGRAM, *backup, tmp_path / f"backup-{number}"]
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as child:
            while child.poll() is None and not left_behind(tmp_path):
                pass
            child.kill()
        if left_behind(tmp_path):
            break
    assert left_behind(tmp_path), "no process was killed in the middle"
    assert scramtoken(*backup, tmp_path / "last").returncode == 0
    assert left_behind(tmp_path) == []
