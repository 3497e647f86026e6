"""`scramtoken configs` beside kafka-configs.sh, on the same brokers."""

import json
import os
import pty
import secrets
import subprocess
import termios
import time

import pytest

from harness.kafka.cli import PROGRAM, client_config, kafka_configs, scramtoken
from harness.kafka.properties import ADMIN, SCRAM_MECHANISMS, USERS


@pytest.fixture
def where(broker, tmp_path):
    config = client_config(tmp_path / "admin.properties", ADMIN, USERS[ADMIN])
    return ["--bootstrap-server", broker.bootstrap(), "--command-config", config]


@pytest.fixture
def user():
    return f"user-{secrets.token_hex(4)}"


def described(where, user, expected):
    """Both tools' --describe of a user, once the broker has learned of the change."""
    for _ in range(50):
        ours = scramtoken("configs", *where, "--describe", "--user", user)
        assert ours.returncode == 0, ours.stderr
        if expected in ours.stdout:
            break
        time.sleep(0.1)
    kafkas = kafka_configs(*where, "--describe", "--entity-type", "users", "--entity-name", user)
    assert kafkas.returncode == 0, kafkas.stderr
    return ours.stdout, kafkas.stdout


def test_a_user_comes_changes_and_goes_as_with_kafkas_tool(broker, where, user, tmp_path):
    entity = ["--entity-type", "users", "--entity-name", user]
    texts = []
    for tool in (lambda *words: scramtoken("configs", *words), kafka_configs):
        for added in (
            "SCRAM-SHA-256=[iterations=8192,password=se,cr=et]",
            "SCRAM-SHA-512=[password=se,cr=et]",
        ):
            done = tool(*where, "--alter", *entity, "--add-config", added)
            assert done.returncode == 0, done.stderr
            texts.append(done.stdout)
        for mechanism in SCRAM_MECHANISMS:
            broker.wait_for_login(user, "se,cr=et", mechanism=mechanism)
        ours, kafkas = described(where, user, "SCRAM-SHA-256")
        assert sorted(ours.rstrip().rpartition(" are ")[2].split(", ")) == [
            "SCRAM-SHA-256=iterations=8192",
            "SCRAM-SHA-512=iterations=4096",
        ]
        assert ours == kafkas

        done = tool(*where, "--alter", *entity, "--delete-config", "SCRAM-SHA-256")
        assert done.returncode == 0, done.stderr
        texts.append(done.stdout)
        broker.wait_for_login(user, "se,cr=et", mechanism="SCRAM-SHA-256", accepted=False)
        ours, kafkas = described(where, user, "SCRAM-SHA-512=iterations=4096\n")
        assert ours == kafkas
        done = tool(*where, "--alter", *entity, "--delete-config", "SCRAM-SHA-512")
        assert done.returncode == 0, done.stderr
    assert texts[:3] == texts[3:]


def test_both_mechanisms_in_one_go(broker, where, user):
    """Kafka's tool sends them in one request, which a KRaft controller refuses."""
    added = "SCRAM-SHA-256=[password=both],SCRAM-SHA-512=[password=both]"
    alter = [*where, "--alter", "--entity-type", "users", "--entity-name", user]
    kafkas = kafka_configs(*alter, "--add-config", added)
    assert kafkas.returncode == 1
    assert "DuplicateResourceException" in kafkas.stderr
    ours = scramtoken("configs", *alter, "--add-config", added)
    assert ours.returncode == 0, ours.stderr
    for mechanism in SCRAM_MECHANISMS:
        broker.wait_for_login(user, "both", mechanism=mechanism)


def test_all_users_are_described_as_by_kafkas_tool(where):
    ours = scramtoken("configs", *where, "--describe", "--entity-type", "users")
    kafkas = kafka_configs(*where, "--describe", "--entity-type", "users")
    assert sorted(ours.stdout.splitlines()) == sorted(kafkas.stdout.splitlines())
    assert "user-principal 'alice'" in ours.stdout
    ours = scramtoken("configs", *where, "--describe", "--output", "json")
    alice = next(user for user in json.loads(ours.stdout) if user["user"] == "alice")
    assert {"mechanism": "SCRAM-SHA-256", "iterations": 4096} in alice["credentials"]


