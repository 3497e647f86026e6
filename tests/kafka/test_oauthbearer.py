"""Primary logins by OAUTHBEARER: access tokens from files and from token endpoints."""

import base64
import json
import re
import time
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from harness.kafka.access_tokens import ALLOWED_URLS, HANDLER, MODULE, SUBJECT, Identities, bearer
from harness.kafka.ca import STORE_PASSWORD, CertificateAuthority, signed_by_a_server
from harness.kafka.cli import client_config, kafka_delegation_tokens, scramtoken
from harness.kafka.stand_in import API_VERSIONS, HANDSHAKE, StandInBroker
from harness.kafka.token_endpoint import TokenEndpoint

TRANSPORTS = ["SASL_PLAINTEXT", "SASL_SSL"]
CLEAR_TEXT = "OAUTHBEARER sends the access token in clear text"
CLIENT = 'clientId="relay" clientSecret="s3cret+/ \\\\"'
SECRET = "s3cret+/ \\"
QUICK = {
    "sasl_login_retry_backoff_max_ms": 300,
    "default_api_timeout_ms": 8000,
    "request_timeout_ms": 8000,
}


class Client:
    """A client of `every_login`, with an access token in a file or at an endpoint."""

    def __init__(self, broker, directory):
        self.broker = broker
        self.file = directory / "access-token"
        self.config = directory / "client.properties"
        self.secrets = [SECRET]

    def write(self, token):
        self.file.touch(0o600)
        self.file.write_text(f"{token}\n")
        self.secrets.append(token)

    def configure(self, url=None, options="", protocol="SASL_PLAINTEXT", **extra):
        settings = {
            "security_protocol": protocol,
            "ssl_truststore_type": "PEM",
            "ssl_truststore_location": self.broker.authority.pem,
        }
        settings |= bearer(url or self.file.as_uri(), options) | QUICK | extra
        settings = {key: value for key, value in settings.items() if value is not None}
        client_config(self.config, "nobody", "x", **settings)
        self.where = self.broker.bootstrap(protocol)

    def run(self, *command, where=None):
        where = ["--bootstrap-server", where or self.where, "--command-config", self.config]
        done = scramtoken(*command, *where)
        for secret in self.secrets:
            assert not secret or secret not in done.stdout + done.stderr
        assert "panicked" not in done.stderr
        return done

    def login(self, **how):
        return self.run("login", **how)

    def refused(self, code, why, **how):
        done = self.login(**how)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert why in done.stderr, done.stderr
        return done.stderr


@pytest.fixture
def client(every_login, tmp_path):
    return Client(every_login, tmp_path)


@pytest.fixture
def endpoint(every_login, identities):
    """Gives every client a token."""

    def answer(request):
        return 200, {"access_token": identities.token(), "token_type": "Bearer", "expires_in": 600}

    with TokenEndpoint(answer, every_login.authority.server_pem) as endpoint:
        yield endpoint


@pytest.fixture
def trust(every_login):
    """The JAAS options by which the endpoint's certificate is believed."""
    return f'{CLIENT} ssl.truststore.location="{every_login.authority.pem}"'


def makes_a_token(client):
    """Creates a delegation token, and logs in by it."""
    done = client.run(
        "delegation-tokens", "--create", "--max-life-time-period", "-1", "--output=json"
    )
    assert done.returncode == 0, done.stderr
    token = json.loads(done.stdout)
    assert token["owner"] == f"User:{SUBJECT}"
    client.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
    return done


@pytest.mark.parametrize("protocol", TRANSPORTS)
def test_a_file_is_read_at_each_login(client, identities, protocol):
    client.configure(protocol=protocol)
    client.write(identities.token(seconds=900))
    done = client.login()
    assert done.returncode == 0, done.stderr
    is_clear = protocol == "SASL_PLAINTEXT"
    assert done.stderr.count(CLEAR_TEXT) == is_clear and bool(done.stderr) == is_clear
    who = f'the user "{SUBJECT}" by OAUTHBEARER'
    said = re.fullmatch(rf".*: logged in as {who}, for (\d+) s\n", done.stdout)
    assert said and 880 < int(said[1]) <= 900, done.stdout
    makes_a_token(client)
    client.write(identities.token("somebody-else"))
    assert 'the user "somebody-else"' in client.login().stdout
    # The scheme stands in three ways, and so do the names of Kafka's classes.
    for url in (f"file:{client.file}", f"FILE://localhost{client.file}"):
        client.configure(url, protocol=protocol)
        assert client.login().returncode == 0


