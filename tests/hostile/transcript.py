"""Reads the transcripts, and computes their proofs with Python's hashlib alone."""

import functools
import hashlib
import hmac
import json
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from pathlib import Path

_PLACEHOLDER = re.compile(rb"\{(proof|signature|client signature)(?:\|(of:)?([^}]*))?\}")
_CANONICAL = (
    rb"((?:[A-Za-z0-9+/]{4})*"
    rb"(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==))"
)

CLIENT, SERVER = "client", "server"
_HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


def load():
    """Every case of every file, with the defaults of its file, as {"file:name": case}."""
    cases = {}
    for path in sorted(Path(__file__).parent.glob("*.json")):
        file = json.loads(path.read_text(encoding="utf-8"))
        for case in file["cases"]:
            name = f"{path.stem}:{case['name']}"
            assert name not in cases, f"{name} stands there twice"
            cases[name] = {**file["defaults"], **case, "id": name}
    return cases


class Wire:
    """The messages of one login, and what a peer with its secret makes of them."""

    def __init__(self, case):
        self.hash = _HASHES[case["mechanism"]]
        login = case.get("login", {})
        own_secret = login.get("hmac", login.get("password"))
        self.secret = case.get("secret", own_secret)
        self.own_secret = own_secret
        self.messages = []  # (who sent it, bytes)

    def add(self, sender, message):
        self.messages.append((sender, message))

    def render(self, text, secret=None):
        """The bytes of a message in the data: parts joined, placeholders filled in."""
        message = b"".join(map(_part, text if isinstance(text, list) else [text]))
        secret = self.secret if secret is None else secret

        def fill(match):
            kind, of, modifier = match.groups()
            without_proof = re.sub(rb",?p=$", b"", message[: match.start()])
            auth_message = modifier if of else self._auth_message(without_proof)
            value = self._value(kind, auth_message, secret)
            return b64encode(value) if of or not modifier else _spoil(value, modifier.decode())

        return _PLACEHOLDER.sub(fill, message)

    def matches(self, text, output, secret=None):
        """None unless `output` is the message in the data; then what {salt} stands for, or ""."""
        pattern = _CANONICAL.join(map(re.escape, self.render(text, secret).split(b"{salt}")))
        match = re.fullmatch(pattern, output)
        return match and (match[1].decode() if match.re.groups else "")

    def _sent(self, sender):
        return [message for who, message in self.messages if who == sender]

    def _auth_message(self, without_proof):
        client, server = self._sent(CLIENT), self._sent(SERVER)
        if len(client) > 1:
            without_proof = re.sub(rb",p=[^,]*$", b"", client[1])
        bare = b",".join(client[0].split(b",")[2:]) if client else b""
        return b",".join([bare, server[0] if server else b"", without_proof])

    def _value(self, kind, auth_message, secret):
        salt, iterations = self._challenge()
        salted = hashlib.pbkdf2_hmac(self.hash, secret.encode(), salt, iterations)
        client_key = self._hmac(salted, b"Client Key")
        stored_key = hashlib.new(self.hash, client_key).digest()
        client_signature = self._hmac(stored_key, auth_message)
        if kind == b"client signature":
            return client_signature
        if kind == b"proof":
            return bytes(a ^ b for a, b in zip(client_key, client_signature))
        return self._hmac(self._hmac(salted, b"Server Key"), auth_message)

    def _challenge(self):
        """Salt and iterations of the server-first-message; of a hostile one, something."""
        first = (self._sent(SERVER) or [b""])[0]
        found = re.search(rb",s=([A-Za-z0-9+/]+=*),i=([1-9][0-9]{0,6})(?:,|$)", first)
        return (b64decode(found[1]), int(found[2])) if found else (b"salt", 1)

    def _hmac(self, key, message):
        return hmac.new(key, message, self.hash).digest()


def credential(case, entry):
    """(salt, stored key, server key, iterations) of a user or token in the data."""
    secret = entry.get("hmac", entry.get("password"))
    return _credential(case["mechanism"], secret, entry["salt"], entry["iterations"])


@functools.cache
def _credential(mechanism, secret, salt, iterations):
    name, salt = _HASHES[mechanism], b64decode(salt)
    salted = hashlib.pbkdf2_hmac(name, secret.encode(), salt, iterations)
    client_key = hmac.new(salted, b"Client Key", name).digest()
    server_key = hmac.new(salted, b"Server Key", name).digest()
    return salt, hashlib.new(name, client_key).digest(), server_key, iterations


def _part(part):
    if isinstance(part, str):
        return part.encode()
    if "hex" in part:
        return bytes.fromhex(part["hex"])
    return part["repeat"].encode() * part["times"]


def _spoil(value, how):
    """A proof or signature, spoilt and in the form in which it travels."""
    text = b64encode(value)
    bits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = len(text.rstrip(b"=")) - 1
    return {
        "flip": lambda: b64encode(value[:-1] + bytes([value[-1] ^ 1])),
        "zero": lambda: b64encode(bytes(len(value))),
        "truncate": lambda: b64encode(value[:-1]),
        "extend": lambda: b64encode(value + b"\0"),
        "twice": lambda: b64encode(value + value),
        "unpadded": lambda: text.rstrip(b"="),
        "bits": lambda: text[:last] + bits[bits.index(text[last]) + 1 :][:1] + text[last + 1 :],
        "urlsafe": lambda: urlsafe_b64encode(b"\xff\xff" + value[2:]),
        "space": lambda: text[:8] + b" " + text[8:],
        "newline": lambda: text[:8] + b"\n" + text[8:],
        "double": lambda: b64encode(text),
        "hex": lambda: value.hex().encode(),
    }[how]()
