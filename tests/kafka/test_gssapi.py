"""Logins by Kerberos: a real KDC, and a real broker that takes SCRAM and PLAIN beside GSSAPI."""

import contextlib
import ctypes
import json
import os
import re
import socket
import struct
import subprocess
import time

import pytest

from harness import process
from harness.commands import run, succeed
from harness.debian import unpacked
from harness.kafka.cli import (
    PROGRAM,
    client_config,
    kafka_delegation_tokens,
    kerberos_config,
    keytab_options,
    scramtoken,
)
from harness.kafka.kdc import REALM
from harness.kafka.properties import USERS
from harness.kafka.stand_in import API_VERSIONS, HANDSHAKE, StandInBroker
from harness.paths import ROOT

ALICE = f"alice@{REALM}"


@pytest.fixture
def broker(every_login):
    return every_login


@pytest.fixture
def keytab(kdc):
    return kdc.directory / "alice.keytab"


class Program:
    """The program, with one configuration against one place."""

    def __init__(self, kdc, path, bootstrap, ca=None):
        self._kdc = kdc
        self._path = path
        self._bootstrap = bootstrap
        self._ca = ca

    def run(self, options, *words, environment=None, **extra):
        """A command, which logs in with these options of Krb5LoginModule."""
        if self._ca:
            extra |= {
                "security_protocol": "SASL_SSL",
                "ssl_truststore_type": "PEM",
                "ssl_truststore_location": self._ca,
            }
        config = kerberos_config(self._path, options, **extra)
        where = ["--bootstrap-server", self._bootstrap, "--command-config", config]
        command, *rest = words or ["login"]
        environment = self._kdc.environment | (environment or {})
        return scramtoken(command, *where, *rest, environment=environment)


@pytest.fixture(params=["SASL_PLAINTEXT", "SASL_SSL"])
def anywhere(request, kdc, broker, tmp_path):
    ca = broker.authority.pem if request.param == "SASL_SSL" else None
    return Program(kdc, tmp_path / "kerberos.properties", broker.bootstrap(request.param), ca)


@pytest.fixture
def program(kdc, broker, tmp_path):
    return Program(kdc, tmp_path / "kerberos.properties", broker.bootstrap())


CREATE = ("delegation-tokens", "--create", "--max-life-time-period", "-1", "--output", "json")


def is_alices(broker, done):
    """The token was made for alice, and logs in by both mechanisms."""
    assert (done.returncode, done.stderr) == (0, "")
    token = json.loads(done.stdout)
    assert token["owner"] == "User:alice"
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        broker.wait_for_login(token["token_id"], token["hmac"], token=True, mechanism=mechanism)
    return token


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_token_by_a_keytab_and_a_login_by_it(anywhere, broker, keytab, kdc, tmp_path, mechanism):
    token = is_alices(broker, anywhere.run(keytab_options(keytab, ALICE), *CREATE))
    jaas = (
        "a.ScramLoginModule required "
        f'username="{token["token_id"]}" password="{token["hmac"]}" tokenauth="true"'
    )
    done = anywhere.run("", "login", sasl_mechanism=mechanism, sasl_jaas_config=f"{jaas};")
    assert done.returncode == 0, done.stderr
    assert f'as the delegation token "{token["token_id"]}" by {mechanism}' in done.stdout


def test_kafkas_own_tool_takes_the_same_properties(kdc, broker, keytab, tmp_path):
    config = kerberos_config(tmp_path / "c", keytab_options(keytab, ALICE))
    where = ["--bootstrap-server", broker.bootstrap(), "--command-config", config]
    create = ["--create", "--max-life-time-period", "-1"]
    java = {"JAVA_TOOL_OPTIONS": f"-Djava.security.krb5.conf={kdc.config}"}
    kafkas = kafka_delegation_tokens(broker.version, *where, *create, environment=java)
    ours = scramtoken("delegation-tokens", *where, *create, environment=kdc.environment)
    for done in (ours, kafkas):
        assert done.returncode == 0, done.stderr
        assert "User:alice" in done.stdout


