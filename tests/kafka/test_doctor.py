"""`scramtoken doctor` on three brokers, healthy and broken in each way, and on one without tokens.

The tests of the cluster run in the order of the file, and each leaves it whole.
"""

import json
import time

import pytest

from harness.debian import unpacked
from harness.kafka.broker import KafkaBroker
from harness.kafka.ca import STORE_PASSWORD
from harness.kafka.cli import client_config, scramtoken
from harness.kafka.ports import Ports
from harness.kafka.properties import ADMIN, USERS

WITH_TLS = {"security_protocol": "SASL_SSL", "ssl_truststore_type": "PEM"}


@pytest.fixture(scope="module")
def cluster():
    with KafkaBroker("4.4.0", nodes=3) as cluster:
        yield cluster


@pytest.fixture
def config(tmp_path):
    return client_config(tmp_path / "admin.properties", ADMIN, USERS[ADMIN])


def doctor(cluster, config, *options, listener="SASL_PLAINTEXT"):
    where = ["--bootstrap-server", cluster.bootstrap(listener), "--command-config", config]
    done = scramtoken("doctor", *where, *options)
    for secret in [*USERS.values(), STORE_PASSWORD]:
        assert secret not in done.stdout + done.stderr
    return done


def findings(cluster, config, *options, **how):
    """What it writes for programs: all findings, and the exit code it ends with."""
    done = doctor(cluster, config, "--output", "json", *options, **how)
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode, done.stderr
    return report["findings"], done.returncode


def failed(findings):
    return [(found["subject"], found["check"]) for found in findings if found["result"] == "failed"]


def token_file(tmp_path, token, **changes):
    path = tmp_path / "token.json"
    path.touch(0o600)
    text = {"token_id": token.id, "hmac": token.hmac, "owner": token.owner}
    times = {"expiry_timestamp_ms": token.expiry_ms, "max_timestamp_ms": token.max_ms}
    path.write_text(json.dumps(text | times | changes))
    return path


def test_all_is_well(cluster, config, tmp_path):
    token = cluster.create_token("User:alice")
    source = f"file:{token_file(tmp_path, token)}"
    done = doctor(cluster, config, "--source", source)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("All is well: 3 brokers.\n"), done.stdout
    assert token.hmac not in done.stdout
    found, code = findings(cluster, config, "--source", source)
    assert code == 0
    checks = {(one["subject"], one["check"]) for one in found if one["result"] == "ok"}
    for node in (1, 2, 3):
        for check in (
            "network",
            "mechanisms",
            "primary_login",
            "new_token",
            "given_token",
            "clock",
        ):
            assert (f"broker {node}", check) in checks
    assert {("cluster", check) for check in ("tokens", "clock", "given_token")} <= {
        (subject.removeprefix("the "), check) for subject, check in checks
    }
    texts = {one["check"]: one["finding"] for one in found}
    assert "User:alice" in texts["source"] or "User:alice" in texts["given_token"]
    assert "connections.max.reauth.ms is 0" in texts["session"]
    assert "only with tokenauth=true" in texts["implicit_tokens"]
    assert texts["doubled_nonce"].startswith("refuses")
    assert token.hmac not in json.dumps(found)


def test_its_own_token_is_gone_afterwards(cluster, config):
    arguments = ["--bootstrap-server", cluster.bootstrap(), "--command-config", config]
    doctor(cluster, config)
    time.sleep(1)
    described = ["--describe", "--owner-principal", f"User:{ADMIN}", "--output", "json"]
    done = scramtoken("delegation-tokens", *arguments, *described)
    assert not [one for one in json.loads(done.stdout) if one["owner"] == f"User:{ADMIN}"]


def test_certificates(cluster, tmp_path):
    how = WITH_TLS | {"ssl_truststore_location": cluster.authority.pem}
    config = client_config(tmp_path / "c", ADMIN, USERS[ADMIN], **how)
    found, code = findings(cluster, config, listener="SASL_SSL")
    assert code == 0
    tls = [one["finding"] for one in found if one["check"] == "tls"]
    assert len(tls) == 3
    assert all("127.0.0.1" in text and "which ends in 4 weeks" in text for text in tls), tls


def test_a_source_that_others_can_read(cluster, config, tmp_path):
    path = token_file(tmp_path, cluster.create_token("User:alice"))
    path.chmod(0o644)
    done = doctor(cluster, config, "--source", f"file:{path}")
    assert done.returncode == 6
    first = done.stdout.splitlines()[0]
    assert first.startswith("FAILED: the source cannot be used: ")
    assert "others may read it (mode 0644)" in first and f"chmod 600 {path}" in first


def test_a_source_that_is_missing_or_nonsense(cluster, config, tmp_path):
    done = doctor(cluster, config, "--source", f"file:{tmp_path}/no-such-file")
    assert done.returncode == 6 and "no-such-file" in done.stdout.splitlines()[0]
    path = tmp_path / "nonsense"
    path.touch(0o600)
    path.write_text("s3cret")
    done = doctor(cluster, config, "--source", f"file:{path}")
    assert done.returncode == 6 and "s3cret" not in done.stdout + done.stderr