def test_whose_file_it_is(client, identities, tmp_path):
    """As of a volume of Kubernetes: links, and rights for others, of which it is told once."""
    client.write(identities.token())
    data = tmp_path / "volume" / "..data"
    data.mkdir(parents=True)
    (data / "token").write_text(client.file.read_text())
    (data / "token").chmod(0o644)
    link = tmp_path / "volume" / "token"
    link.symlink_to("..data/token")
    client.configure(link.as_uri(), protocol="SASL_SSL")
    done = client.login()
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("others may read the secrets in it") == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("protocol", TRANSPORTS)
def test_an_endpoint_over_https(client, endpoint, trust, protocol):
    client.configure(endpoint.url, f'{trust} scope="a b"', protocol=protocol)
    makes_a_token(client)
    (request,) = endpoint.requests
    assert parse_qs(request.text) == {"grant_type": ["client_credentials"], "scope": ["a b"]}
    basic = base64.b64encode(f"relay:{SECRET}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {basic}"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["accept"] == "application/json"


def test_the_properties_of_kafka_4_win_over_the_options_of_old(
    client, endpoint, trust, every_login
):
    store = every_login.authority.truststore
    client.configure(
        endpoint.url,
        f'clientId=old clientSecret=old scope=old ssl.truststore.location="{store}" '
        f'ssl.truststore.password="{STORE_PASSWORD}" ssl.truststore.type=PKCS12',
        sasl_oauthbearer_client_credentials_client_id="a b",
        sasl_oauthbearer_client_credentials_client_secret="s3cret:%",
        sasl_oauthbearer_scope="new",
        sasl_oauthbearer_header_urlencode="true",
        sasl_oauthbearer_jwt_retriever_class=f"{MODULE.rpartition('.')[0]}.ClientCredentialsJwtRetriever",
        sasl_oauthbearer_sub_claim_name="aud-none",
    )
    done = client.login()
    assert done.returncode == 0 and '"unnamed"' in done.stdout, done.stderr
    assert "ignored" not in done.stderr
    (request,) = endpoint.requests
    encoded = request.headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(encoded) == b"a+b:s3cret%3A%25"
    assert parse_qs(request.text)["scope"] == ["new"]


def test_one_token_for_all_logins_of_a_run(client, endpoint, trust):
    client.configure(endpoint.url, trust)
    done = client.run("login", "--all-brokers")
    assert done.returncode == 0 and "logged in as" in done.stdout, done.stderr
    assert len(endpoint.requests) == 1


def test_a_token_of_which_little_is_left_is_not_used_again(client, endpoint, trust, identities):
    """As a server has it that keeps tokens until they end."""

    def answer(request):
        now = int(time.time())
        return 200, {"access_token": identities.token(iat=now - 900, exp=now + 100)}

    endpoint.answer = answer
    client.configure(endpoint.url, trust)
    done = client.run("login", "--all-brokers")
    assert done.returncode == 0, done.stderr
    assert len(endpoint.requests) > 1


def test_plain_http_stays_on_this_machine(client, identities):
    with TokenEndpoint(lambda _: (200, {"access_token": identities.token()})) as endpoint:
        for host in ("127.0.0.1", "localhost"):
            client.configure(endpoint.url.replace("127.0.0.1", host), CLIENT)
            assert client.login().returncode == 0
        client.configure(endpoint.url.replace("127.0.0.1", "192.0.2.1"), CLIENT)
        client.refused(6, "http sends the client's secret in clear text")


def test_an_endpoint_that_comes_back(client, endpoint, trust, identities):
    answers = [
        (503, "busy"),
        None,
        (429, {"error": "slow_down"}),
        (200, {"id_token": identities.token()}),
    ]
    endpoint.answer = lambda _: answers.pop(0)
    client.configure(endpoint.url, trust, sasl_login_retry_backoff_max_ms=5000)
    done = client.login()
    assert done.returncode == 0 and answers == [], done.stderr
    assert len(endpoint.requests) == 4


@pytest.mark.parametrize("backoff", [0, 10_000])
def test_tries_that_would_be_too_many(client, endpoint, trust, backoff):
    """Without a pause there is one try, as in Kafka's client."""
    endpoint.answer = lambda _: (503, "busy")
    client.configure(endpoint.url, trust, sasl_login_retry_backoff_ms=backoff)
    client.refused(3, "(503)")
    assert len(endpoint.requests) == 1


def test_limits_of_zero_are_none(client, endpoint, trust):
    client.configure(
        endpoint.url, trust, sasl_login_connect_timeout_ms=0, sasl_login_read_timeout_ms=0
    )
    done = client.login()
    assert done.returncode == 0, done.stderr
    endpoint.answer = lambda _: time.sleep(5)
    client.configure(
        endpoint.url,
        trust,
        sasl_login_connect_timeout_ms=0,
        sasl_login_read_timeout_ms=0,
        default_api_timeout_ms=2000,
        request_timeout_ms=2000,
    )
    client.refused(3, "it does not answer within 1")


def test_extensions(client, identities):
    client.write(identities.token())
    client.configure(options='extension_logicalCluster="lkc-1" extension_pool=x')
    assert client.login().returncode == 0
    client.configure(options="extension_auth=x")
    client.refused(6, "extension_auth is the token's own place")
    client.configure(options='extension_a="s3cret\\001"')
    client.refused(6, "the value of extension_a")


def test_the_same_file_serves_kafkas_own_tool(client, identities, monkeypatch):
    client.write(identities.token())
    client.configure(protocol="SASL_SSL")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", f"{ALLOWED_URLS}={client.file.as_uri()}")
    where = ["--bootstrap-server", client.where, "--command-config", client.config]
    done = kafka_delegation_tokens("4.4.0", *where, "--create", "--max-life-time-period", "-1")
    assert done.returncode == 0 and f"User:{SUBJECT}" in done.stdout, done.stdout + done.stderr
    assert client.login().returncode == 0


@pytest.mark.parametrize("protocol", TRANSPORTS)
def test_what_the_broker_refuses(client, identities, tmp_path, protocol):
    stranger = Identities(tmp_path)
    client.configure(protocol=protocol)
    for token in (
        identities.token(aud=["other"]),
        identities.token(aud=None),
        identities.token(iss="https://elsewhere.example"),
        identities.token(signer=stranger),
        identities.token(exp=None),
        identities.token()[:-8] + "AAAAAAAA",
    ):
        client.write(token)
        said = client.refused(
            4, f'refused the access token of "{SUBJECT}" (OAUTHBEARER): invalid_token'
        )
        assert "check the token's audience, issuer and end" in said
    client.write(identities.token("a\x1b[2J\u202e" + "x" * 500, aud="other"))
    said = client.refused(4, "refused the access token")
    assert "\x1b" not in said and "\u202e" not in said and len(said) < 1500


def test_a_broker_without_the_mechanism(client, identities, broker):
    client.write(identities.token())
    client.configure()
    client.refused(4, "does not enable OAUTHBEARER here but SCRAM-SHA-", where=broker.bootstrap())


def test_what_is_no_token(client, identities, tmp_path):
    client.configure(protocol="SASL_SSL")
    for text, code, why in [
        ("", 6, "it is empty: there is no token in it"),
        ("s3cret-is-no-jwt", 6, "it is no JWT, which is three parts"),
        ("x" * 65536, 6, "more than 65536 bytes"),
        ("e30.s3cr-t.x", 6, "it is no JWT"),
        (identities.token().rpartition(".")[0] + ".", 6, "a JWT without a signature"),
        (identities.token() + "\n" + identities.token(), 6, "it is no JWT"),
    ]:
        client.write(text)
        assert str(client.file) in client.refused(code, why)
    client.file.unlink()
    client.refused(6, "No such file or directory")
    client.file.mkdir()
    client.refused(6, "it is a directory")


def test_a_file_whose_name_is_escaped(client, identities):
    client.file = client.file.with_name("access token 100%")
    client.write(identities.token())
    client.configure()
    assert client.login().returncode == 0
    client.configure(client.file.as_uri().replace("%25", "%2"))
    client.refused(6, "what follows a % must be two hexadecimal digits")


def test_a_token_that_has_ended(client, identities):
    client.configure()
    client.write(identities.token(seconds=-100))
    ended = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() - 100))
    said = client.refused(5, f'the access token of "{SUBJECT}" ended at {ended}')
    assert "s ago; whoever writes the file has to write a new one" in said
    assert "this machine's clock" in said and "invalid_token; check the token's" in said
    # Within the skew that the broker allows it is let in, and thrown out at once.
    client.write(identities.token(seconds=-5))
    client.refused(5, f'the access token of "{SUBJECT}" ended at ')
    client.write(identities.token())
    assert client.login().returncode == 0