def test_a_token_by_a_ticket_cache(anywhere, broker, kdc, tmp_path):
    cache = kdc.kinit("alice", tmp_path / "cache")
    named = f'useTicketCache=true ticketCache="{cache}"'
    is_alices(broker, anywhere.run(named, *CREATE))
    elsewhere = {"KRB5CCNAME": f"FILE:{cache}"}
    for options in ("useTicketCache=true", f'useTicketCache=true principal="{ALICE}"'):
        done = anywhere.run(options, environment=elsewhere)
        assert (done.returncode, done.stderr) == (0, "")
        assert f'logged in as the user "{ALICE}" by GSSAPI, without an end' in done.stdout


def test_what_kinit_made_without_a_jaas_line(broker, kdc, tmp_path):
    """GSSAPI is Kafka's default for sasl.mechanism; the JAAS line Kafka itself would want."""
    cache = kdc.kinit("alice", tmp_path / "cache")
    config = tmp_path / "c"
    config.touch(0o600)
    config.write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.kerberos.service.name=kafka\n"
        "sasl.kerberos.kinit.cmd=/usr/bin/kinit\n"
    )
    where = ["--bootstrap-server", broker.bootstrap(), "--command-config", config]
    environment = kdc.environment | {"KRB5CCNAME": str(cache)}
    done = scramtoken("login", *where, environment=environment)
    assert done.returncode == 0, done.stderr
    assert ALICE in done.stdout
    assert "of no effect here, so ignored: sasl.kerberos.kinit.cmd" in done.stderr


@pytest.mark.parametrize("principal", ["alice", ALICE])
def test_the_options_of_java(program, keytab, tmp_path, principal):
    options = (
        f'useKeyTab=TRUE keyTab="FILE:{keytab}" principal="{principal}" doNotPrompt=true '
        "useTicketCache=true renewTGT=true refreshKrb5Config=true debug=false serviceName=kafka"
    )
    cache = tmp_path / "cache"
    environment = {"KRB5CCNAME": str(cache)}
    done = program.run(options, environment=environment, sasl_kerberos_service_name="")
    assert (done.returncode, done.stderr) == (0, "")
    assert ALICE in done.stdout
    assert not cache.exists()  # tickets of a keytab are nobody else's


@pytest.mark.parametrize(
    ("page", "there"),
    [
        ("logins.md", "/etc/scramtoken/alice.keytab"),
        ("agent.md", "/etc/scramtoken/scramtoken.keytab"),
    ],
)
def test_the_documented_properties(kdc, broker, keytab, tmp_path, page, there):
    text = (ROOT / "docs" / page).read_text()
    blocks = re.findall(r"```properties\n(.*?)```", text, re.DOTALL)
    (block,) = (block for block in blocks if "useKeyTab" in block)
    assert there in block
    principal = re.search(r'principal="(.*?)"', block)[1]
    for written, real in [
        ("/etc/scramtoken/ca.pem", broker.authority.pem),
        (there, keytab),
        (principal, ALICE),
    ]:
        block = block.replace(written, str(real))
    config = tmp_path / "client.properties"
    config.touch(0o600)
    config.write_text(block)
    where = ["--bootstrap-server", broker.bootstrap("SASL_SSL"), "--command-config", config]
    done = scramtoken("login", *where, environment=kdc.environment)
    assert (done.returncode, done.stderr) == (0, "")
    java = {"JAVA_TOOL_OPTIONS": f"-Djava.security.krb5.conf={kdc.config}"}
    create = ["--create", "--max-life-time-period", "-1"]
    done = kafka_delegation_tokens(broker.version, *where, *create, environment=java)
    assert done.returncode == 0, done.stderr
    assert "User:alice" in done.stdout


def test_the_brokers_principal_by_name(kdc, keytab, broker, tmp_path):
    """For an address, or a balancer before the brokers; nobody needs an entry for that host."""
    _, port = broker.address()
    program = Program(kdc, tmp_path / "c", f"127.0.0.1:{port}")
    done = program.run(keytab_options(keytab, ALICE))
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert f"Server kafka/127.0.0.1@{REALM} not found in Kerberos database" in done.stderr
    for name in ("kafka/localhost", f"kafka/localhost@{REALM}"):
        done = program.run(keytab_options(keytab, ALICE), sasl_kerberos_service_name=name)
        assert done.returncode == 0, done.stderr


