"""Kafka's own ScramSaslClient and ScramSaslServer as the other side, no network between."""

import hashlib
import hmac
import os
import random
import string
from base64 import b64decode, b64encode, urlsafe_b64encode
from dataclasses import dataclass, replace

import pytest

import scramtoken
from harness.kafka.peer import PeerRefused, ScramPeer
from scramtoken import Identity, Status

MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
EXCHANGES = {"4.4.0": 1000, "3.9.2": 200}  # each way
WRONG_SECRETS = 0.1  # the share of exchanges

NOW_MS = 1_700_000_000_000
LIFETIME = "CREDENTIAL.LIFETIME.MS"


@pytest.fixture(scope="module", params=EXCHANGES)
def peer(request):
    with ScramPeer(request.param) as peer:
        peer.exchanges = EXCHANGES[request.param]
        yield peer


@pytest.fixture(params=MECHANISMS)
def mechanism(request):
    return request.param


@dataclass(frozen=True)
class Login:
    """What both sides know of a login; of a user unless it has an owner."""

    mechanism: str
    name: str
    secret: str
    owner: str = ""
    expiry_ms: int = NOW_MS + 1
    iterations: int = 4096
    authzid: bool = False

    @property
    def is_token(self):
        return bool(self.owner)


def user(mechanism):
    return Login(mechanism, "alice", "alice-secret")


def token(mechanism):
    secret = b64encode(bytes(range(64))).decode()
    return Login(mechanism, "9MTmu5fCTYKFRIGyyhLjTA", secret, owner="alice")


# ---- random exchanges ----


def test_our_client_and_their_server(peer):
    """Half of all logins by token, some asking for an authzid, some with a wrong secret."""
    refused = 0
    for login, secret in random_logins(peer.exchanges, ascii_names=True):
        register(peer, login)
        client = our_client(login, secret)
        try:
            result = against_their_server(peer, login.mechanism, client)
        except PeerRefused as error:
            assert secret != login.secret, f"{login}: {error}"
            assert not client.authenticated
            refused += 1
        else:
            assert secret == login.secret, login
            assert client.authenticated
            assert result == {
                "name": login.owner or login.name,
                "tokenauth": "true" if login.is_token else "null",
                "lifetime": str(login.expiry_ms) if login.is_token else "null",
            }
    assert 0 < refused < peer.exchanges / 4


def test_their_client_and_our_server(peer):
    """As above; their client knows no authzid, but sends names of any script."""
    refused = 0
    for login, secret in random_logins(peer.exchanges, ascii_names=False):
        server = our_server(credentials(peer, login), login.mechanism)
        peer.client(login.mechanism, login.name, secret, "true" if login.is_token else "")
        try:
            complete = between(peer, server)
        except scramtoken.AuthenticationError as error:
            assert secret != login.secret, f"{login}: {error}"
            assert error.status == server.verdict.reason == Status.INVALID_PROOF
            assert not server.verdict
            with pytest.raises(PeerRefused, match="invalid-proof"):
                peer.client_step(error.output)
            refused += 1
        else:
            assert secret == login.secret, login
            assert complete
            verdict = server.verdict
            assert verdict
            assert verdict.name == (login.owner or login.name)
            assert verdict.token_id == (login.name if login.is_token else None)
            assert verdict.expiry_ms == (login.expiry_ms if login.is_token else None)
    assert 0 < refused < peer.exchanges / 4


def random_logins(count, ascii_names):
    """(login, the secret that its client uses) over and over; the seed is shown on failure."""
    seed = int(os.environ.get("SCRAMTOKEN_SEED", random.SystemRandom().getrandbits(32)))
    print(f"SCRAMTOKEN_SEED={seed} repeats these logins")
    rng = random.Random(seed)
    for number in range(count):
        login = random_login(rng, number, ascii_names)
        secret = login.secret
        if rng.random() < WRONG_SECRETS:
            secret = replace_one_character(rng, secret)
        yield login, secret


def random_login(rng, number, ascii_names):
    common = {"mechanism": MECHANISMS[number % 2], "iterations": rng.randint(4096, 4500)}
    if number // 2 % 2:
        return Login(
            name=urlsafe_b64encode(rng.randbytes(16)).decode().rstrip("="),  # a Kafka Uuid
            secret=b64encode(rng.randbytes(64)).decode(),
            owner=random_name(rng, ascii_names),
            expiry_ms=NOW_MS + rng.randint(0, 1 << 40),
            authzid=rng.random() < 0.3,
            **common,
        )
    name = random_name(rng, ascii_names)
    # Kafka's server compares a= still escaped with the name.
    authzid = rng.random() < 0.3 and not set(name) & set(",=")
    return Login(name=name, secret=random_password(rng), authzid=authzid, **common)