@pytest.mark.parametrize(
    "answer, code, why",
    [
        (
            (401, {"error": "invalid_client"}),
            4,
            "(401): invalid_client; look at sasl.oauthbearer.client",
        ),
        (
            (400, {"error": "invalid_scope", "error_description": "no \x1b[2Jsuch"}),
            4,
            "(400): invalid_scope: no \\u{1b}[2Jsuch; look at sasl.oauthbearer.scope",
        ),
        ((400, {"errorCode": "E1", "errorSummary": "not you"}), 4, "(400): E1: not you"),
        ((401, {"error": f"bad {SECRET}"}), 4, "its words are left out"),
        ((404, "<html>"), 4, "is it the address of the token endpoint?"),
        ((302, ""), 4, "a redirect, which is not followed"),
        ((500, "s3cret"), 3, "(500)"),
        ((503, "x" * 10_000_000), 3, "longer than that of any token endpoint"),
        ((200, "x" * 10_000_000), 3, "longer than that of any token endpoint"),
        ((200, "<html>"), 1, "holds no access_token"),
        ((200, "[" * 100_000), 1, "holds no access_token"),
        ((200, {"access_token": 7}), 1, "holds no access_token"),
        ((200, {"access_token": "s3cret"}), 1, "of the token that it gives: it is no JWT"),
        (None, 3, "the token endpoint https://127.0.0.1:"),
    ],
)
def test_what_endpoints_answer(client, endpoint, trust, answer, code, why):
    endpoint.answer = lambda _: answer
    client.configure(endpoint.url, trust)
    said = client.refused(code, why)
    assert len(said) < 1500 and "\x1b" not in said