def test_every_broker_and_the_logins_beside_it(program, broker, keytab, tmp_path):
    done = program.run(keytab_options(keytab, ALICE), "login", "--all-brokers")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("by GSSAPI, without an end (broker 1)\n")
    for mechanism in ("PLAIN", "SCRAM-SHA-512"):
        config = client_config(tmp_path / "c", "alice", USERS["alice"], mechanism=mechanism)
        where = ["--bootstrap-server", broker.bootstrap(), "--command-config", config]
        assert scramtoken("login", *where).returncode == 0


def test_keytabs_that_do_not_serve(program, kdc, keytab, tmp_path):
    empty, junk = tmp_path / "empty", tmp_path / "junk"
    empty.write_bytes(b"\5\2")
    junk.write_bytes(b"krb5")
    open_keytab = tmp_path / "open"
    open_keytab.write_bytes(keytab.read_bytes())
    open_keytab.chmod(0o644)
    for path, principal, said in [
        (tmp_path / "gone", ALICE, "gone: No such file"),
        (tmp_path, ALICE, "a regular file is wanted"),
        (empty, ALICE, "has no keys"),
        (junk, ALICE, "is no keytab"),
        (keytab, "bob", f"has keys of {ALICE}, and none of bob: name another principal"),
        (keytab, "alice@OTHER", "and none of alice@OTHER"),
    ]:
        done = program.run(keytab_options(path, principal))
        assert (done.returncode, done.stdout) == (6, ""), (path, done.stderr)
        assert "sasl.jaas.config: keyTab: " in done.stderr and said in done.stderr
    done = program.run(keytab_options(open_keytab, ALICE))
    assert done.returncode == 0
    assert "others may read" in done.stderr and "chmod 600" in done.stderr


def test_ticket_caches_that_do_not_serve(program, kdc, tmp_path):
    gone = {"KRB5CCNAME": str(tmp_path / "gone")}
    done = program.run("useTicketCache=true", environment=gone)
    assert (done.returncode, done.stdout) == (6, "")
    assert "run kinit" in done.stderr and str(tmp_path / "gone") in done.stderr
    done = program.run(f'useTicketCache=true ticketCache="{tmp_path}/gone"')
    assert done.returncode == 6 and "run kinit" in done.stderr
    cache = kdc.kinit("alice", tmp_path / "cache", "-l", "1s")
    time.sleep(2)
    done = program.run(f'useTicketCache=true ticketCache="{cache}"')
    assert done.returncode == 5
    assert "Ticket expired: run kinit" in done.stderr
    kdc.kinit("alice", cache)
    done = program.run(f'useTicketCache=true principal=bob ticketCache="{cache}"')
    assert done.returncode == 6
    assert "run kinit for the principal" in done.stderr


def in_25_hours():
    """A wrong clock of this machine, by libfaketime: a ticket's life is a day."""
    (library,) = unpacked("libfaketime").glob("usr/lib/*/faketime/libfaketime.so.1")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": "+25h",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def test_a_clock_that_is_wrong(program, kdc, keytab, tmp_path):
    done = program.run(keytab_options(keytab, ALICE), environment=in_25_hours())
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "expired: the clocks of this machine, the broker and the KDC" in done.stderr
    cache = kdc.kinit("alice", tmp_path / "cache")
    options = f'useTicketCache=true ticketCache="{cache}"'
    done = program.run(options, environment=in_25_hours())
    assert (done.returncode, done.stdout) == (5, ""), done.stderr
    assert "expired: run kinit" in done.stderr


