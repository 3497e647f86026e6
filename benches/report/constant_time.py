"""Whether a refusal tells by its time what is secret."""

from .samples import table

LIMIT = 4.5
# What SECURITY.md says remains between a name that somebody has and one that nobody has.
PROMISED_NS = 200


# So many of the tests beyond the limit are named.
MOST = 10


def section(lines):
    """Markdown: the tests of each way of lookup, and those that are furthest beyond the limit."""
    by_lookup = {}
    for line in lines:
        by_lookup.setdefault(f"{line['subject']}, {line['mechanism']}", []).append(line)
    rows = []
    for lookup, of in by_lookup.items():
        largest = max(abs(line["value"]) for line in of)
        difference = max(abs(line["difference"]) for line in of)
        cells = [lookup, len(of), sum(map(_is_beyond, of)), f"{largest:.1f}", f"{difference:.1f}"]
        rows.append(cells)
    heads = ["lookup", "tests:", "t of 4.5 or more:", "largest t:", "largest difference, ns:"]
    parts = [table(heads, rows)]
    if beyond := sorted(filter(_is_beyond, lines), key=lambda line: -abs(line["value"])):
        rows = [
            [
                f"{line['benchmark']}; {line['subject']}, {line['mechanism']}",
                f"{line['value']:.1f}",
                f"{line['difference']:.1f}",
                f"{line['median']:.0f}",
            ]
            for line in beyond[:MOST]
        ]
        heads = ["the largest of them", "t:", "difference, ns:", "of, ns:"]
        parts.append(table(heads, rows))
    return "\n".join(parts)


def aims(lines):
    """(what, measured, aim, whether it is met)"""
    proofs = [line for line in lines if line["benchmark"].startswith("proof")]
    names = [line for line in lines if not line["benchmark"].startswith("proof")]
    for what, of in (("Proofs", proofs), ("Names", names)):
        beyond = sum(map(_is_beyond, of))
        yield f"{what}: tests with a t of 4.5 or more, of {len(of)}", beyond, "0", not beyond
    if names:
        largest = max(abs(line["difference"]) for line in names)
        what = "Names: the largest difference, ns, which SECURITY.md gives"
        yield what, f"{largest:.0f}", PROMISED_NS, largest <= PROMISED_NS


def _is_beyond(line):
    return abs(line["value"]) >= LIMIT
