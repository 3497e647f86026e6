"""TLS of the program: whom it trusts, whom it refuses, and who it is."""

import datetime
import subprocess

import pytest

from harness.kafka.broker import KafkaBroker
from harness.kafka.ca import STORE_PASSWORD, CertificateAuthority, client_auth_required
from harness.kafka.cli import client_config, scramtoken
from harness.kafka.properties import USERS
from harness.kafka.tls_server import tls_server
from harness.process import java_command

QUICK = {"default_api_timeout_ms": 3000, "request_timeout_ms": 2000}


@pytest.fixture(scope="module")
def broker():
    with KafkaBroker() as broker:
        yield broker


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """The authority of the clients' certificates, and such a certificate."""
    return CertificateAuthority(tmp_path_factory.mktemp("clients"))


def login(where, tmp_path, **settings):
    settings = {"security_protocol": "SASL_SSL", **QUICK, **settings}
    config = client_config(tmp_path / "client.properties", "alice", USERS["alice"], **settings)
    return scramtoken("login", "--bootstrap-server", where, "--command-config", config)


def assert_logged_in(done):
    assert done.returncode == 0, done.stderr
    assert "logged in as" in done.stdout


def assert_refused(done, why):
    assert done.returncode == 3, done.stdout + done.stderr
    assert why in done.stderr
    assert STORE_PASSWORD not in done.stderr


def test_authorities_in_every_form(broker, tmp_path):
    where, ca = broker.bootstrap("SASL_SSL"), broker.authority
    jvm = tmp_path / "keytool.p12"
    keytool(
        "-importcert", "-noprompt", "-alias", "ca", "-file", ca.pem, "-keystore", jvm,
        "-storepass", STORE_PASSWORD, "-storetype", "PKCS12",
    )  # fmt: skip
    inline = ca.pem.read_text().replace("\n", " \\n")
    for settings in (
        {"ssl_truststore_type": "PEM", "ssl_truststore_location": ca.pem},
        {"ssl_truststore_location": ca.truststore, "ssl_truststore_password": STORE_PASSWORD},
        {"ssl_truststore_location": jvm, "ssl_truststore_password": STORE_PASSWORD},
    ):
        assert_logged_in(login(where, tmp_path, **settings))
    # As Kafka's documentation shows it: one line, with blanks or \n.
    config = client_config(
        tmp_path / "inline.properties", "alice", USERS["alice"], security_protocol="SASL_SSL"
    )
    with open(config, "a") as file:
        file.write(f"ssl.truststore.type=PEM\nssl.truststore.certificates={inline}\n")
    done = scramtoken("login", "--bootstrap-server", where, "--command-config", config)
    assert_logged_in(done)


def test_a_host_name_and_both_versions(broker, tmp_path):
    _, port = broker.address("SASL_SSL")
    trust = {"ssl_truststore_location": broker.authority.pem}
    assert_logged_in(login(f"localhost:{port}", tmp_path, **trust))
    for version in ("TLSv1.2", "TLSv1.3"):
        done = login(f"localhost:{port}", tmp_path, ssl_enabled_protocols=version, **trust)
        assert_logged_in(done)
    suite = {"ssl_cipher_suites": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}
    assert_logged_in(login(f"localhost:{port}", tmp_path, **trust, **suite))


def test_an_authority_that_is_not_trusted(broker, clients, tmp_path):
    where = broker.bootstrap("SASL_SSL")
    other = clients.pem
    done = login(where, tmp_path, ssl_truststore_location=other)
    assert_refused(done, "ssl.truststore.location")
    # Neither is it when no host name is asked for.
    done = login(
        where, tmp_path, ssl_truststore_location=other, ssl_endpoint_identification_algorithm=""
    )
    assert_refused(done, "ssl.truststore.location")
    # Without a truststore the system's authorities count.
    assert_refused(login(where, tmp_path), "signed by nobody that we trust")


def test_stores_that_cannot_be_read(broker, tmp_path):
    where, ca = broker.bootstrap("SASL_SSL"), broker.authority
    jks, empty = tmp_path / "trust.jks", tmp_path / "empty"
    keytool(
        "-importcert", "-noprompt", "-alias", "ca", "-file", ca.pem, "-keystore", jks,
        "-storepass", STORE_PASSWORD, "-storetype", "JKS",
    )  # fmt: skip
    empty.write_text("")
    for settings, why in (
        ({"ssl_truststore_location": jks}, "keytool -importkeystore"),
        ({"ssl_truststore_location": empty}, "no PEM certificate"),
        ({"ssl_truststore_location": tmp_path / "gone"}, "No such file"),
        ({"ssl_truststore_location": ca.truststore, "ssl_truststore_password": "x"}, "password"),
        ({"ssl_truststore_location": ca.pem, "ssl_truststore_type": "BKS"}, "ssl.truststore.type"),
        ({"ssl_truststore_location": ca.pem, "ssl_keystore_location": ca.pem}, "private key"),
    ):
        done = login(where, tmp_path, **settings)
        assert (done.returncode, done.stdout) == (6, ""), done.stderr
        assert why in done.stderr


def test_client_certificates(clients, tmp_path):
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(clients.encrypted_server_pem("key-password"))
    settings = client_auth_required(clients)
    with KafkaBroker(extra_properties=settings) as broker:
        where = broker.bootstrap("SASL_SSL")
        trust = {"ssl_truststore_location": broker.authority.pem}
        for store in (
            {"ssl_keystore_location": clients.server_pem, "ssl_keystore_type": "PEM"},
            {
                "ssl_keystore_location": clients.server_keystore,
                "ssl_keystore_password": STORE_PASSWORD,
                "ssl_key_password": STORE_PASSWORD,
            },
            {"ssl_keystore_location": encrypted, "ssl_key_password": "key-password"},
        ):
            for version in ("TLSv1.2", "TLSv1.3"):
                done = login(where, tmp_path, ssl_enabled_protocols=version, **trust, **store)
                assert_logged_in(done)
        for store in ({}, {"ssl_keystore_location": broker.authority.server_pem}):
            for version in ("TLSv1.2", "TLSv1.3"):
                done = login(where, tmp_path, ssl_enabled_protocols=version, **trust, **store)
                assert_refused(done, "ssl.keystore.location")
        done = login(where, tmp_path, **trust, ssl_keystore_location=encrypted)
        assert done.returncode == 6 and "ssl.key.password" in done.stderr


def test_a_broker_that_does_not_speak_tls(broker, tmp_path):
    done = login(broker.bootstrap(), tmp_path, ssl_truststore_location=broker.authority.pem)
    assert_refused(done, "if its listener does not speak TLS")


def test_the_wrong_name(tmp_path):
    authority = CertificateAuthority(tmp_path, names=("other.example",), addresses=())
    trust = {"ssl_truststore_location": authority.pem}
    with tls_server(authority.server_pem) as where:
        done = login(where, tmp_path, **trust)
        assert_refused(done, "the broker's certificate is not for")
        assert "other.example" in done.stderr
        # Without the check of the name the handshake succeeds: what fails is Kafka's part.
        done = login(where, tmp_path, ssl_endpoint_identification_algorithm="", **trust)
        assert_refused(done, "it closed the connection")


def test_a_certificate_that_has_expired(tmp_path):
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=12)
    authority = CertificateAuthority(tmp_path, not_after=yesterday)
    with tls_server(authority.server_pem) as where:
        done = login(where, tmp_path, ssl_truststore_location=authority.pem)
        assert_refused(done, "has expired")


def keytool(*arguments):
    argv = [java_command("keytool"), *map(str, arguments)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