def test_a_token_that_ended(cluster, config, tmp_path):
    token = cluster.create_token("User:alice")
    path = token_file(tmp_path, token, expiry_timestamp_ms=int(time.time() * 1000) - 7_200_000)
    done = doctor(cluster, config, "--source", f"file:{path}")
    assert done.returncode == 5
    first = done.stdout.splitlines()[0]
    assert f"holds the token {token.id} of User:alice, which ended 2 h ago" in first
    # Removed from the cluster, but its file does not know.
    cluster.expire_token(token)
    path = token_file(tmp_path, token)
    done = doctor(cluster, config, "--source", f"file:{path}")
    assert done.returncode == 4
    first = done.stdout.splitlines()[0]
    assert first.startswith("FAILED: broker 1 does not let the given token in: "), done.stdout
    assert "make a new one" in first


def test_a_token_that_the_brokers_have_not_swept(cluster, config, tmp_path):
    token = cluster.create_token("User:alice", max_lifetime_ms=1500)
    time.sleep(max(0, token.expiry_ms / 1000 - time.time()) + 0.1)
    path = token_file(tmp_path, token, expiry_timestamp_ms=None, max_timestamp_ms=None)
    done = doctor(cluster, config, "--source", f"file:{path}")
    assert done.returncode == 5
    assert "has expired" in done.stdout.splitlines()[0]


def test_only_a_token_and_no_other_login(cluster, tmp_path):
    """What a job has: properties without a login, and a source."""
    token = cluster.create_token("User:alice")
    path = token_file(tmp_path, token)
    config = tmp_path / "job.properties"
    config.touch(0o600)
    config.write_text("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n")
    found, code = findings(cluster, config, "--source", f"file:{path}")
    assert code == 0, found
    assert sum(one["check"] == "given_token" and one["result"] == "ok" for one in found) == 3
    assert any(one["check"] == "tokens" and one["result"] == "skipped" for one in found)
    # The same token as the login of the properties.
    config = client_config(tmp_path / "c", token.id, token.hmac, token=True)
    found, code = findings(cluster, config)
    assert code == 0, found
    assert any(one["check"] == "tokens" and one["result"] == "skipped" for one in found)


def test_a_wrong_password_and_a_wrong_mechanism(cluster, tmp_path):
    config = client_config(tmp_path / "c", "alice", "wr0ng")
    done = doctor(cluster, config)
    assert done.returncode == 4 and "wr0ng" not in done.stdout
    first = done.stdout.splitlines()[0]
    assert "refuses the login of the properties" in first and '"alice"' in first
    config = client_config(tmp_path / "d", "alice", USERS["alice"], mechanism="PLAIN")
    done = doctor(cluster, config)
    assert done.returncode == 4
    assert "does not offer PLAIN" in done.stdout.splitlines()[0]


def test_properties_that_cannot_be_used(cluster, tmp_path):
    config = tmp_path / "c"
    config.touch(0o600)
    config.write_text("security.protocol=SASL_WHAT\n")
    done = doctor(cluster, config)
    assert done.returncode == 6
    first = done.stdout.splitlines()[0]
    assert first.startswith("FAILED: the properties cannot be used") and "SASL_WHAT" not in first


def test_no_login_at_all(cluster):
    """To a listener that wants one."""
    done = scramtoken("doctor", "--bootstrap-server", cluster.bootstrap())
    assert done.returncode == 3, done.stdout + done.stderr
    assert "--command-config" in done.stdout.splitlines()[0], done.stdout


def test_the_jobs_own_mechanism(tmp_path):
    """A listener that has only the other one is no good to the job."""
    mechanisms = ("SCRAM-SHA-512",)
    with KafkaBroker("4.4.0", mechanisms=mechanisms) as broker:
        token = broker.create_token("User:alice")
        config = tmp_path / "job.properties"
        config.touch(0o600)
        config.write_text("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n")
        done = doctor(broker, config, "--source", f"file:{token_file(tmp_path, token)}")
        assert done.returncode == 4
        assert "does not offer SCRAM-SHA-256" in done.stdout.splitlines()[0], done.stdout


def test_a_listener_that_speaks_tls(cluster, config):
    done = doctor(cluster, config, listener="SASL_SSL")
    assert done.returncode in (3, 1), done.stdout
    assert "TLS" in done.stdout.splitlines()[0]


def test_no_such_host_and_nobody_there(config):
    done = scramtoken(
        "doctor", "--bootstrap-server", "no-such-host.invalid:1", "--command-config", config
    )
    assert done.returncode == 3 and "cannot be found" in done.stdout.splitlines()[0]
    ports = Ports("127.0.0.1", ["A"])
    try:
        place = f"127.0.0.1:{ports.numbers['A']}"
    finally:
        ports.release()
    done = scramtoken("doctor", "--bootstrap-server", place, "--command-config", config)
    assert done.returncode == 3
    assert f"the bootstrap server {place} cannot be reached" in done.stdout.splitlines()[0]