def random_name(rng, ascii_only):
    """All that Kafka's grammar lets through, its delimiters more often than others."""
    alphabets = [string.ascii_letters, ",=", "=2C=3D", "".join(map(chr, range(1, 128)))]
    if not ascii_only:
        alphabets.append("äßñØ密码𝓐🔑\u0300\u200b\ufeff")
    length = rng.randint(1, 40)
    return "".join(rng.choice(rng.choice(alphabets)) for _ in range(length))


def random_password(rng):
    """Of any script, and at times longer than a block of the hash."""
    alphabets = [string.printable, ",=", "äßñØ密码𝓐🔑\u0300ª\u00ad\u2168", "\x01\x1b\x7f"]
    length = rng.choice([1, 8, 32, 200])
    return "".join(rng.choice(rng.choice(alphabets)) for _ in range(length))


def replace_one_character(rng, secret):
    at = rng.randrange(len(secret))
    other = "x" if secret[at] != "x" else "y"
    return secret[:at] + other + secret[at + 1 :]


# ---- names and tokens, one by one ----


def test_nobody_of_that_name(peer, mechanism):
    """Kafka tells at once who exists; we do at the end, as for a wrong password."""
    stranger = replace(user(mechanism), name="nobody")
    with pytest.raises(PeerRefused):
        against_their_server(peer, mechanism, our_client(stranger))

    server = our_server({}, mechanism)
    peer.client(mechanism, "nobody", "x")
    with pytest.raises(scramtoken.AuthenticationError) as refused:
        between(peer, server)
    assert refused.value.status == Status.UNKNOWN_USER
    assert refused.value.output == b"e=invalid-proof"


@pytest.mark.parametrize("value", ["true", "TRUE", "True"])
def test_tokenauth_in_any_case(peer, mechanism, value):
    login = token(mechanism)
    server = our_server(credentials(peer, login), mechanism)
    peer.client(mechanism, login.name, login.secret, value)
    assert between(peer, server)
    assert server.verdict.token_id == login.name


@pytest.mark.parametrize("value", ["false", "1", "yes", "true "])
def test_other_values_of_tokenauth_mean_a_user(peer, mechanism, value):
    login = user(mechanism)
    server = our_server(credentials(peer, login), mechanism)
    peer.client(mechanism, login.name, login.secret, value)
    assert between(peer, server)
    assert not server.verdict.is_token


def test_a_user_is_no_token(peer, mechanism):
    """tokenauth=true with a user's name and right password."""
    login = user(mechanism)
    register(peer, login)
    with pytest.raises(PeerRefused):
        against_their_server(peer, mechanism, our_client(replace(login, owner="anyone")))

    server = our_server(credentials(peer, login), mechanism)
    peer.client(mechanism, login.name, login.secret, "true")
    with pytest.raises(scramtoken.AuthenticationError):
        between(peer, server)


def test_a_token_is_no_user(peer, mechanism):
    """A token's id and right HMAC without tokenauth."""
    login = token(mechanism)
    register(peer, login)
    with pytest.raises(PeerRefused):
        against_their_server(peer, mechanism, our_client(replace(login, owner="")))

    server = our_server(credentials(peer, login), mechanism)
    peer.client(mechanism, login.name, login.secret)
    with pytest.raises(scramtoken.AuthenticationError):
        between(peer, server)


def test_an_implicit_token(peer, mechanism):
    """The same once the server lets tokens in without tokenauth."""
    login = token(mechanism)
    server = our_server(credentials(peer, login), mechanism, implicit_tokens=True)
    peer.client(mechanism, login.name, login.secret)
    assert between(peer, server)
    assert server.verdict.token_id == login.name