def test_an_endpoint_whose_token_has_ended(client, endpoint, trust, identities):
    endpoint.answer = lambda _: (200, {"access_token": identities.token(seconds=-100)})
    client.configure(endpoint.url, trust)
    said = client.refused(5, "it gives tokens that have ended: is its clock right?")
    assert "this machine's clock" in said


def test_an_endpoint_that_is_slow(client, endpoint, trust):
    endpoint.answer = lambda _: time.sleep(3)
    client.configure(
        endpoint.url, trust, sasl_login_connect_timeout_ms=200, sasl_login_read_timeout_ms=300
    )
    began = time.monotonic()
    client.refused(3, "it does not answer within 500 ms")
    assert time.monotonic() - began < 6


def test_an_endpoint_that_is_not_there_or_another(client, endpoint, trust, tmp_path):
    with TokenEndpoint(lambda _: None) as gone:
        pass
    client.configure(gone.url, trust)
    client.refused(3, "Connection refused")
    client.configure(gone.url.replace("http:", "https:"), trust)
    client.refused(3, "Connection refused")
    other = CertificateAuthority(tmp_path)
    client.configure(endpoint.url, f'{CLIENT} ssl.truststore.location="{other.pem}"')
    client.refused(3, "the JAAS option ssl.truststore.location must hold its authority")
    # What is believed of brokers is not believed of endpoints.
    client.configure(endpoint.url, CLIENT, protocol="SASL_SSL")
    client.refused(3, "the JAAS option ssl.truststore.location must hold its authority")
    client.configure(endpoint.url.replace("127.0.0.1", "localhost.invalid"), trust)
    client.refused(3, "localhost.invalid")
    with TokenEndpoint(lambda _: (200, {})) as plain:
        client.configure(plain.url.replace("http:", "https:"), trust)
        said = client.refused(3, "the endpoint does not speak TLS on this port; look at the port")
        assert "SSL in it" not in said


def test_certificates_that_are_no_authoritys(client, endpoint, tmp_path, monkeypatch):
    """Whoever has the key of a server that is believed must not become every endpoint."""
    authority = client.broker.authority
    leaf = authority.certificate.public_bytes(Encoding.PEM)
    store = tmp_path / "store.pem"
    with TokenEndpoint(endpoint.answer, signed_by_a_server(tmp_path, authority)) as impostor:
        for pem in (leaf, authority.pem.read_bytes() + leaf):
            store.write_bytes(pem)
            client.configure(impostor.url, f'{CLIENT} ssl.truststore.location="{store}"')
            client.refused(6, "a certificate in it is not an authority's")
        # What the system believes is not the user's making.
        monkeypatch.setenv("SSL_CERT_FILE", str(store))
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)
        client.configure(impostor.url, CLIENT)
        client.refused(3, "the endpoint's certificate is signed by")
        assert not impostor.requests
    client.configure(endpoint.url, CLIENT)
    assert client.login().returncode == 0
    store.write_bytes(leaf)
    client.refused(6, "the system has no certificates of authorities")


