import pickle
import re

import pytest
from exchange import ROOT, alice

import scramtoken
from scramtoken import ScramTokenError, Status
from scramtoken._library import library
from scramtoken.errors import error_for


def header_statuses():
    header = (ROOT / "include" / "scramtoken.h").read_text()
    found = re.findall(r"\bSCRAMTOKEN_(\w+)\s*=?\s*(-?\d+)", header)
    names = {"OK", "CONTINUE", "NEED_CREDENTIAL"}
    return {
        name.replace("ERR_", "", 1): int(value)
        for name, value in found
        if name.startswith("ERR_") or name in names
    }


def test_statuses_are_those_of_the_header():
    assert {status.name: status.value for status in Status} == header_statuses()


def meanings(path, pattern):
    """What a file says of each status, in the same words wherever it stands."""
    found = {}
    for name, text in re.findall(pattern, (ROOT / path).read_text(), flags=re.MULTILINE):
        text = re.sub(r"^ *(///|#:) ?", "", text, flags=re.MULTILINE).strip()
        text = " ".join(text.split("\n\n")[0].split())  # Kafka's own name for it stands apart
        text = re.sub(r"[`]", "", text).removesuffix(".")
        found[name] = text[:1].lower() + text[1:]
    return found


def test_every_status_means_the_same_everywhere():
    errors = {status.name for status in Status if status < 0}
    # A comment and the constant behind it: the name is found first for findall's pairs.
    comments = r"(?=(?:^ *{mark}.*\n)+ *(\w+) = -\d)((?:^ *{mark}.*\n)+)"
    rust = meanings("src/status.rs", comments.format(mark="///"))
    python = meanings("python/scramtoken/errors.py", comments.format(mark="#:"))
    manual = meanings("docs/c-api.md", r"^\| ([A-Z_]+) \| -\d+ \| ([^|]*) \|")
    assert rust == python == manual
    assert set(manual) == errors


@pytest.mark.parametrize("status", list(Status))
def test_names_are_the_librarys(status):
    assert library.scramtoken_status_name(status) == status.name.encode()
    error = error_for(status, "text")
    assert (error.status, error.name, str(error), error.output) == (
        status,
        status.name,
        "text",
        b"",
    )


def test_unknown_status_is_the_base_class():
    error = error_for(-4242, "new")
    assert type(error) is ScramTokenError
    assert (error.status, error.name) == (-4242, "UNKNOWN")
    assert library.scramtoken_status_name(-4242) == b"UNKNOWN"


@pytest.mark.parametrize(
    ("status", "classes"),
    [
        (Status.INVALID_ARGUMENT, (scramtoken.InvalidArgumentError, ValueError)),
        (Status.INVALID_STATE, (scramtoken.InvalidStateError, RuntimeError)),
        (Status.UNSUPPORTED_MECHANISM, (scramtoken.UnsupportedMechanismError, ValueError)),
        (Status.CANCELLED, (scramtoken.CancelledError,)),
        (Status.NONCE, (scramtoken.ProtocolError,)),
        (Status.INVALID_PROOF, (scramtoken.AuthenticationError,)),
        (Status.UNKNOWN_USER, (scramtoken.UnknownUserError, scramtoken.AuthenticationError)),
        (Status.TOKENS_STALE, (scramtoken.AuthenticationError,)),
        (Status.TOKEN_NOT_FOUND, (scramtoken.TokenNotFoundError, scramtoken.AuthenticationError)),
        (Status.TOKEN_EXPIRED, (scramtoken.TokenExpiredError, scramtoken.AuthenticationError)),
    ],
)
def test_groups(status, classes):
    for group in (ScramTokenError, *classes):
        assert isinstance(error_for(status, ""), group)


def test_errors_travel_between_processes():
    error = pickle.loads(pickle.dumps(error_for(Status.NONCE, "text", b"e=other-error")))
    assert type(error) is scramtoken.ProtocolError
    assert (error.status, str(error), error.output) == (Status.NONCE, "text", b"e=other-error")


def test_text_names_what_is_wrong():
    client = alice()
    client.step()
    with pytest.raises(scramtoken.ProtocolError, match="r="):
        client.step(b"r=another,s=QUJD,i=4096")
