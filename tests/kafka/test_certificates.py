"""Certificates and keys of every kind that brokers and clients have, and PEM of every shape."""

import os
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448

from harness.kafka.broker import KafkaBroker
from harness.kafka.ca import (
    STORE_PASSWORD,
    CertificateAuthority,
    client_auth_required,
    rsa_key,
    server_that_signs_itself,
    signed_by_a_server,
)
from harness.kafka.cli import client_config, scramtoken
from harness.kafka.properties import USERS
from harness.kafka.tls_server import tls_server
from harness.process import java_command

QUICK = {"default_api_timeout_ms": 3000, "request_timeout_ms": 2000}
# The handshake succeeded, and then nobody spoke Kafka's protocol.
SHOOK_HANDS = "it closed the connection"
PASSWORD = "key-password"


def p521():
    return ec.generate_private_key(ec.SECP521R1())


def p384():
    return ec.generate_private_key(ec.SECP384R1())


def login(where, tmp_path, **settings):
    settings = {"security_protocol": "SASL_SSL", **QUICK, **settings}
    config = client_config(tmp_path / "client.properties", "alice", USERS["alice"], **settings)
    return scramtoken("login", "--bootstrap-server", where, "--command-config", config)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize(
    "keys",
    [
        {"ca_key": p521, "key": p521, "digest": hashes.SHA512()},
        {"ca_key": p521, "digest": hashes.SHA256()},  # as openssl signs by itself
        {"ca_key": p521, "digest": hashes.SHA384()},
        {"digest": hashes.SHA512()},
        {"ca_key": p384, "key": p384, "digest": hashes.SHA512()},
        {"ca_key": lambda: rsa_key(2048), "key": lambda: rsa_key(2048), "digest": hashes.SHA512()},
    ],
)
def test_brokers_that_are_believed(tmp_path, keys, version):
    authority = CertificateAuthority(tmp_path, **keys)
    with tls_server(authority.server_pem) as where:
        trust = {"ssl_truststore_location": authority.pem, "ssl_enabled_protocols": version}
        done = login(where, tmp_path, **trust)
        assert SHOOK_HANDS in done.stderr