def test_a_certificate_that_is_refused_is_not_asked_again(client, endpoint, tmp_path):
    other = CertificateAuthority(tmp_path)
    options = f'{CLIENT} ssl.truststore.location="{other.pem}"'
    client.configure(endpoint.url, options, sasl_login_retry_backoff_max_ms=60_000)
    began = time.monotonic()
    client.refused(3, "must hold its authority")
    assert time.monotonic() - began < 6


def test_properties_that_cannot_be_honoured(client, identities):
    client.write(identities.token())
    package = MODULE.rpartition(".")[0]
    url = "https://idp.example/token"
    for settings, why in [
        (
            {"sasl_oauthbearer_token_endpoint_url": None},
            "token.endpoint.url: it is missing: name a file",
        ),
        ({"url": "file:token"}, "from the root"),
        ({"url": "file://elsewhere/token"}, "from the root"),
        ({"url": "ftp://idp.example/"}, "it is no address"),
        ({"url": "https://relay:s3cret@idp.example/"}, "it holds a user name"),
        ({"url": url}, "client.credentials.client.id: it is missing"),
        ({"url": url, "options": "clientId=a"}, "client.credentials.client.secret: it is missing"),
        (
            {"url": url, "options": f"{CLIENT} ssl.keystore.location=x"},
            "is not supported; remove it",
        ),
        ({"url": url, "options": f"{CLIENT} ssl.truststore.location=none"}, "No such file"),
        (
            {"url": url, "options": CLIENT, "sasl_oauthbearer_header_urlencode": "yes"},
            "header.urlencode: it is neither true nor false",
        ),
        (
            {"url": url, "options": CLIENT, "sasl_oauthbearer_assertion_file": "/x"},
            "signed assertions",
        ),
        (
            {"sasl_oauthbearer_jwt_retriever_class": f"{package}.JwtBearerJwtRetriever"},
            "signed assertions",
        ),
        ({"sasl_oauthbearer_jwt_retriever_class": "com.example.Retriever"}, "classes of a JVM"),
        ({"sasl_oauthbearer_jwt_validator_class": "com.example.Validator"}, "classes of a JVM"),
        (
            {"sasl_oauthbearer_jwt_retriever_class": f"{package}.ClientCredentialsJwtRetriever"},
            "the URL names a file",
        ),
        (
            {"url": url, "sasl_oauthbearer_jwt_retriever_class": f"{package}.FileJwtRetriever"},
            "the URL names none",
        ),
        ({"sasl_login_callback_handler_class": "com.example.Handler"}, "classes of a JVM"),
        ({"sasl_login_callback_handler_class": f"x{HANDLER}"}, "classes of a JVM"),
        ({"sasl_login_class": "com.example.Login"}, "sasl.login.class"),
        ({"sasl_jaas_config": "a.ScramLoginModule required;"}, "wants OAuthBearerLoginModule"),
    ]:
        client.configure(**settings)
        client.refused(6, why)
    for handler in (
        HANDLER,
        f"{package}.secured.OAuthBearerLoginCallbackHandler",
        f"shaded.{HANDLER}",
        None,
    ):
        client.configure(
            sasl_login_callback_handler_class=handler,
            sasl_oauthbearer_jwt_retriever_class=f"{package}.FileJwtRetriever",
            sasl_oauthbearer_jwt_validator_class=f"{package}.DefaultJwtValidator",
        )
        done = client.login()
        assert done.returncode == 0 and "ignored" not in done.stderr, done.stderr