def test_an_expired_token(peer, mechanism):
    """Kafka's server lets it in until it is swept; ours looks at the clock."""
    login = replace(token(mechanism), name="expired", expiry_ms=NOW_MS - 1)
    register(peer, login)
    assert against_their_server(peer, mechanism, our_client(login))["lifetime"] == str(NOW_MS - 1)

    server = our_server(credentials(peer, login), mechanism)
    peer.client(mechanism, login.name, login.secret, "true")
    with pytest.raises(scramtoken.TokenExpiredError) as refused:
        between(peer, server)
    with pytest.raises(PeerRefused, match="invalid-proof"):
        peer.client_step(refused.value.output)


@pytest.mark.parametrize("login", [user, token])
def test_authzid_of_another(peer, mechanism, login):
    """Neither another user, nor a token's owner."""
    login = login(mechanism)
    register(peer, login)
    for authzid in ("bob", login.name.upper(), login.owner or "User:alice"):
        client = our_client(login, authzid=authzid)
        with pytest.raises(PeerRefused, match="authorization id that is different"):
            against_their_server(peer, mechanism, client)


def test_authzid_with_a_comma(peer, mechanism):
    """Kafka's server refuses it, since it forgets to unescape a=; ours takes it."""
    login = replace(user(mechanism), name="a,b", authzid=True)
    register(peer, login)
    with pytest.raises(PeerRefused, match="authorization id that is different"):
        against_their_server(peer, mechanism, our_client(login))

    server = our_server(credentials(peer, login), mechanism)
    client = our_client(login)
    client.step(server.step(client.step(server.step(client.step()))))
    assert client.authenticated and server.verdict.name == "a,b"


def test_a_name_that_is_not_ascii(peer, mechanism):
    """Kafka's client sends it, Kafka's server refuses it, ours takes it."""
    login = replace(user(mechanism), name="zoë")
    register(peer, login)
    with pytest.raises(PeerRefused, match="Invalid SCRAM client first message format"):
        against_their_server(peer, mechanism, our_client(login))

    server = our_server(credentials(peer, login), mechanism)
    peer.client(mechanism, login.name, login.secret)
    assert between(peer, server)
    assert server.verdict.name == "zoë"


def test_too_few_iterations(peer, mechanism):
    """Both clients refuse 4095 of them; Kafka's server would not even ask for so few."""
    login = replace(user(mechanism), iterations=4095)
    server = our_server(credentials(peer, login), mechanism)
    peer.client(mechanism, login.name, login.secret)
    with pytest.raises(PeerRefused, match="less than the minimum"):
        between(peer, server)

    server, client = our_server(credentials(peer, login), mechanism), our_client(login)
    with pytest.raises(scramtoken.ProtocolError) as refused:
        client.step(server.step(client.step()))
    assert refused.value.status == Status.ITERATIONS


def test_a_server_that_does_not_know_the_credential(peer, mechanism):
    """Kafka's client refuses a wrong signature of ours, and our client one of Kafka's."""
    login = user(mechanism)
    register(peer, login)
    server = our_server(credentials(peer, login), mechanism)
    peer.client(mechanism, login.name, login.secret)
    final = server.step(peer.client_step(server.step(peer.client_step()[0]))[0])
    with pytest.raises(PeerRefused, match="Invalid server signature"):
        peer.client_step(spoilt(final))

    peer.server(mechanism)
    client = our_client(login)
    final, complete = peer.server_step(client.step(peer.server_step(client.step())[0]))
    assert complete
    with pytest.raises(scramtoken.AuthenticationError) as refused:
        client.step(spoilt(final))
    assert refused.value.status == Status.SERVER_SIGNATURE
    assert not client.authenticated


def spoilt(server_final):
    """v= with another first character, which is still canonical base64."""
    assert server_final.startswith(b"v=")
    return b"v=" + (b"B" if server_final[2:3] == b"A" else b"A") + server_final[3:]


# ---- both sides ----


# ---- what our server takes and Kafka's does not: docs/jvm.md lists it ----

LENIENT = {
    "gs2 y": {"header": "y,,"},
    "extensions beside tokenauth": {"extensions": ",zone=1,tokenauth=true,team=2,app=3"},
    "extension in client-final": {"final_extensions": ",x=1"},
    "name that is not ASCII": {"name": "\u00e4lice"},
    "escaped authzid": {"header": "n,a=al=2Cice,", "name": "al,ice"},
}


