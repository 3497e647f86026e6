"""PostgreSQL's messages of a login, for either side
(https://www.postgresql.org/docs/15/protocol-message-formats.html)."""

import contextlib
import socket
import ssl
import struct

MECHANISM = "SCRAM-SHA-256"
_LOGIN = 196608  # the protocol's version, 3.0
_TLS = 80877103  # in its place, to ask for TLS
_OK, _SASL, _CONTINUE, _FINAL = 0, 10, 11, 12


class Refused(Exception):
    """An ErrorResponse."""


def log_in(port, role, client, authority=None):
    """Our client's login at a server, inside of TLS where there is an authority: returns the
    mechanisms that the server has once both sides believe each other."""
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        if authority:
            connection.sendall(struct.pack(">ii", 8, _TLS))
            assert connection.recv(1) == b"S"
            context = ssl.create_default_context(cafile=authority.pem)
            connection = context.wrap_socket(connection, server_hostname="localhost")
            stack.enter_context(connection)
        stream = stack.enter_context(connection.makefile("rwb"))
        start = struct.pack(">i", _LOGIN) + f"user\0{role}\0database\0postgres\0\0".encode()
        _write(stream, b"", start)
        offered = _authentication(stream, _SASL).decode().strip("\0").split("\0")
        first = client.step()
        _write(stream, b"p", MECHANISM.encode() + b"\0" + struct.pack(">i", len(first)) + first)
        _write(stream, b"p", client.step(_authentication(stream, _CONTINUE)))
        client.step(_authentication(stream, _FINAL))
        assert client.authenticated
        _authentication(stream, _OK)
        return offered


def first_message_of(listener, certificate=None):
    """What the next client at this socket begins SCRAM with, inside of TLS where there is a
    certificate. It is then told no."""
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(listener.accept()[0])
        connection.settimeout(30)
        if certificate:
            assert connection.recv(8) == struct.pack(">ii", 8, _TLS)
            connection.sendall(b"S")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            connection = stack.enter_context(context.wrap_socket(connection, server_side=True))
        stream = stack.enter_context(connection.makefile("rwb"))
        (length,) = struct.unpack(">i", stream.read(4))
        assert stream.read(length - 4).startswith(struct.pack(">i", _LOGIN))
        _write(stream, b"R", struct.pack(">i", _SASL) + MECHANISM.encode() + b"\0\0")
        kind, content = _read(stream)
        assert kind == b"p"
        mechanism, _, rest = content.partition(b"\0")
        assert mechanism.decode() == MECHANISM
        _write(stream, b"E", b"SFATAL\0VFATAL\0C28P01\0Mno\0\0")
        return rest[4:]


def _authentication(stream, wanted):
    kind, content = _read(stream)
    if kind == b"E":
        raise Refused(content.decode().replace("\0", " "))
    (what,) = struct.unpack(">i", content[:4])
    assert (kind, what) == (b"R", wanted), (kind, what)
    return content[4:]


def _read(stream):
    kind = stream.read(1)
    (length,) = struct.unpack(">i", stream.read(4))
    return kind, stream.read(length - 4)


def _write(stream, kind, content):
    stream.write(kind + struct.pack(">i", len(content) + 4) + content)
    stream.flush()
