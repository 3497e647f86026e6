"""SASL_SSL to a broker that wants a certificate of its clients, in every form librdkafka takes."""

import subprocess

import pytest

from tests.kafka.ca import STORE_PASSWORD

from .stock import Client, config

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
    subprocess.run(
        ["openssl", "pkcs12", "-export", "-in", clients.server_pem, "-out", openssl]
        + ["-passout", f"pass:{STORE_PASSWORD}"],
        check=True,
    )
    keystore = {"ssl_keystore_password": STORE_PASSWORD}
    return {
        "files": files(clients.server_pem),
        "PEM": {"ssl_certificate_pem": pem, "ssl_key_pem": pem},
        "encrypted": files(encrypted) | {"ssl_key_password": KEY_PASSWORD},
        "PKCS12": {"ssl_keystore_location": clients.server_keystore} | keystore,
        "OpenSSL's PKCS12": {"ssl_keystore_location": openssl} | keystore,
    }


def client(special, token, source, **properties):
    properties |= {"security_protocol": "SASL_SSL", "ssl_ca_location": special.authority.pem}
    conf = config(special.bootstrap("SASL_SSL"), source.write(token), **properties)
    return Client(conf)


@pytest.mark.parametrize("form", ["files", "PEM", "encrypted", "PKCS12", "OpenSSL's PKCS12"])
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
        ("encrypted", {"ssl_key_password": ""}, "set ssl.key.password"),
        ("encrypted", {"ssl_key_password": "x"}, "is ssl.key.password right?"),
        ("PKCS12", {"ssl_keystore_password": "x"}, "is its password right?"),
        ("files", {"ssl_key_location": ""}, "ssl.key.location: it is not set"),
        ("files", {"ssl_certificate_location": ""}, "ssl.certificate.location: it is not set"),
        ("PKCS12", files("/k.pem"), "leave one of them out"),
        ("PKCS12", {"ssl_keystore_location": "/gone.p12"}, "/gone.p12: No such file"),
        ("PKCS12", {"ssl_keystore_location": "/proc/self/status"}, "PKCS12"),
    ],
)
def test_what_cannot_be_read_is_named(special, token, source, forms, form, changes, text):
    refusal = client(special, token, source, **(forms[form] | changes)).refusal()
    assert text in refusal
    assert KEY_PASSWORD not in refusal and STORE_PASSWORD not in refusal


def test_openssls_old_encryption_is_named(special, token, source, clients, tmp_path):
    old = tmp_path / "old.pem"
    argv = ["openssl", "ec", "-aes128", "-in", clients.server_pem, "-out", old]
    subprocess.run([*argv, "-passout", "pass:x"], check=True, capture_output=True)
    properties = files(clients.server_pem) | {"ssl_key_location": old, "ssl_key_password": "x"}
    assert "openssl pkcs8 -topk8" in client(special, token, source, **properties).refusal()