def test_a_ticket_cache_is_read_alone(program, kdc, keytab, tmp_path):
    """libkrb5 would fill it by the default client keytab."""
    cache = tmp_path / "cache"
    environment = {"KRB5_CLIENT_KTNAME": str(keytab), "KRB5CCNAME": str(cache)}
    named = f'useTicketCache=true ticketCache="{cache}"'
    whose = f'useTicketCache=true principal="{ALICE}"'
    for options in ("useTicketCache=true", named, whose):
        done = program.run(options, environment=environment)
        assert (done.returncode, done.stdout) == (6, ""), done.stderr
        assert "run kinit" in done.stderr
        assert not cache.exists()
    kdc.kinit("alice", cache)
    for options in ("useTicketCache=true", named, whose):
        done = program.run(options, environment=environment)
        assert (done.returncode, done.stderr) == (0, "")


def test_what_the_kdc_does_not_know(program, kdc, keytab, tmp_path):
    done = program.run(keytab_options(keytab, ALICE), sasl_kerberos_service_name="kafak")
    assert done.returncode == 4
    assert f"Server kafak/localhost@{REALM} not found" in done.stderr
    assert "sasl.kerberos.service.name" in done.stderr
    removed = kdc.add("removed")
    kdc.remove("removed")
    done = program.run(keytab_options(removed, "removed"))
    assert done.returncode == 4
    assert "not found in Kerberos database: correct the principal" in done.stderr
    stale = kdc.add("changed")
    kdc.change_key("changed")
    done = program.run(keytab_options(stale, "changed"))
    assert done.returncode == 4
    assert "make the keytab anew" in done.stderr
    expired = kdc.add("expired", "-expire", "yesterday")
    done = program.run(keytab_options(expired, "expired"))
    assert done.returncode == 4
    assert "has expired" in done.stderr and "administrator" in done.stderr


def test_a_kdc_that_is_away_or_hangs(program, kdc, keytab):
    quick = {"default_api_timeout_ms": 3000, "request_timeout_ms": 2000}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _, port = silent.getsockname()
        away = {"KRB5_CONFIG": str(kdc.write_config("away.conf", port))}
        started = time.monotonic()
        done = program.run(keytab_options(keytab, ALICE), environment=away, **quick)
        assert time.monotonic() - started < 15
    assert done.returncode == 3
    assert "no KDC answered in time" in done.stderr
    done = program.run(keytab_options(keytab, ALICE), environment=away, **quick)
    assert done.returncode == 3
    assert "Cannot contact any KDC" in done.stderr and "port (88)" in done.stderr


# libgssapi_krb5 that waits for its KDC for ever, and that no thread may be inside of at the end.
# The real one then frees what the thread uses, which is seldom seen.
HANGING = """
#include <stdlib.h>
#include <unistd.h>
#define NOTHING(name) unsigned name(void) { return 0; }
NOTHING(gss_import_name) NOTHING(gss_inquire_cred) NOTHING(gss_display_name)
NOTHING(gss_init_sec_context) NOTHING(gss_wrap) NOTHING(gss_unwrap) NOTHING(gss_display_status)
NOTHING(gss_release_buffer) NOTHING(gss_release_name) NOTHING(gss_release_cred)
NOTHING(gss_delete_sec_context) NOTHING(krb5_free_context) NOTHING(krb5_cc_resolve)
NOTHING(krb5_cc_destroy)
unsigned krb5_init_context(void) { return 1; }
unsigned gss_acquire_cred_from(void) { for (;;) pause(); }
__attribute__((destructor)) static void end(void) { abort(); }
"""


@pytest.fixture(scope="module")
def hanging(tmp_path_factory):
    directory = tmp_path_factory.mktemp("hanging")
    (directory / "hanging.c").write_text(HANGING)
    library = directory / "libgssapi_krb5.so.2"
    succeed(["gcc", "-shared", "-fPIC", "-o", library, directory / "hanging.c"])
    return {"LD_LIBRARY_PATH": str(directory)}


