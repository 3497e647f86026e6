"""Access tokens (JWT, signed by RS256) for logins by OAUTHBEARER."""

import base64
import json
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_PACKAGE = "org.apache.kafka.common.security.oauthbearer"
MODULE = f"{_PACKAGE}.OAuthBearerLoginModule"
HANDLER = f"{_PACKAGE}.OAuthBearerLoginCallbackHandler"
ALLOWED_URLS = "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls"
AUDIENCE = "kafka"
ISSUER = "https://kubernetes.default.svc"
SUBJECT = "system:serviceaccount:app:relay"


class Identities:
    """Signs tokens; its public key is in `jwks`, below `directory`, where brokers look for it.

    Audience and issuer are those of service accounts in Kubernetes.
    """

    def __init__(self, directory):
        self.jwks = directory / "jwks.json"
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._kid = "identities"
        public = self._key.public_key().public_numbers()
        self._keys = [
            {
                "kty": "RSA",
                "use": "sig",
                "alg": "RS256",
                "kid": self._kid,
                "n": _number(public.n),
                "e": _number(public.e),
            }
        ]
        self._write()

    def believe(self, jwks):
        """Lets brokers take what others have signed, too; they look when they do not know a key."""
        self._keys += jwks["keys"]
        self._write()

    def token(self, subject=SUBJECT, *, seconds=600, signer=None, **claims):
        """A token of this subject for so long; `claims` win, and those that are None are left out.
        Another Identities may sign it, under this one's name."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": [AUDIENCE],
            "sub": subject,
            "iat": now - 5 + min(seconds, 0),
            "exp": now + seconds,
        } | claims
        claims = {name: claim for name, claim in claims.items() if claim is not None}
        header = {"alg": "RS256", "kid": self._kid, "typ": "JWT"}
        signed = f"{_json(header)}.{_json(claims)}"
        key = (signer or self)._key
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"

    def _write(self):
        self.jwks.write_text(json.dumps({"keys": self._keys}))


def bearer(url, options="", **extra):
    """What `client_config` takes beside a user; `options` are of the JAAS line."""
    return {
        "mechanism": "OAUTHBEARER",
        "sasl_jaas_config": f"{MODULE} required {options};",
        "sasl_login_callback_handler_class": HANDLER,
        "sasl_oauthbearer_token_endpoint_url": url,
        **extra,
    }


def _json(value):
    return _base64(json.dumps(value).encode())


def _base64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _number(number):
    return _base64(number.to_bytes((number.bit_length() + 7) // 8, "big"))
