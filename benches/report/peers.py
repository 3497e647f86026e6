"""What a login costs, beside its peers."""

from .samples import number, table
from .svg import bars

MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
# Whom others are compared with: who loads the shared library.
OURS = "scramtoken, C"
# What of a benchmark is in its plot: who lies far beyond the others has tables.
_NOT_PLOTTED = {"scramtoken, Python", "scramtoken, C, callback"}
_TITLES = {
    "server": "A server's login with stored keys",
    "server, token": "A server's login with a delegation token",
    "client, cold": "A client's login that hashes 4096 rounds",
    "client, warm": "A client's login whose keys are cached",
    "hashing": "PBKDF2, 4096 rounds",
}
_DOORS = ["scramtoken, Rust", "scramtoken, C", "scramtoken, JVM", "scramtoken, Python"]


def section(samples):
    """Markdown with a table for each benchmark and mechanism."""
    parts = []
    for benchmark, title in _TITLES.items():
        parts.append(f"### {title}\n")
        for mechanism in MECHANISMS:
            if rows := _rows(samples, benchmark, mechanism):
                parts.append(f"![{title}, {mechanism}]({_file(benchmark, mechanism)})\n")
                heads = [f"{mechanism}", "version", "median, us:", "middle 80 % of rounds:"]
                parts.append(table([*heads, "to ours:"], rows))
    return "\n".join(parts)


def doors(samples):
    """Markdown: the same work through each door, and what it adds to the crate's own."""
    rows = []
    for benchmark in ("server", "client, warm"):
        for mechanism in MECHANISMS:
            by_door = [samples.get((benchmark, mechanism, door, None)) for door in _DOORS]
            if by_door[0] is None:
                continue
            cells = [f"{benchmark}, {mechanism}"]
            for sample in by_door:
                if sample is None:
                    cells += ["", ""]
                else:
                    added = sample.median - by_door[0].median
                    cells += [number(sample.median), f"{added:+.2f}"]
            rows.append(cells[:2] + cells[3:])
    heads = ["login", "Rust, us:"]
    for door in ("C", "JVM", "Python"):
        heads += [f"{door}, us:", "added:"]
    return table(heads, rows)


def plots(samples):
    """{file name: SVG}"""
    files = {}
    for benchmark, title in _TITLES.items():
        for mechanism in MECHANISMS:
            of = _of(samples, benchmark, mechanism)
            rows = [
                (subject, sample.median, sample.spread)
                for subject, sample in of
                if subject not in _NOT_PLOTTED
            ]
            if rows:
                name = f"{title}, {mechanism}"
                files[_file(benchmark, mechanism)] = bars(name, "us", rows)
    return files


def aims(samples):
    """(what, measured, aim, whether it is met)"""
    for mechanism in MECHANISMS:
        for benchmark, who in (("server", "A server's"), ("client, warm", "A warm client's")):
            of = dict(_of(samples, benchmark, mechanism))
            if OURS not in of:
                continue
            ours = of[OURS].median
            least = min((s.median for name, s in of.items() if _is_plain_least(name)), default=None)
            if least:
                what = f"{who} login by {mechanism}, to the least that it can take"
                yield what, f"{ours / least:.2f}", "2", ours / least <= 2
            others = [sample.median for name, sample in of.items() if _is_peer(name)]
            if others:
                what = f"{who} login by {mechanism}, to the fastest peer's"
                yield what, f"{ours / min(others):.2f}", "1", ours <= min(others)
        hashing = dict(_of(samples, "hashing", mechanism))
        cold = dict(_of(samples, "client, cold", mechanism)).get(OURS)
        fastest = [sample.median for name, sample in hashing.items() if _is_peer(name)]
        if cold and fastest:
            ratio = cold.median / min(fastest)
            what = f"A cold client's login by {mechanism}, to the fastest peer's PBKDF2 alone"
            yield what, f"{ratio:.2f}", "1", ratio <= 1


def _rows(samples, benchmark, mechanism):
    of = _of(samples, benchmark, mechanism)
    ours = dict(of).get(OURS)
    rows = []
    for subject, sample in of:
        low, high = map(number, sample.spread)
        ratio = f"{sample.median / ours.median:.2f}" if ours else ""
        rows.append([subject, sample.version, number(sample.median), f"{low} to {high}", ratio])
    return rows


def _of(samples, benchmark, mechanism):
    """(subject, sample), the fastest first."""
    of = [
        (subject, sample)
        for (its_benchmark, its_mechanism, subject, _), sample in samples.items()
        if (its_benchmark, its_mechanism) == (benchmark, mechanism)
    ]
    return sorted(of, key=lambda item: item[1].median)


def _is_peer(subject):
    return not subject.startswith(("scramtoken", "least"))


def _is_plain_least(subject):
    return subject.startswith("least") and "midstates" not in subject


def _file(benchmark, mechanism):
    words = benchmark.replace(",", "").split()
    return "-".join([*words, mechanism.lower().removeprefix("scram-")]) + ".svg"