def test_the_end_with_a_thread_inside_the_library(program, keytab, hanging):
    quick = {"default_api_timeout_ms": 2000, "request_timeout_ms": 1000}
    done = program.run(keytab_options(keytab, ALICE), environment=hanging, **quick)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert "no KDC answered in time" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("number", "said"),
    [(2, "a login by the same keytab still waits"), (9, "8 logins wait for a KDC already")],
)
def test_logins_that_wait_for_others(kdc, keytab, hanging, tmp_path, number, said):
    """To as many brokers at once as doctor looks at."""

    def answer(request):
        if request.api_key == API_VERSIONS:
            return request.api_versions_answer()
        return request.handshake_answer(0, b"GSSAPI")

    with contextlib.ExitStack() as stack:
        brokers = [stack.enter_context(StandInBroker(answer)) for _ in range(number)]
        program = Program(kdc, tmp_path / "c", ",".join(broker.bootstrap for broker in brokers))
        options = keytab_options(keytab, ALICE) if number == 2 else "useTicketCache=true"
        quick = {"default_api_timeout_ms": 2000, "request_timeout_ms": 1000}
        done = program.run(options, "doctor", environment=hanging, **quick)
    # By its first finding: a stand-in offers no mechanism that tokens need.
    assert done.returncode == 4, done.stdout + done.stderr
    assert said in done.stdout and "no KDC answered in time" in done.stdout


def test_krb5_conf_that_is_missing_or_knows_no_realm(program, keytab, tmp_path):
    for text in (None, "[libdefaults]\n", f"[libdefaults]\ndefault_realm = {REALM}\n"):
        path = tmp_path / "krb5.conf"
        if text is not None:
            path.write_text(text + "dns_lookup_kdc = false\ndns_lookup_realm = false\n")
        done = program.run(keytab_options(keytab, "alice"), environment={"KRB5_CONFIG": str(path)})
        assert (done.returncode, done.stdout) == (6, ""), done.stderr
        assert "krb5.conf" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "nobody is asked here: set useKeyTab=true"),
        ("useKeyTab=true", "keyTab: useKeyTab=true wants it"),
        ('keyTab="/k" principal=alice', "keyTab: it wants useKeyTab=true"),
        ('useKeyTab=false keyTab="/k"', "keyTab: it wants useKeyTab=true"),
        ('useKeyTab=true keyTab="/k"', "principal: useKeyTab=true wants it"),
        ('useKeyTab=true keyTab="/k" principal="a@b@c"', "principal: it is not like alice"),
        ('ticketCache="/c"', "ticketCache: it wants useTicketCache=true"),
        ("useTicketCache=true isInitiator=false", "isInitiator: false is for brokers"),
        ("useTicketCache=true serviceName=other", "serviceName in sasl.jaas.config says otherwise"),
    ],
)
def test_options_that_cannot_be_right(program, options, said):
    done = program.run(options)
    assert (done.returncode, done.stdout) == (6, "")
    assert said in done.stderr


def test_properties_that_cannot_be_right(program):
    for name, said in [
        ("", "sasl.kerberos.service.name: it is missing"),
        ("kafka@localhost", "sasl.kerberos.service.name: it is neither"),
    ]:
        done = program.run("useTicketCache=true", sasl_kerberos_service_name=name)
        assert done.returncode == 6 and said in done.stderr
    scram = 'a.ScramLoginModule required username="alice" password="s3cret";'
    done = program.run("", sasl_jaas_config=scram)
    assert done.returncode == 6
    assert "ScramLoginModule does not go with sasl.mechanism GSSAPI" in done.stderr
    assert "s3cret" not in done.stderr


def test_a_machine_without_the_library(program, broker, keytab, tmp_path):
    (tmp_path / "libgssapi_krb5.so.2").touch()
    without = {"LD_LIBRARY_PATH": str(tmp_path)}
    done = program.run(keytab_options(keytab, ALICE), environment=without)
    assert (done.returncode, done.stdout) == (4, "")
    assert "libgssapi-krb5-2" in done.stderr and "krb5-libs" in done.stderr
    assert "libgssapi_krb5.so.2: file too short" in done.stderr
    config = client_config(tmp_path / "c", "alice", USERS["alice"])
    where = ["--bootstrap-server", broker.bootstrap(), "--command-config", config]
    assert scramtoken("login", *where, environment=without).returncode == 0