def test_a_signature_on_p521_by_another_key(tmp_path):
    """Both authorities have the same name."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    keys = {"ca_key": p521, "digest": hashes.SHA512()}
    authority, other = CertificateAuthority(one, **keys), CertificateAuthority(two, **keys)
    with tls_server(authority.server_pem) as where:
        done = login(where, tmp_path, ssl_truststore_location=other.pem)
        assert "bears a wrong signature" in done.stderr


@pytest.mark.parametrize(
    "keys, why",
    [
        ({"key": lambda: rsa_key(1024)}, "an RSA key of 1024 bits"),
        ({"ca_key": lambda: rsa_key(1024)}, "an RSA key of 1024 bits"),
        ({"ca_key": ed448.Ed448PrivateKey.generate}, "is signed by Ed448, which is not supported"),
        ({"names": ["other.example"], "addresses": []}, "but for other.example; connect by"),
        (
            {"addresses": ["10.0.0.1", "::1"]},
            'not for "127.0.0.1" but for localhost, 10.0.0.1, ::1',
        ),
        ({"names": [], "addresses": []}, "it has no subjectAltName, and its CN does not count"),
    ],
)
def test_brokers_that_are_not_believed(tmp_path, keys, why):
    authority = CertificateAuthority(tmp_path, **keys)
    with tls_server(authority.server_pem) as where:
        done = login(where, tmp_path, ssl_truststore_location=authority.pem)
        assert done.returncode == 3
        assert why in done.stderr
        assert "DnsName" not in done.stderr and "[42," not in done.stderr


def test_a_broker_may_not_sign_others(tmp_path):
    """Whoever has the key of a broker whose certificate is trusted must not become any broker."""
    authority = CertificateAuthority(tmp_path)
    trusted = only(authority.server_pem.read_text(), tmp_path)
    for identification in ("https", ""):
        trust = {
            "ssl_truststore_location": trusted,
            "ssl_endpoint_identification_algorithm": identification,
        }
        with tls_server(signed_by_a_server(tmp_path, authority)) as where:
            done = login(where, tmp_path, **trust)
            assert done.returncode == 3
            fault = "signed by a certificate in ssl.truststore.location that is not an authority's"
            assert fault in done.stderr


def only(pem, tmp_path):
    """A file with the first certificate of a PEM."""
    path = tmp_path / "only.pem"
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    path.write_text(pem[pem.index(begin) : pem.index(end) + len(end)] + "\n")
    return path


def test_a_broker_vouches_for_itself(tmp_path):
    own = tmp_path / "own.pem"
    server_that_signs_itself(own, is_ca=False)
    with tls_server(own) as where:
        trust = {"ssl_truststore_location": only(own.read_text(), tmp_path)}
        assert SHOOK_HANDS in login(where, tmp_path, **trust).stderr


# ---- keys ----


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module")
def broker(clients):
    with KafkaBroker(extra_properties=client_auth_required(clients)) as broker:
        yield broker


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


ENCRYPTIONS = {
    "PBE-SHA1-3DES": ["-v1", "PBE-SHA1-3DES"],
    "PBES2 with DES3": ["-v2", "des3"],
    "PBES2 with HMAC-SHA1": ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"],
    "PBES2 with AES": ["-v2", "aes-256-cbc"],
    "scrypt": ["-scrypt"],
}


@pytest.mark.parametrize("encryption", ENCRYPTIONS.values(), ids=ENCRYPTIONS)
def test_encrypted_keys(broker, clients, tmp_path, encryption):
    path = tmp_path / "key.pem"
    openssl("pkcs8", "-topk8", "-in", clients.server_pem, "-out", path, *encryption,
            "-passout", f"pass:{PASSWORD}")  # fmt: skip
    with open(path, "a") as file:
        file.write(only(clients.server_pem.read_text(), tmp_path).read_text())
    settings = {
        "ssl_truststore_location": broker.authority.pem,
        "ssl_keystore_location": path,
        "ssl_keystore_type": "PEM",
    }
    where = broker.bootstrap("SASL_SSL")
    done = login(where, tmp_path, **settings, ssl_key_password=PASSWORD)
    assert done.returncode == 0, done.stderr
    done = login(where, tmp_path, **settings, ssl_key_password="another")
    assert done.returncode == 6
    assert "is ssl.key.password right?" in done.stderr
    assert PASSWORD not in done.stderr


@pytest.mark.parametrize("encryption", [["-v1", "PBE-MD5-DES"], ["-v1", "PBE-SHA1-RC2-40"]])
def test_an_encryption_that_is_not_read_is_named(clients, tmp_path, encryption):
    """And not blamed on the password."""
    path = tmp_path / "key.pem"
    legacy = ["-provider", "legacy", "-provider", "default"]
    openssl("pkcs8", "-topk8", "-in", clients.server_pem, "-out", path, *encryption, *legacy,
            "-passout", f"pass:{PASSWORD}")  # fmt: skip
    pem = path.read_text() + only(clients.server_pem.read_text(), tmp_path).read_text()
    path.write_text(pem)
    done = login("127.0.0.1:9", tmp_path, ssl_truststore_location=clients.pem,
                 ssl_keystore_location=path, ssl_key_password=PASSWORD)  # fmt: skip
    assert f"encrypted by {encryption[1]}, which is not read" in done.stderr


def test_a_broker_and_a_client_on_p521(tmp_path):
    authority = CertificateAuthority(tmp_path, ca_key=p521, key=p521, digest=hashes.SHA512())
    properties = client_auth_required(authority) | {
        "ssl.keystore.location": authority.server_keystore,
        "ssl.keystore.password": STORE_PASSWORD,
        "ssl.key.password": STORE_PASSWORD,
    }
    sec1 = tmp_path / "sec1.pem"
    openssl("ec", "-in", authority.server_pem, "-out", sec1)
    with open(sec1, "a") as file:
        file.write(authority.server_pem.read_text().split("-----END PRIVATE KEY-----\n")[1])
    with KafkaBroker(extra_properties=properties) as broker:
        for version in ("TLSv1.2", "TLSv1.3"):
            for key in (authority.server_pem, sec1):
                done = login(
                    broker.bootstrap("SASL_SSL"), tmp_path, ssl_truststore_location=authority.pem,
                    ssl_keystore_location=key, ssl_enabled_protocols=version,
                )  # fmt: skip
                assert done.returncode == 0, done.stderr


# ---- PEM in one line ----


def escaped(value):
    return value.replace("\\", "\\\\").replace("\n", "\\n")


LINE_ENDS = {"blanks": " ", "escapes": r"\n", "backslashes": "\\", "both": "\\\n", "none": ""}


@pytest.mark.parametrize("line_end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_line_ends_that_an_environment_lost(broker, clients, tmp_path, line_end):
    pem = clients.server_pem.read_text()
    key, chain = pem.split("-----END PRIVATE KEY-----\n")
    key += "-----END PRIVATE KEY-----\n"
    value = {
        "ssl.keystore.key": key,
        "ssl.keystore.certificate.chain": chain,
        "ssl.truststore.certificates": broker.authority.pem.read_text(),
    }
    config = client_config(
        tmp_path / "client.properties", "alice", USERS["alice"],
        security_protocol="SASL_SSL", ssl_keystore_type="PEM", ssl_truststore_type="PEM", **QUICK,
    )  # fmt: skip
    with open(config, "a") as file:
        for name, text in value.items():
            # As a file of properties has it.
            file.write(f"{name}={escaped(text.replace(chr(10), line_end))}\n")
    done = scramtoken(
        "login", "--bootstrap-server", broker.bootstrap("SASL_SSL"), "--command-config", config
    )
    assert done.returncode == 0, done.stderr


DAMAGES = {
    "a foreign character": lambda pem: pem.replace("M", "M§", 1),
    "a character that is none": lambda pem: pem[:60] + "!" + pem[61:],
    "without its end": lambda pem: pem[: pem.index("-----END")],
    "cut short": lambda pem: pem[:80] + pem[pem.index("-----END") :],
    "one line": lambda pem: pem.replace("\n", "").replace("-----BEGIN", "----BEGIN"),
    "another END": lambda pem: pem.replace("END PRIVATE", "ENDE PRIVATE"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_no_part_of_a_key_is_in_an_error(clients, tmp_path, damage):
    key = clients.server_pem.read_text().split("-----BEGIN CERTIFICATE")[0]
    path = tmp_path / "key.pem"
    path.write_text(damage(key) + only(clients.server_pem.read_text(), tmp_path).read_text())
    done = login("127.0.0.1:9", tmp_path, ssl_truststore_location=clients.pem,
                 ssl_keystore_location=path)  # fmt: skip
    assert done.returncode == 6, done.stderr
    assert "ssl.keystore.location" in done.stderr
    secret = "".join(key.splitlines()[1:-1])
    for at in range(0, len(secret) - 8):
        assert secret[at : at + 8] not in done.stderr


# ---- files ----


def test_a_store_with_two_keys_is_refused(clients, tmp_path):
    both = tmp_path / "both.p12"
    for alias in ("old", "new"):
        subprocess.run(
            [java_command("keytool"), "-importkeystore", "-noprompt",
             "-srckeystore", clients.server_keystore, "-srcstorepass", STORE_PASSWORD,
             "-srcalias", "server", "-destalias", alias,
             "-destkeystore", both, "-deststorepass", STORE_PASSWORD, "-deststoretype", "PKCS12"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
    done = login("127.0.0.1:9", tmp_path, ssl_truststore_location=clients.pem,
                 ssl_keystore_location=both, ssl_keystore_password=STORE_PASSWORD)  # fmt: skip
    assert done.returncode == 6
    assert 'it holds the private keys "new" and "old"' in done.stderr
    assert "-srcalias" in done.stderr


@pytest.mark.parametrize("name", ["ssl_truststore_location", "ssl_keystore_location"])
def test_nobody_waits_for_a_fifo(clients, tmp_path, name):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    settings = {"ssl_truststore_location": clients.pem, name: fifo}
    done = login("127.0.0.1:9", tmp_path, **settings)
    assert done.returncode == 6
    assert "it is a FIFO" in done.stderr


def test_a_key_that_others_may_read_is_named(broker, clients, tmp_path):
    key = tmp_path / "key.pem"
    key.write_bytes(clients.server_pem.read_bytes())
    key.chmod(0o644)
    trust = {"ssl_truststore_location": broker.authority.pem}
    done = login(broker.bootstrap("SASL_SSL"), tmp_path, **trust, ssl_keystore_location=key)
    assert done.returncode == 0, done.stderr
    assert f"{key}: others may read the secrets in it: chmod 600 {key}" in done.stderr
    key.chmod(stat.S_IRUSR)
    done = login(broker.bootstrap("SASL_SSL"), tmp_path, **trust, ssl_keystore_location=key)
    assert "others" not in done.stderr


@pytest.mark.parametrize(
    "form, why",
    [
        (["pkcs12", "-export", "-passout", "pass:x", "-out"], "PKCS12"),
        (["x509", "-outform", "DER", "-out"], "it is DER; convert it: openssl x509"),
    ],
)
def test_another_kind_of_file_is_named(clients, tmp_path, form, why):
    path = tmp_path / "file"
    openssl(*form, path, "-in", clients.server_pem)
    done = login("127.0.0.1:9", tmp_path, ssl_truststore_location=path)
    assert done.returncode == 6
    assert why in done.stderr or "password" in done.stderr