@pytest.mark.parametrize("how", LENIENT.values(), ids=LENIENT)
def test_where_we_are_more_lenient(peer, mechanism, how):
    is_token = "tokenauth" in how.get("extensions", "")
    login = token(mechanism) if is_token else user(mechanism)
    login = replace(login, name=how.get("name", login.name))
    register(peer, login)
    peer.server(mechanism)
    with pytest.raises(PeerRefused):
        log_in_by_hand(lambda message: peer.server_step(message)[0], login, how)

    server = our_server(credentials(peer, login), mechanism)
    assert log_in_by_hand(server.step, login, how).startswith(b"v=")
    assert server.verdict.name == (login.owner or login.name)


def test_by_hand_is_no_reason_to_be_refused(peer, mechanism):
    """By either server, where there is nothing unusual in it."""
    login = user(mechanism)
    register(peer, login)
    peer.server(mechanism)
    answer = log_in_by_hand(lambda message: peer.server_step(message)[0], login, {})
    assert answer.startswith(b"v=")


def log_in_by_hand(send, login, how):
    """Both messages of a client that has the right secret; the server's last one."""
    header = how.get("header", "n,,")
    name = login.name.replace("=", "=3D").replace(",", "=2C")
    bare = f"n={name},r=abcdefgh{how.get('extensions', '')}"
    challenge = send(f"{header}{bare}".encode()).decode()
    fields = dict(field.split("=", 1) for field in challenge.split(","))
    covered = f"c={b64encode(header.encode()).decode()},r={fields['r']}"
    covered += how.get("final_extensions", "")
    algorithm = login.mechanism.removeprefix("SCRAM-").replace("-", "").lower()
    salted = hashlib.pbkdf2_hmac(
        algorithm, login.secret.encode(), b64decode(fields["s"]), int(fields["i"])
    )
    client_key = hmac.digest(salted, b"Client Key", algorithm)
    stored_key = hashlib.new(algorithm, client_key).digest()
    signature = hmac.digest(stored_key, f"{bare},{challenge},{covered}".encode(), algorithm)
    proof = bytes(a ^ b for a, b in zip(client_key, signature))
    return send(f"{covered},p={b64encode(proof).decode()}".encode())


def register(peer, login):
    """Puts the login into the caches of Kafka's server."""
    if login.is_token:
        peer.put_token(
            login.mechanism,
            login.name,
            login.secret,
            login.owner,
            login.expiry_ms,
            login.iterations,
        )
    else:
        peer.put_user(login.mechanism, login.name, login.secret, login.iterations)


def credentials(peer, login):
    """{(kind, name): answer} with what Kafka derives, for a lookup of ours."""
    salt, stored_key, server_key = peer.derive(login.mechanism, login.secret, login.iterations)
    keys = scramtoken.Credential(salt, stored_key, server_key, login.iterations)
    if login.is_token:
        token = scramtoken.Token(keys, login.owner, login.expiry_ms)
        return {(Identity.TOKEN, login.name): token}
    return {(Identity.USER, login.name): scramtoken.User(keys)}


def our_client(login, secret=None, authzid=None):
    names = ("token_id", "hmac") if login.is_token else ("username", "password")
    credential = dict(zip(names, (login.name, login.secret if secret is None else secret)))
    if login.authzid:
        authzid = login.name
    return scramtoken.Client(login.mechanism, authzid=authzid, **credential)


def our_server(answers, mechanism, **options):
    def lookup(_mechanism, name, kind):
        kinds = [Identity.USER, Identity.TOKEN] if kind == Identity.EITHER else [kind]
        return next((answers[kind, name] for kind in kinds if (kind, name) in answers), None)

    config = scramtoken.ServerConfig(lookup=lookup, clock=lambda: NOW_MS, **options)
    return scramtoken.Server(config, mechanism)


def against_their_server(peer, mechanism, client):
    """Runs our client against Kafka's server; what that knows in the end."""
    peer.server(mechanism)
    challenge, _ = peer.server_step(client.step())
    final, complete = peer.server_step(client.step(challenge))
    assert complete
    assert client.step(final) == b""
    name, tokenauth = peer.server_result("tokenauth")
    _, lifetime = peer.server_result(LIFETIME)
    return {"name": name, "tokenauth": tokenauth, "lifetime": lifetime}


def between(peer, server):
    """Runs Kafka's client, which has been started, against our server; whether it is content."""
    challenge = server.step(peer.client_step()[0])
    final = server.step(peer.client_step(challenge)[0])
    output, complete = peer.client_step(final)
    assert output == b""
    return complete