def test_a_broker_without_kerberos(kdc, keytab, tmp_path):
    def answer(request):
        if request.api_key == API_VERSIONS:
            return request.api_versions_answer()
        return request.handshake_answer(33, b"SCRAM-SHA-512")

    with StandInBroker(answer, "localhost") as stand_in:
        program = Program(kdc, tmp_path / "c", stand_in.bootstrap)
        done = program.run(keytab_options(keytab, ALICE))
    assert done.returncode == 4
    assert "does not enable GSSAPI here but SCRAM-SHA-512" in done.stderr


def der(tag, *parts):
    content = b"".join(parts)
    assert len(content) < 256
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return bytes([tag]) + length + content


def krb_error(code, text):
    """A token with an error of the protocol (RFC 4120, section 5.9.1)."""
    number = lambda tag, value: der(tag, der(2, bytes([value])))  # noqa: E731
    name = der(0x30, number(0xA0, 2), der(0xA1, der(0x30, der(0x1B, b"kafka"), der(0x1B, b"h"))))
    fields = [
        *(number(0xA0, 5), number(0xA1, 30)),
        *(der(0xA4, der(0x18, b"20260101000000Z")), number(0xA5, 0), number(0xA6, code)),
        *(der(0xA9, der(0x1B, REALM.encode())), der(0xAA, name), der(0xAB, der(0x1B, text))),
    ]
    oid = der(6, bytes.fromhex("2a864886f712010202"))
    return der(0x60, oid, b"\3\0", der(0x7E, der(0x30, *fields)))


@pytest.mark.parametrize(
    ("token", "code", "said"),
    [
        (b"", 1, "no end of the login"),
        (b"\0", 1, "no token of Kerberos"),
        (b"nonsense", 1, "no token of Kerberos"),
        (b"\x60\x84\xff\xff\xff\xff" + bytes(100), 1, "no token of Kerberos"),
        (bytes(60_000), 1, "no token of Kerberos"),
        (b"\x60" * 60_000, 1, "no token of Kerberos"),
        (krb_error(37, b"skew"), 4, "Clock skew too great: the clocks"),
        (krb_error(60, b"\x1b[2J"), 4, "look at the broker's log"),
        (krb_error(41, b"modified"), 1, "did not prove who it is"),
    ],
    ids=["empty", "zero", "nonsense", "length", "zeros", "nested", "skew", "escape", "modified"],
)
def test_what_no_broker_answers(kdc, keytab, tmp_path, token, code, said):
    def answer(request):
        if request.api_key == API_VERSIONS:
            return request.api_versions_answer()
        if request.api_key == HANDSHAKE:
            return request.handshake_answer(0, b"GSSAPI")
        return request.authenticate_answer(token)

    with StandInBroker(answer, "localhost") as stand_in:
        program = Program(kdc, tmp_path / "c", stand_in.bootstrap)
        done = program.run(keytab_options(keytab, ALICE), default_api_timeout_ms=5000)
        assert len(stand_in.requests) == 3  # and no other try
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


class Buffer(ctypes.Structure):
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_void_p)]

    @classmethod
    def of(cls, data):
        buffer = cls(len(data), ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p))
        buffer.data = data
        return buffer

    def bytes(self):
        return ctypes.string_at(self.value, self.length)


