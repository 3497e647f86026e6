"""Whether a refusal tells by its time what is secret."""

from collections import Counter

from .samples import table

LIMIT = 4.5


def section(lines):
    """Markdown: the tests of each way of lookup, and each that is beyond the limit."""
    counts = Counter((line["subject"], line["mechanism"]) for line in lines)
    rows = []
    for subject, mechanism in counts:
        of = [
            line for line in lines if (line["subject"], line["mechanism"]) == (subject, mechanism)
        ]
        largest = max(of, key=lambda line: abs(line["value"]))
        beyond = sum(map(_is_beyond, of))
        difference = max(abs(line["difference"]) for line in of)
        rows.append(
            [
                f"{subject}, {mechanism}",
                len(of),
                beyond,
                f"{abs(largest['value']):.1f}",
                largest["benchmark"],
                f"{difference:.1f}",
            ]
        )
    heads = ["lookup", "tests:", "beyond 4.5:", "largest t:", "of", "largest difference, ns:"]
    parts = [table(heads, rows)]
    if beyond := [line for line in lines if _is_beyond(line)]:
        beyond.sort(key=lambda line: -abs(line["value"]))
        rows = [
            [
                f"{line['benchmark']}; {line['subject']}, {line['mechanism']}",
                f"{line['value']:.1f}",
                f"{line['difference']:.1f}",
                f"{line['median']:.0f}",
            ]
            for line in beyond
        ]
        heads = ["beyond the limit", "t:", "difference, ns:", "of, ns:"]
        parts.append(table(heads, rows))
    return "\n".join(parts)


def aims(lines):
    """(what, measured, aim, whether it is met)"""
    for what, of in (
        ("Proofs", [line for line in lines if line["benchmark"].startswith("proof")]),
        ("Names", [line for line in lines if not line["benchmark"].startswith("proof")]),
    ):
        if of:
            beyond = sum(map(_is_beyond, of))
            yield f"{what}: tests with a t of 4.5 or more, of {len(of)}", beyond, "0", not beyond


def _is_beyond(line):
    return abs(line["value"]) >= LIMIT
