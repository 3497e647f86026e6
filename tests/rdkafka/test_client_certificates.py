"""SASL_SSL to a broker that wants a certificate of its clients, in every form librdkafka takes."""

import os
import subprocess

import pytest
from confluent_kafka import KafkaException

from harness.kafka.ca import STORE_PASSWORD
from harness.process import java_command
from harness.rdkafka.stock import Client, config

KEY_PASSWORD = "key-password"


def files(path):
    return {"ssl_certificate_location": path, "ssl_key_location": path}


@pytest.fixture(scope="module")
def token(special):
    return special.create_token("User:alice")


@pytest.fixture(scope="module")
def forms(clients, tmp_path_factory):
    """Properties by the name of the form."""
    directory = tmp_path_factory.mktemp("forms")
    pem = clients.server_pem.read_text()
    encrypted, openssl = directory / "encrypted.pem", directory / "openssl.p12"
    encrypted.write_bytes(clients.encrypted_server_pem(KEY_PASSWORD))
    old = directory / "3des.pem"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-in", clients.server_pem]
        + ["-out", old, "-passout", f"pass:{KEY_PASSWORD}"],
        check=True,
    )
    subprocess.run(
        ["openssl", "pkcs12", "-export", "-in", clients.server_pem, "-out", openssl]
        + ["-passout", f"pass:{STORE_PASSWORD}"],
        check=True,
    )
    keystore = {"ssl_keystore_password": STORE_PASSWORD}
    return {
        "files": files(clients.server_pem),
        "PEM": {"ssl_certificate_pem": pem, "ssl_key_pem": pem},
        "PEM in one line": {
            "ssl_certificate_pem": pem.replace("\n", " "),
            "ssl_key_pem": pem.replace("\n", r"\n"),
        },
        "3DES": {"ssl_certificate_location": clients.server_pem, "ssl_key_location": old}
        | {"ssl_key_password": KEY_PASSWORD},
        "encrypted": files(encrypted) | {"ssl_key_password": KEY_PASSWORD},
        "PKCS12": {"ssl_keystore_location": clients.server_keystore} | keystore,
        "OpenSSL's PKCS12": {"ssl_keystore_location": openssl} | keystore,
    }


def client(special, token, source, **properties):
    defaults = {"security_protocol": "SASL_SSL", "ssl_ca_location": special.authority.pem}
    properties = defaults | properties
    conf = config(special.bootstrap("SASL_SSL"), source.write(token), **properties)
    return Client(conf)


@pytest.mark.parametrize(
    "form",
    ["files", "PEM", "PEM in one line", "encrypted", "3DES", "PKCS12", "OpenSSL's PKCS12"],
)
def test_every_form(special, token, source, forms, form):
    assert client(special, token, source, **forms[form]).works()


def test_without_a_certificate(special, token, source):
    text = client(special, token, source).refusal()
    assert "wants one" in text
    assert "ssl.keystore.location, or ssl.certificate.location and ssl.key.location" in text


def test_another_authoritys_certificate(special, token, source):
    others = files(special.authority.server_pem)
    text = client(special, token, source, **others).refusal()
    assert "does not accept our certificate" in text


@pytest.mark.parametrize(
    "form, changes, text",
    [
        ("encrypted", {"ssl_key_password": "x"}, "is ssl.key.password right?"),
        ("3DES", {"ssl_key_password": "x"}, "is ssl.key.password right?"),
        ("PKCS12", {"ssl_keystore_password": "x"}, "is its password right?"),
        ("PKCS12", files("/k.pem"), "leave one of them out"),
        ("PKCS12", {"ssl_keystore_location": "/gone.p12"}, "/gone.p12: No such file"),
        ("PKCS12", {"ssl_keystore_location": "/proc/self/status"}, "it is not a PKCS12 store"),
        ("files", {"ssl_key_location": "/gone.pem"}, "ssl.key.location: /gone.pem: No such file"),
        ("files", {"ssl_key_location": "/proc/self/status"}, "it holds no PEM private key"),
        ("PEM", {"ssl_key_pem": "-----BEGIN PRIVATE KEY-----"}, "a BEGIN without its END"),
    ],
)
def test_what_is_wrong_is_found_when_it_is_set(special, token, source, forms, form, changes, text):
    """And not only when a broker is there."""
    with pytest.raises(KafkaException) as refused:
        client(special, token, source, **(forms[form] | changes))
    assert text in str(refused.value)
    assert KEY_PASSWORD not in str(refused.value) and STORE_PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    "form, without, text",
    [
        ("encrypted", "ssl_key_password", "set ssl.key.password"),
        ("files", "ssl_key_location", "ssl.key.location: it is not set"),
        ("files", "ssl_certificate_location", "ssl.certificate.location: it is not set"),
    ],
)
def test_what_is_missing_is_told_when_the_client_is_made(
    special, token, source, forms, form, without, text, capfd
):
    """It might have been set later, so that no property can be refused."""
    properties = {name: value for name, value in forms[form].items() if name != without}
    running = client(special, token, source, **properties)
    assert text in capfd.readouterr().err
    assert text in running.refusal()


def test_another_keys_certificate(special, token, source, clients, tmp_path):
    other = special.authority.server_pem
    properties = {"ssl_certificate_location": clients.server_pem, "ssl_key_location": other}
    with pytest.raises(KafkaException, match="another one than the certificate's"):
        client(special, token, source, **properties)


def test_openssls_old_encryption_is_named(special, token, source, clients, tmp_path):
    old = tmp_path / "old.pem"
    argv = ["openssl", "ec", "-aes128", "-in", clients.server_pem, "-out", old]
    subprocess.run([*argv, "-passout", "pass:x"], check=True, capture_output=True)
    properties = files(clients.server_pem) | {"ssl_key_location": old, "ssl_key_password": "x"}
    with pytest.raises(KafkaException, match="-topk8 -v2 aes-256-cbc"):
        client(special, token, source, **properties)


@pytest.mark.parametrize("name", ["ssl_ca_location", "ssl_keystore_location"])
def test_a_java_keystore_is_named(special, token, source, tmp_path, name):
    jks = tmp_path / "store.jks"
    keytool = [java_command("keytool"), "-genkeypair", "-alias", "x", "-keyalg", "EC"]
    keytool += ["-dname", "CN=x", "-keystore", jks, "-storetype", "JKS"]
    keytool += ["-storepass", STORE_PASSWORD, "-keypass", STORE_PASSWORD]
    subprocess.run(keytool, check=True, capture_output=True, timeout=60)
    with pytest.raises(KafkaException, match=r"Java keystore \(JKS\).*keytool"):
        client(special, token, source, **{name: jks, "ssl_keystore_password": STORE_PASSWORD})


@pytest.mark.parametrize(
    "name", ["ssl_ca_location", "ssl_certificate_location", "ssl_key_location"]
    + ["ssl_keystore_location"],
)  # fmt: skip
def test_nobody_waits_for_a_fifo(special, token, source, tmp_path, name):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    with pytest.raises(KafkaException, match="it is a FIFO"):
        client(special, token, source, **{name: fifo})


def test_a_key_that_others_may_read_is_named_once(special, token, source, clients, tmp_path, capfd):
    key = tmp_path / "key.pem"
    key.write_bytes(clients.server_pem.read_bytes())
    key.chmod(0o644)
    link = tmp_path / "link.pem"
    link.symlink_to(key)
    assert client(special, token, source, **files(link)).works()
    assert capfd.readouterr().err.count(f"{link}: others may read the secrets in it") == 1