class Acceptor:
    """The brokers' side of GSSAPI, which offers what a test wants."""

    def __init__(self, offer):
        self._offer = offer
        self._gss = ctypes.CDLL("libgssapi_krb5.so.2")
        self._context = ctypes.c_void_p()
        self.chosen = None
        self._step = 0

    def answer(self, request):
        if request.api_key == API_VERSIONS:
            return request.api_versions_answer()
        if request.api_key == HANDSHAKE:
            return request.handshake_answer(0, b"GSSAPI")
        message = request.scram_message()
        self._step += 1
        steps = {1: self._accept, 2: self._wrap, 3: self._unwrap}
        return request.authenticate_answer(steps[self._step](message))

    def _accept(self, token):
        output = Buffer()
        given = (ctypes.byref(self._context), None, ctypes.byref(Buffer.of(token)), None)
        self._call("accept_sec_context", *given, None, None, ctypes.byref(output), *[None] * 3)
        return output.bytes()

    def _wrap(self, message):
        assert message == b""
        output = Buffer()
        offer = ctypes.byref(Buffer.of(self._offer))
        self._call("wrap", self._context, 0, 0, offer, None, ctypes.byref(output))
        return output.bytes()

    def _unwrap(self, message):
        output = Buffer()
        given = ctypes.byref(Buffer.of(message))
        self._call("unwrap", self._context, given, ctypes.byref(output), None, None)
        self.chosen = output.bytes()
        return b""

    def _call(self, name, *arguments):
        status = getattr(self._gss, f"gss_{name}")(ctypes.byref(ctypes.c_uint32()), *arguments)
        assert status == 0, (name, hex(status))


@pytest.fixture
def accepting(kdc, broker, monkeypatch):  # the broker's fixture has made its keytab
    """This process may be the broker."""
    for name, value in kdc.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KRB5_KTNAME", str(kdc.directory / "kafka-localhost.keytab"))
    monkeypatch.setenv("KRB5RCACHENAME", "none:")


def logged_in_to(acceptor, kdc, keytab, tmp_path):
    with StandInBroker(acceptor.answer, "localhost") as stand_in:
        program = Program(kdc, tmp_path / "c", stand_in.bootstrap)
        return program.run(keytab_options(keytab, ALICE))


@pytest.mark.parametrize(
    ("offer", "said"),
    [
        (b"\1\0\0\0", None),
        (b"\7\0\xff\xff", None),
        (b"\6\0\xff\xff", "wants a SASL security layer"),
        (b"\0\0\0\0", "wants a SASL security layer"),
        (b"\1\0\0", "offer is not of four bytes"),
        (b"\1" * 60_000, "offer is not of four bytes"),
        (b"", "offer is not of four bytes"),
    ],
    ids=["none", "all", "layers", "nothing", "short", "long", "empty"],
)
def test_the_offer_of_security_layers(kdc, accepting, keytab, tmp_path, offer, said):
    acceptor = Acceptor(offer)
    done = logged_in_to(acceptor, kdc, keytab, tmp_path)
    if said is None:
        assert done.returncode == 0, done.stderr
        # No layer, and no authorization id.
        assert acceptor.chosen == b"\1\0\0\0"
    else:
        assert (done.returncode, acceptor.chosen) == (1, None), done.stderr
        assert said in done.stderr


class Forger(Acceptor):
    """Has not the service's key, so its proof is of another."""

    def _accept(self, token):
        proof = super()._accept(token)
        return proof[:-1] + bytes([proof[-1] ^ 1])


class Omitter(Acceptor):
    """Sends its second message first."""

    def _wrap(self, message):
        super()._wrap(message)
        return super()._wrap(message)


@pytest.mark.parametrize(
    ("acceptor", "said"),
    [(Forger, "did not prove who it is"), (Omitter, "the answer is no token of Kerberos for us")],
)
def test_an_acceptor_that_cheats(kdc, accepting, keytab, tmp_path, acceptor, said):
    acceptor = acceptor(b"\1\0\0\0")
    done = logged_in_to(acceptor, kdc, keytab, tmp_path)
    assert (done.returncode, done.stdout, acceptor.chosen) == (1, "", None), done.stderr
    assert said in done.stderr