def test_a_clock_that_is_wrong(cluster, config, tmp_path):
    """A wrong clock of this host, by libfaketime."""
    (library,) = unpacked("libfaketime").glob("usr/lib/*/faketime/libfaketime.so.1")
    arguments = ["--bootstrap-server", cluster.bootstrap(), "--command-config", config]
    environment = {"LD_PRELOAD": str(library), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    token = cluster.create_token("User:alice")
    source = ["--source", f"file:{token_file(tmp_path, token)}"]
    # Ahead, so that clients here refuse a good token.
    ahead = environment | {"FAKETIME": "+25h"}
    done = scramtoken("doctor", *arguments, *source, environment=ahead)
    assert done.returncode == 5, done.stdout + done.stderr
    first = done.stdout.splitlines()[0]
    assert f"holds the token {token.id}, which has not ended, but clients on this host" in first
    assert "its clock is 25 h ahead of the cluster's; set this host's clock" in first
    done = scramtoken("doctor", *arguments, environment=environment | {"FAKETIME": "-2h"})
    assert done.returncode == 0, done.stdout + done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("WARNING: the cluster is 2 h ahead of this host's clock"), first


def test_one_broker_with_another_secret_key(cluster, config, tmp_path):
    token = cluster.create_token("User:alice")
    cluster.restart_node(3, {"delegation.token.secret.key": "another-secret-key"})
    try:
        done = doctor(cluster, config, "--source", f"file:{token_file(tmp_path, token)}")
        assert done.returncode == 4
        assert done.stdout.splitlines()[0].startswith(
            "FAILED: broker 3 does not honour tokens made by broker 1: "
            "delegation.token.secret.key differs; "
        ), done.stdout
        found, _ = findings(cluster, config)
        assert failed(found) == [("broker 3", "secret_key")]
    finally:
        cluster.restart_node(3, {})


def test_one_broker_without_a_secret_key(cluster, config):
    cluster.restart_node(3, {"delegation.token.secret.key": ""})
    try:
        done = doctor(cluster, config)
        assert done.returncode == 1
        assert done.stdout.splitlines()[0].startswith(
            "FAILED: broker 3 does not do delegation tokens: delegation.token.secret.key is not set"
        ), done.stdout
    finally:
        cluster.restart_node(3, {})


def test_one_broker_with_a_certificate_that_ended(cluster, tmp_path):
    how = WITH_TLS | {"ssl_truststore_location": cluster.authority.pem}
    config = client_config(tmp_path / "c", ADMIN, USERS[ADMIN], **how)
    store = cluster.authority.expired_server_keystore(tmp_path / "expired.p12")
    cluster.restart_node(2, {"ssl.keystore.location": store})
    try:
        done = doctor(cluster, config, listener="SASL_SSL")
        assert done.returncode == 3
        first = done.stdout.splitlines()[0]
        assert first.startswith("FAILED: broker 2 does not shake hands by TLS: "), done.stdout
        assert "has expired" in first and "which ended 6" in first and " min ago (" in first
        assert first.endswith("give the broker a new certificate")
        found, _ = findings(cluster, config, listener="SASL_SSL")
        assert failed(found) == [("broker 2", "tls")]
    finally:
        cluster.restart_node(2, {})


def test_one_broker_down(cluster, config):
    bootstrap = cluster.address(node=1)
    cluster.stop_node(2)
    try:
        done = doctor(cluster, config)
        assert done.returncode == 3
        first = done.stdout.splitlines()[0]
        assert first.startswith("FAILED: ") and "cannot be reached" in first, done.stdout
        # Where it is not among the servers that were named, the controller knows of it.
        place = "{}:{}".format(*bootstrap)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            done = scramtoken("doctor", "--bootstrap-server", place, "--command-config", config)
            if "is fenced" in done.stdout:
                break
        assert done.returncode == 3
        assert done.stdout.splitlines()[0].startswith("FAILED: broker 2 "), done.stdout
    finally:
        cluster.start_node(2)
        cluster.wait_until_ready()


def test_a_cluster_without_tokens(config):
    disabled = {"delegation.token.secret.key": ""}
    with KafkaBroker("4.4.0", extra_properties=disabled) as broker:
        done = doctor(broker, config)
        assert done.returncode == 1
        assert done.stdout.splitlines()[0].startswith(
            "FAILED: the cluster does not do delegation tokens: delegation.token.secret.key is not "
            "set there; set it, to the same value, on every broker and controller"
        ), done.stdout


def test_an_old_broker_whose_sessions_end(config):
    """Kafka 3.9 takes a doubled nonce. Its sessions are shorter than the token lives."""
    with KafkaBroker("3.9.2", extra_properties={"connections.max.reauth.ms": 60000}) as broker:
        found, code = findings(broker, config)
        assert code == 0, found
        texts = {one["check"]: one["finding"] for one in found}
        assert texts["doubled_nonce"].startswith("takes a doubled nonce")
        assert texts["session"].startswith("ends sessions after 60 s")
        assert "names the brokers that run" in texts["cluster"]


def test_the_command_line(config):
    done = scramtoken("doctor", "--command-config", config)
    assert done.returncode == 2 and "--bootstrap-server" in done.stderr
