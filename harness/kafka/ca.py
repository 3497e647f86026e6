"""A certificate authority of our own and the TLS stores of a server that it vouches for."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

STORE_PASSWORD = "changeit"  # PKCS12 wants one; the files live as long as a test
_DAY = datetime.timedelta(days=1)


class CertificateAuthority:
    """Writes its files below `directory`, which must exist:

    ca.pem           the authority's certificate, for clients
    truststore.p12   the same for a JVM
    server.pem       a server's private key, certificate and chain
    server.p12       the same for a JVM

    The server's certificate is valid from yesterday to `not_after`, or for a month. `ca_key` and
    `key` make the private keys; all is signed with `digest`.
    """

    def __init__(
        self,
        directory,
        names=("localhost",),
        addresses=("127.0.0.1", "::1"),
        not_after=None,
        *,
        ca_key=lambda: ec.generate_private_key(ec.SECP256R1()),
        key=lambda: ec.generate_private_key(ec.SECP256R1()),
        digest=None,
    ):
        directory = Path(directory)
        self.pem = directory / "ca.pem"
        self.truststore = directory / "truststore.p12"
        self.server_pem = directory / "server.pem"
        self.server_keystore = directory / "server.p12"

        digest = digest or hashes.SHA256()
        ca_key, ca = _certificate("scramtoken test CA", key=ca_key(), digest=digest)
        alternatives = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        key, server = _certificate(
            "scramtoken test server",
            (ca_key, ca),
            alternatives,
            not_after,
            key=key(),
            digest=digest,
        )
        self.key, self.certificate = key, server
        self._issuer = (ca_key, ca)

        password = STORE_PASSWORD.encode()
        encryption = serialization.BestAvailableEncryption(password)
        pem = serialization.Encoding.PEM
        self.pem.write_bytes(ca.public_bytes(pem))
        self.truststore.write_bytes(
            pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(ca, b"ca")], encryption)
        )
        key_pem = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.server_pem.touch(0o600)
        self.server_pem.write_bytes(key_pem + server.public_bytes(pem) + ca.public_bytes(pem))
        self.server_keystore.write_bytes(
            pkcs12.serialize_key_and_certificates(b"server", key, server, [ca], encryption)
        )

    def expired_server_keystore(self, path):
        """Writes the keystore of a server on 127.0.0.1 whose certificate ended an hour ago."""
        alternatives = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        not_after = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        key, server = _certificate("scramtoken test server", self._issuer, alternatives, not_after)
        encryption = serialization.BestAvailableEncryption(STORE_PASSWORD.encode())
        path.touch(0o600)
        path.write_bytes(
            pkcs12.serialize_key_and_certificates(
                b"server", key, server, [self._issuer[1]], encryption
            )
        )
        return path

    def encrypted_server_pem(self, key_password):
        """What is in server.pem, with its private key encrypted."""
        pem = self.server_pem.read_bytes()
        key = serialization.load_pem_private_key(pem, None).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(key_password.encode()),
        )
        return key + pem[pem.index(b"-----BEGIN CERTIFICATE") :]


def client_auth_required(authority):
    """The properties of a broker that wants certificates of this authority's from its clients."""
    return {
        # Without the listener's name Kafka takes no notice of it where SASL is.
        "listener.name.sasl_ssl.ssl.client.auth": "required",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": authority.pem,
    }


def signed_by_a_server(directory, authority):
    """Writes the key and certificate of a server on 127.0.0.1 that another server has signed."""
    alternatives = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    issuer = (authority.key, authority.certificate)
    key, certificate = _certificate("scramtoken test impostor", issuer, alternatives)
    path = directory / "impostor.pem"
    _write(path, key, [certificate, authority.certificate])
    return path


def server_that_signs_itself(path, is_ca):
    """Writes the key and certificate of a server on 127.0.0.1 that no authority has signed."""
    alternatives = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    key, certificate = _certificate("scramtoken test server", None, alternatives, is_ca=is_ca)
    _write(path, key, [certificate])


def rsa_key(bits):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _write(path, key, certificates):
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8
    path.touch(0o600)
    path.write_bytes(
        key.private_bytes(pem, private, serialization.NoEncryption())
        + b"".join(certificate.public_bytes(pem) for certificate in certificates)
    )


def _certificate(
    name, issuer=None, alternatives=(), not_after=None, *, key=None, digest=None, is_ca=None
):
    """A key and its certificate: an authority's own, or a server's signed by `issuer`."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    issuer_key, issuer_certificate = issuer or (key, None)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    is_ca = issuer is None if is_ca is None else is_ca
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_certificate.subject if issuer_certificate else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(not_after or now + 30 * _DAY)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_ca,
                key_cert_sign=is_ca,
                crl_sign=is_ca,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if not is_ca:
        usages = x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        )
        builder = builder.add_extension(usages, critical=False)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    hashes_itself = isinstance(issuer_key, ed448.Ed448PrivateKey)
    return key, builder.sign(issuer_key, None if hashes_itself else digest or hashes.SHA256())