class Between:
    """Passes everything on to a broker and back; `change(number, answer)` gets the answer to each
    SaslAuthenticate."""

    def __init__(self, broker, change):
        self._address = broker.address()
        self._change = change
        self._connections = contextlib.ExitStack()
        self._peers = {}
        self.broker = StandInBroker(self._answer, "localhost")

    def __enter__(self):
        self.broker.__enter__()
        return self

    def __exit__(self, *_):
        self.broker.__exit__()
        self._connections.close()

    def _answer(self, request):
        if request.connection not in self._peers:
            peer = self._connections.enter_context(socket.create_connection(self._address))
            self._peers[request.connection] = (peer, [])
        peer, logins = self._peers[request.connection]
        peer.sendall(struct.pack(">i", len(request.frame)) + request.frame)
        answer = self._read(peer, 4)
        answer += self._read(peer, struct.unpack(">i", answer)[0])
        if request.api_key in (API_VERSIONS, HANDSHAKE):
            return answer
        logins.append(request)
        return self._change(len(logins), request) or answer

    def _read(self, peer, length):
        data = b""
        while len(data) < length:
            more = peer.recv(length - len(data))
            assert more
            data += more
        return data


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("token", [b"", b"nonsense", bytes(60_000)], ids=["empty", "text", "huge"])
def test_a_real_login_with_one_false_answer(kdc, broker, keytab, tmp_path, number, token):
    def change(at, request):
        return request.authenticate_answer(token) if at == number else None

    with Between(broker, change) as between:
        program = Program(kdc, tmp_path / "c", between.broker.bootstrap)
        done = program.run(keytab_options(keytab, ALICE))
    if number == 3:  # what a broker says at the very end is of no use to anybody
        assert done.returncode == 0, done.stderr
    else:
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr


def test_a_broker_that_refuses(kdc, broker, keytab, tmp_path):
    def change(at, request):
        return request.authenticate_answer(b"", 58, b"it is \x1b[2J not you") if at == 1 else None

    with Between(broker, change) as between:
        program = Program(kdc, tmp_path / "c", between.broker.bootstrap)
        done = program.run(keytab_options(keytab, ALICE))
    assert (done.returncode, done.stdout) == (4, "")
    assert f'refused the login of the user "{ALICE}" by GSSAPI: it is \\u{{1b}}[2J' in done.stderr
    assert "keytab" in done.stderr


@pytest.mark.long
def test_memory(kdc, broker, keytab, tmp_path):
    """One login under valgrind: whatever the library gave out is given back."""
    options = keytab_options(keytab, ALICE)
    patience = {"default_api_timeout_ms": 120_000, "request_timeout_ms": 110_000}
    config = kerberos_config(tmp_path / "c", options, **patience)
    done = run(
        [
            *("valgrind", "--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite"),
            *("--show-leak-kinds=definite", "--error-exitcode=99"),
            *(PROGRAM, "login", "--bootstrap-server", broker.bootstrap()),
            *("--command-config", config),
        ],
        env=os.environ | kdc.environment,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert ALICE in done.stdout


def test_the_agent_outlives_its_tickets(kdc, broker, tmp_path):
    kdc.add("short", "-maxlife", "4sec")
    keytab = kdc.directory / "short.keytab"
    admin = kerberos_config(tmp_path / "admin.properties", keytab_options(keytab, "short"))
    config = tmp_path / "agent.toml"
    config.write_text(
        f'command_config = "{admin}"\nbootstrap_servers = "{broker.bootstrap()}"\n'
        f'journal = "{tmp_path}/journal.json"\n'
        '[[token]]\nname = "test"\nmax_lifetime = "6s"\ngrace = "1s"\naccept_timeout = "1s"\n'
        f'[[token.target]]\nfile = "{tmp_path}/token.json"\n'
    )
    log = tmp_path / "agent.log"
    seen = set()
    with log.open("wb") as out:
        agent = process.start(
            [PROGRAM, "agent", "--config", config],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=os.environ | kdc.environment,
        )
    try:
        until = time.monotonic() + 60
        while len(seen) < 4 and time.monotonic() < until:
            with contextlib.suppress(FileNotFoundError):
                token = json.loads((tmp_path / "token.json").read_text())
                assert token["owner"] == "User:short"
                seen.add((token["token_id"], token["issue_timestamp_ms"]))
            time.sleep(0.1)
    finally:
        process.stop(agent)
    assert len(seen) == 4, log.read_text()
    issued = sorted(at for _, at in seen)
    assert issued[-1] - issued[0] > 4000  # the first ticket's life
    tickets = [line for line in kdc.log().splitlines() if "AS_REQ" in line and "short@" in line]
    assert sum("ISSUE" in line for line in tickets) >= 2
