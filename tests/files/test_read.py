"""Files with secrets that the program is given: which it takes, and how it says no."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.kafka.cli import PROGRAM, scramtoken
from harness.namespaces import MOUNTS

ALICE = "User:alice"
RENEW = ["delegation-tokens", "--renew", "--renew-time-period", "60000"]
HIDDEN = "\x7f\x80\x9b2J\x9f\u200e\u200f\u061c\u202e\u2066\u2069\u2028\ufeff"


def options(store, key, config):
    """A command line for each option that names a file with a secret; the file comes last."""
    authority = ["--store", store, "--as", ALICE]
    alter = ["configs", "--store", store, "--alter", "--user", "alice"]
    sha_256 = "SCRAM-SHA-256=[iterations=4096]"
    cluster = ["--bootstrap-server", "127.0.0.1:1", "--command-config", config]
    return {
        "--hmac-file": [*RENEW, *authority, "--secret-key-file", key, "--hmac-file"],
        "--secret-key-file": ["delegation-tokens", "--describe", *authority, "--secret-key-file"],
        "--password-file": [*alter, "--add-config", sha_256, "--password-file"],
        "--add-config-file": [*alter, "--add-config-file"],
        "--import": ["configs", "--store", store, "--import"],
        "--command-config": ["login", *cluster[:2], "--command-config"],
        "--source": ["login", *cluster, "--source"],
    }


ALL = list(options("", "", ""))
# Kafka's own tools read these whoever else may.
SHARED = ("--command-config", "--add-config-file")


@pytest.fixture
def command(tmp_path):
    key = tmp_path / "key"
    assert scramtoken("secret-key", "generate", "--out", key).returncode == 0
    config = tmp_path / "config"
    config.touch(mode=0o600)
    config.write_text("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n")
    all_options = options(f"lmdb:{tmp_path / 'store'}", key, config)

    def run(option, path):
        path = f"file:{path}" if option == "--source" else path
        argv = [str(word) for word in [PROGRAM, *all_options[option], path]]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10)
        assert not (tmp_path / "store").exists()
        return done

    return run


@pytest.mark.parametrize("option", ALL)
def test_nothing_is_waited_for(command, tmp_path, option):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    link = tmp_path / "link"
    link.symlink_to(fifo)
    endless = tmp_path / "zero"
    os.mknod(endless, 0o600 | 0o020000, os.makedev(1, 5))
    for path in (fifo, link, endless, tmp_path, tmp_path / "none"):
        done = command(option, path)
        assert (done.returncode, done.stdout) == (6, ""), (path, done.stderr)
        assert f"{path}: " in done.stderr


@pytest.mark.parametrize("option", [option for option in ALL if option not in SHARED])
def test_what_others_may_read_or_another_name_leads_to_is_refused(command, tmp_path, option):
    file, link, second = tmp_path / "file", tmp_path / "link", tmp_path / "second"
    file.write_text("s3cret")
    link.symlink_to(file)
    for mode in (0o644, 0o640, 0o602):
        file.chmod(mode)
        done = command(option, file)
        assert (done.returncode, f"chmod 600 {file}" in done.stderr) == (6, True), done.stderr
    file.chmod(0o600)
    assert "it is a symbolic link" in command(option, link).stderr
    second.hardlink_to(file)
    assert "it has 2 names" in command(option, file).stderr
    second.unlink()
    os.chown(file, 65534, 65534)
    done = command(option, file)
    assert "belongs to user 65534" in done.stderr and "s3cret" not in done.stderr


def test_kafkas_own_files_are_read_with_a_warning(command, tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("sasl.mechanism=s3cret\n")
    link.symlink_to(file)
    file.chmod(0o644)
    for option in SHARED:
        for path in (file, link):
            done = command(option, path)
            assert f"{path}: others may read the secrets in it" in done.stderr


# ---- Kubernetes ----


@pytest.fixture
def volume():
    """A volume as the kubelet makes it, where users that are not root get at it."""
    with tempfile.TemporaryDirectory(prefix="scramtoken-") as directory:
        volume = Path(directory)
        volume.chmod(0o1777)
        generation = volume / "..2026_11_23"
        generation.mkdir(mode=0o755)
        (volume / "..data").symlink_to(generation.name)

        def put(name, text):
            (generation / name).write_text(text)
            (generation / name).chmod(0o644)
            (volume / name).symlink_to(f"..data/{name}")
            return volume / name

        yield put


def test_a_volumes_files_are_read_through_its_links(volume, tmp_path):
    key = tmp_path / "key"
    assert scramtoken("secret-key", "generate", "--out", key).returncode == 0
    mounted = volume("key", key.read_text())
    where = ["--store", f"lmdb:{tmp_path / 'store'}", "--as", ALICE]
    for path in (mounted, mounted.parent / "..data" / "key"):
        with_key = [*where, "--secret-key-file", path]
        create = ["--create", "--max-life-time-period", "-1", "--output", "json"]
        done = scramtoken("delegation-tokens", *create, *with_key)
        assert done.returncode == 0, done.stderr
        assert f"{path}: every user" in done.stderr and "defaultMode" in done.stderr
        hmac = volume(f"hmac-{path.parent.name}", json.loads(done.stdout)["hmac"])
        done = scramtoken(*RENEW, *with_key, "--hmac-file", hmac)
        assert done.returncode == 0, done.stderr
    password = volume("password", "secret\n")
    alter = ["--alter", "--user", "bob", "--add-config", "SCRAM-SHA-256="]
    done = scramtoken("configs", *where[:2], *alter, "--password-file", password)
    assert done.returncode == 0, done.stderr
    users = volume("users", "carol:secret\n")
    done = scramtoken("configs", *where[:2], "--import", users)
    assert done.returncode == 0, done.stderr


def test_a_pod_that_is_not_root_is_told_what_helps(volume):
    """It can change no mode, and one that root alone may read is none for it."""
    token = volume("token.json", '{"token_id": "id", "hmac": "aG1h"}')
    single = token.parent / "single.json"  # mounted by itself, as by subPath
    single.write_bytes(token.read_bytes())
    single.chmod(0o644)
    setup = f'mount --bind "{single}" "{single}"; mount -o remount,bind,ro "{single}"'
    argv = [PROGRAM, "login", "--bootstrap-server", "127.0.0.1:1", "--source"]
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    shell = ["sh", "-euc", f'{setup}\nexec "$@"', "sh"]
    run = [*MOUNTS, *shell, *as_nobody, *argv]
    for path in (token, single):
        done = subprocess.run(
            [str(word) for word in [*run, f"file:{path}"]],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "defaultMode to 0440 and the pod's securityContext.fsGroup" in done.stderr
        assert "chmod 6" not in done.stderr
        assert ("others may read it" in done.stderr) == (path == single)


# ---- what is written for people ----


def test_no_json_reaches_a_terminal_as_commands(command, tmp_path):
    store, key, out = f"lmdb:{tmp_path / 'other'}", tmp_path / "key", tmp_path / "token.json"
    owner = f"User:{HIDDEN}"
    where = ["--store", store, "--as", owner, "--secret-key-file", key]
    create = ["--create", "--max-life-time-period", "-1", "--renewer-principal", owner]
    made = scramtoken("delegation-tokens", *where, *create, "--output", "token-file", "--out", out)
    assert made.returncode == 0, made.stderr
    renew = ["--renew", "--renew-time-period", "60000", "--output", "token-file", "--out", out]
    # What others have put into the file is written back, too.
    written = json.loads(out.read_text())
    out.write_text(json.dumps(written | {"other": {HIDDEN: [HIDDEN]}}, ensure_ascii=False))
    done = scramtoken("delegation-tokens", *where, *renew, "--hmac-file", out)
    assert done.returncode == 0, done.stderr
    describe = ["--describe", "--owner-principal", owner, "--output", "json"]
    described = scramtoken("delegation-tokens", *where, *describe)
    alter = ["--alter", "--user", HIDDEN, "--add-config", "SCRAM-SHA-256=[password=x]"]
    assert scramtoken("configs", "--store", store, *alter).returncode == 0
    users = scramtoken("configs", "--store", store, "--describe", "--output", "json")
    for text in (out.read_text(), described.stdout, users.stdout):
        assert not set(text) & set(HIDDEN.replace("2J", "")), text
    after = json.loads(out.read_text())
    assert (after["owner"], after["other"]) == (owner, {HIDDEN: [HIDDEN]})
    (token,) = json.loads(described.stdout)
    assert (token["owner"], token["renewers"]) == (owner, [owner])
    assert [user["user"] for user in json.loads(users.stdout)] == [HIDDEN]