class TestBrokersThatLie:
    @pytest.fixture
    def lie(self, client, identities):
        """Logs in to a broker that answers SaslAuthenticate so."""
        client.write(identities.token())
        client.configure(default_api_timeout_ms=3000, request_timeout_ms=2000)

        def lie(answers, code, why):
            def answer(request):
                if request.api_key == API_VERSIONS:
                    return request.api_versions_answer()
                if request.api_key == HANDSHAKE:
                    return request.handshake_answer(0, b"OAUTHBEARER")
                message = request.scram_message()
                if message == b"\x01":
                    return answers[1](request)
                assert message.startswith(b"n,,\x01auth=Bearer ") and message.endswith(b"\x01\x01")
                return answers[0](request)

            with StandInBroker(answer) as broker:
                said = client.refused(code, why, where=broker.bootstrap)
                assert len(said) < 3000 and "\x1b" not in said
            return said

        return lie

    @staticmethod
    def says(data, *, error=0, text=None):
        return lambda request: request.authenticate_answer(data, error, text)

    def test_a_refusal_is_ended_properly_and_shown_whole(self, lie):
        word = {
            "status": "insufficient_scope",
            "scope": "kafka \x1b[2J",
            "openid-configuration": "https://c",
        }
        refused = self.says(b"", error=58, text=b"{}")
        lie(
            [self.says(json.dumps(word).encode()), refused],
            4,
            "insufficient_scope, scope kafka \\u{1b}[2J, openid-configuration https://c",
        )

    def test_answers_that_are_no_json(self, lie):
        refused = self.says(b"", error=58)
        lie([self.says(b"not \x1b[2J json \xff"), refused], 4, "not \\u{1b}[2J json")
        lie([self.says(b"[" * 60_000), refused], 4, "[[[")
        lie([self.says(b'{"status":"' + b"x" * 60_000 + b'"}'), refused], 4, "xxx...")

    def test_an_answer_of_megabytes(self, lie):
        lie(
            [self.says(b'{"status":"' + b"x" * 5_000_000 + b'"}'), None],
            3,
            "and 4 to 65536 are accepted",
        )

    def test_a_login_that_never_ends(self, lie):
        refusal = self.says(b'{"status":"invalid_token"}')
        lie([refusal, refusal], 4, "invalid_token")
        lie([refusal, lambda request: None], 4, "invalid_token")
        lie([refusal, lambda request: b""], 4, "invalid_token")
        lie([lambda request: b"", None], 3, "did not answer in time")

    def test_an_error_at_once(self, lie):
        lie(
            [self.says(b"", error=58, text=b"no \x1b[2J")],
            4,
            "by OAUTHBEARER: no \\u{1b}[2J; check the token's",
        )

    def test_a_broker_that_repeats_the_token(self, client, lie):
        token = client.secrets[-1]
        signature = token.rpartition(".")[2]
        client.secrets.append(signature)
        refused = self.says(b"", error=58)
        for echo in (token, f"not Bearer {token}!", "x" * 1000 + signature):
            for word in (
                {"status": echo},
                {"status": "invalid_token", "scope": echo},
                {"status": "invalid_token", "openid-configuration": echo},
                {"why": echo},
                echo,
            ):
                said = word if isinstance(word, str) else json.dumps(word)
                lie([self.says(said.encode()), refused], 4, "its words are left out")
            for error, code in ((58, 4), (34, 1)):
                at_once = self.says(b"", error=error, text=echo.encode())
                lie([at_once, None], code, "its words are left out")

    def test_a_broker_whose_clock_is_behind_ours(self, client, identities):
        """It takes what has ended by our clock: its own is the one that counts."""
        client.write(identities.token(seconds=-100))
        client.configure()

        def answer(request):
            if request.api_key == API_VERSIONS:
                return request.api_versions_answer()
            if request.api_key == HANDSHAKE:
                return request.handshake_answer(0, b"OAUTHBEARER")
            return request.authenticate_answer(b"", lifetime_ms=60_000)

        with StandInBroker(answer) as broker:
            done = client.login(where=broker.bootstrap)
        assert done.returncode == 0 and "for 60 s" in done.stdout, done.stderr


@pytest.mark.parametrize("error", [58, 34])
def test_a_broker_that_repeats_the_password(tmp_path, error):
    password = "s3cret-of-plain"
    config = tmp_path / "client.properties"
    client_config(config, "alice", password, mechanism="PLAIN", **QUICK)

    def answer(request):
        if request.api_key == API_VERSIONS:
            return request.api_versions_answer()
        if request.api_key == HANDSHAKE:
            return request.handshake_answer(0, b"PLAIN")
        return request.authenticate_answer(b"", error, f"not {password}".encode())

    with StandInBroker(answer) as broker:
        where = ["--bootstrap-server", broker.bootstrap, "--command-config", config]
        done = scramtoken("login", *where)
    assert done.returncode != 0 and "its words are left out" in done.stderr
    assert password not in done.stdout + done.stderr