def test_a_password_by_file_and_by_prompt(broker, where, user, tmp_path):
    alter = ["configs", *where, "--alter", "--user", user, "--add-config", "SCRAM-SHA-512="]
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("from a file\n")
    done = scramtoken(*alter, "--password-file", file)
    assert (done.returncode, done.stderr) == (0, "")
    broker.wait_for_login(user, "from a file")
    done = scramtoken(*alter, "--password-file", "-", stdin="from a pipe")
    assert (done.returncode, done.stderr) == (0, "")
    broker.wait_for_login(user, "from a pipe")

    shown = in_terminal([PROGRAM, *alter], ["from a prompt\n", "from a prompt\n"])
    assert "Completed updating config" in shown
    assert "from a prompt" not in shown
    broker.wait_for_login(user, "from a prompt")
    shown = in_terminal([PROGRAM, *alter], ["one\n", "another\n"])
    assert "not the same" in shown


def in_terminal(argv, answers):
    """What a terminal shows of a program that asks for `answers`."""
    controller, terminal = pty.openpty()
    child = subprocess.Popen(
        [str(word) for word in argv],
        stdin=terminal, stdout=terminal, stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # its controlling terminal
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    with child:
        try:
            while data := os.read(controller, 4096):
                shown += data
                if answers and data.rstrip(b" ").endswith(b":"):
                    while termios.tcgetattr(controller)[3] & termios.ECHO:
                        time.sleep(0.01)
                    os.write(controller, answers.pop(0).encode())
        except OSError:  # the terminal's other end is closed
            pass
        finally:
            child.kill()
    os.close(controller)
    return shown.decode()


@pytest.mark.parametrize(
    ("added", "password", "kafkas"),
    [
        ("SCRAM-SHA-512=[password=a b,c=d]", "a b,c=d", "a b,c=d"),
        (" SCRAM-SHA-512 = [ password=x ] ", "x", "x"),
        ("SCRAM-SHA-512=[iterations=08192,password=x],", "x", "x"),
        # Kafka's tool drops every bracket that it finds, and so sets what nobody typed.
        ("SCRAM-SHA-512=[password=a]b,c]", "a]b,c", "ab,c"),
    ],
)
def test_what_kafkas_tool_takes_is_taken(broker, where, user, added, password, kafkas):
    alter = ["--alter", "--entity-type", "users", "--entity-name", user, "--add-config", added]
    done = kafka_configs(*where, *alter)
    assert done.returncode == 0, done.stderr
    broker.wait_for_login(user, kafkas)
    done = scramtoken("configs", *where, *alter)
    assert done.returncode == 0, done.stderr
    assert ("would drop them" in done.stderr) == (password != kafkas)
    broker.wait_for_login(user, password)


def test_credentials_from_a_file_as_with_kafkas_tool(broker, where, user, tmp_path):
    file = tmp_path / "credentials"
    file.touch(mode=0o600)
    file.write_text("SCRAM-SHA-512=iterations=8192,password=p\\u00e9]\n")
    alter = ["--alter", "--entity-type", "users", "--entity-name", user]
    for tool in (kafka_configs, lambda *words: scramtoken("configs", *words)):
        done = tool(*where, *alter, "--add-config-file", file)
        assert done.returncode == 0, done.stderr
        broker.wait_for_login(user, "pé]")
        done = tool(*where, *alter, "--delete-config", "SCRAM-SHA-512")
        assert done.returncode == 0, done.stderr
        broker.wait_for_login(user, "pé]", accepted=False)
    # What stands on the command line counts, as there.
    file.write_text("SCRAM-SHA-256=password=a\nSCRAM-SHA-512=password=b\n")
    added = ["--add-config-file", file, "--add-config", "SCRAM-SHA-512=[password=c]"]
    done = scramtoken("configs", *where, *alter, *added)
    assert done.returncode == 0, done.stderr
    broker.wait_for_login(user, "a", mechanism="SCRAM-SHA-256")
    broker.wait_for_login(user, "c")
    file.write_text("SCRAM-SHA-512=[password=s3cret]\n")
    for tool, code in ((kafka_configs, 1), (lambda *words: scramtoken("configs", *words), 6)):
        assert tool(*where, *alter, "--add-config-file", file).returncode == code


def test_two_mechanisms_are_warned_about_once(where, user):
    added = "SCRAM-SHA-256=[password=both],SCRAM-SHA-512=[password=both]"
    done = scramtoken("configs", *where, "--alter", "--user", user, "--add-config", added)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning") == 1 and "shows the secret" in done.stderr


def test_a_name_that_no_broker_reads_is_told_when_the_user_is_made(broker, where):
    name = f"zoë-{secrets.token_hex(4)}"
    alter = ["--alter", "--user", name]
    done = scramtoken(
        "configs", *where, *alter, "--add-config", "SCRAM-SHA-512=", "--password-file", "-",
        stdin="pencil",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ASCII" in done.stderr and name in done.stderr
    broker.wait_for_login(name, "pencil", accepted=False)
    done = scramtoken("configs", *where, *alter, "--delete-config", "SCRAM-SHA-512")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_byte_order_mark_is_no_part_of_a_password(broker, where, user, tmp_path):
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_bytes(b"\xef\xbb\xbfpencil\r\n")
    alter = ["--alter", "--user", user, "--add-config", "SCRAM-SHA-512="]
    done = scramtoken("configs", *where, *alter, "--password-file", file)
    assert done.returncode == 0, done.stderr
    broker.wait_for_login(user, "pencil")
    file.write_bytes("\ufeffpencil".encode("utf-16-le"))
    done = scramtoken("configs", *where, *alter, "--password-file", file)
    assert (done.returncode, "byte order mark" in done.stderr) == (6, True)


def test_refusals(where, user):
    entity = ["--alter", "--user", user]
    missing = scramtoken("configs", *where, *entity, "--delete-config", "SCRAM-SHA-256")
    assert missing.returncode == 1
    assert "RESOURCE_NOT_FOUND" in missing.stderr
    kafkas = kafka_configs(
        *where, "--alter", "--entity-type", "users", "--entity-name", user,
        "--delete-config", "SCRAM-SHA-256",
    )  # fmt: skip
    assert kafkas.returncode == 1
    assert "ResourceNotFoundException" in kafkas.stderr
    for options in (
        [*entity],
        [*entity, "--add-config", "SCRAM-SHA-256=[iterations=100,password=x]"],
        [*entity, "--add-config", "producer_byte_rate=1024"],
        ["--alter", "--entity-type", "topics", "--entity-name", "t", "--add-config", "x=y"],
        ["--alter", "--add-config", "SCRAM-SHA-256=[password=x]"],
        [*entity, "--add-config", "SCRAM-SHA-256="],  # nobody to ask for the password
        [*entity, "--add-config", "SCRAM-SHA-256=[password=x]SCRAM-SHA-512=[password=x]"],
        [*entity, "--add-config", "SCRAM-SHA-256=[password=x,iterations=8192]"],
        [*entity, "--add-config", ""],
        [*entity, "--add-config", "SCRAM-SHA-256=[password=x]", "--delete-config", "SCRAM-SHA-256"],
        ["--alter", "--user", "", "--add-config", "SCRAM-SHA-256=[password=x]"],
        ["--describe", "--alter"],
    ):
        done = scramtoken("configs", *where, *options)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
    done = scramtoken("configs", *where, "--describe", "--user", user)
    assert (done.returncode, done.stdout) == (0, "")
