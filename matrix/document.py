"""docs/interoperability.md, from the results of a run."""

import datetime
import itertools
import textwrap

from harness.jvm.jar import VERSION
from harness.kafka.properties import LISTENERS, SCRAM_MECHANISMS

from .cells import EXTENSION, IMPLICIT, LIBRARY, PASSWORD
from .reasons import REASONS
from .run import RECORDS

_CREDENTIALS = f"""\
- **{PASSWORD}**: a user's name and password.
- **{EXTENSION}**: a delegation token, by what the client has for it, or by an extension that it \
lets applications add; [examples/go](../examples/go) has those for Go.
- **{LIBRARY}**: a delegation token from a token file, by libscramtoken inside the client: the \
login module ([jvm.md](jvm.md)), librdkafka's plugin or an adapter ([librdkafka.md](librdkafka.md)).
- **{IMPLICIT}**: a token's id and HMAC for user name and password, which a broker on \
libscramtoken takes with `implicitTokens` ([jvm.md](jvm.md))."""


_WHOLE = (
    f"*yes* means by {' and '.join(SCRAM_MECHANISMS)}, each over {' and '.join(LISTENERS)}; "
    "numbers are those of the reasons below."
)
_PART = (
    "This was a part of the whole (`python -m matrix --pairwise`), in which each row meets every "
    "version, kind of broker, mechanism and transport, and those meet each other; a square is "
    "empty where nothing was tried. Numbers are those of the reasons below."
)


def document(clients, results, applications=(), *, is_whole=True):
    """The page's text."""
    by_row = {}
    for result in results:
        by_row.setdefault(result.cell.row, {}).setdefault(result.cell.broker, []).append(result)
    used = sorted({result.reason for result in results if result.reason})
    failed = [result for result in results if result.error]
    unexplained = [result for result in results if result.is_unexplained]
    explained = [result for result in failed if not result.is_unexplained]
    parts = [
        "# Which clients work with which brokers",
        f"Written by `make matrix` on {datetime.date.today().isoformat()}, with scramtoken "
        f"{VERSION}: {len(results)} cells, {len(results) - len(failed)} of them work, "
        f"{len(explained)} do not for a reason that is known, "
        f"{len(failed) - len(explained)} for none.",
        f"In each cell a client sends {RECORDS} records to a topic of a real broker and consumes "
        "them by a group (kcat: without one), and the broker's request log must name the right "
        "principal: the user's, or, with a token, that of the token's owner. Brokers are stock, "
        "or judge their logins by libscramtoken (the jar of [jvm.md](jvm.md), with "
        "`implicitTokens` and `doubledNonce`).",
        _CREDENTIALS,
        _WHOLE if is_whole else _PART,
        _table(clients, by_row),
        "## Why not",
        "\n".join(f"- {number}: {REASONS[number - 1].text}" for number in used),
    ]
    if unexplained:
        lines = (f"- {result.cell}: {result.told}" for result in unexplained)
        parts += ["## Unexplained", "\n".join(lines)]
    if applications:
        parts += ["## Streams, Connect, MirrorMaker", _applications(applications)]
    parts += ["## Versions", _versions(clients, results)]
    return "\n\n".join(map(_wrapped, parts)) + "\n"


def _wrapped(part):
    """Paragraphs and items as the other pages have them; tables and headings as they are."""
    return "\n".join(
        line
        if line.startswith(("|", "#"))
        else textwrap.fill(
            line,
            width=110,
            subsequent_indent="  " if line.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in part.split("\n")
    )


def _table(clients, by_row):
    brokers = sorted(set(itertools.chain(*by_row.values())), key=lambda b: (b[1] != "stock", b[0]))
    lines = ["| client | credential | " + " | ".join(f"{v}, {k}" for v, k in brokers) + " |"]
    lines.append("|---" * (len(brokers) + 2) + "|")
    for client in clients:
        for credential in client.credentials:
            row = by_row.get((client.name, credential))
            if row:
                cells = (_square(row.get(broker, [])) for broker in brokers)
                lines.append(f"| {client.name} | {credential} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _square(results):
    """One broker's word on one client's credential."""
    failed = [result for result in results if result.error]
    if not results:
        return ""
    if not failed:
        return "yes"
    reasons = sorted({str(result.reason or "unexplained") for result in failed})
    if len(failed) == len(results):
        return f"no: {', '.join(reasons)}"
    where = sorted({f"{result.cell.mechanism} {result.cell.transport}" for result in failed})
    return f"not by {', '.join(where)}: {', '.join(reasons)}"


def _applications(applications):
    lines = [
        "All of them with the jar on their class path, over SASL_SSL by SCRAM-SHA-512; each moves "
        f"{RECORDS} records.",
        "",
        "| application | brokers, Kafka 4.4.0 | logs in | works |",
        "|---|---|---|---|",
    ]
    for application in applications:
        works = f"no: {application.error[:200]}" if application.error else "yes"
        lines.append(
            f"| {application.name} | {application.brokers} | {application.how} | {works} |"
        )
    return "\n".join(lines)


def _versions(clients, results):
    used = {result.cell.client for result in results}
    versions = dict.fromkeys(client.version() for client in clients if client.name in used)
    brokers = sorted({result.cell.version for result in results})
    return "\n".join(
        [f"- brokers: Kafka {', '.join(brokers)}", *(f"- {version}" for version in versions)]
    )
