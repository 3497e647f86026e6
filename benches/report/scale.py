"""What grows: with tokens, threads, logins and processes."""

from .samples import number, table
from .svg import curves

MILLION = 1_000_000
_MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]


def section(samples):
    """Markdown of the stores' tables, under their curves."""
    parts = []
    sizes = _ats(samples, "store, opening")
    if sizes:
        parts += [_picture("Lookup in a store", "store-lookup.svg")]
        parts += [_picture("File and memory of a store", "store-size.svg")]
        heads = ["tokens", "lookup, p50, us:", "p99:", "opening, ms:", "file, MB:", "memory, MB:"]
        rows = []
        for size in sizes:
            cells = [f"{size:,}"]
            for subject in ("LMDB, p50", "LMDB, p99"):
                cells.append(number(_only(samples, "store, lookup", subject, size).median))
            cells.append(number(_only(samples, "store, opening", "LMDB", size).median))
            for what in ("store, file", "store, looked through"):
                cells.append(number(_only(samples, what, "LMDB", size).median / 1e6))
            rows.append(cells)
        parts.append(table(heads, rows))
    for benchmark, title, file, head in _CURVES:
        series = _series(samples, benchmark)
        if not series:
            continue
        parts.append(f"### {title}\n")
        parts.append(_picture(title, file))
        ats = _ats(samples, benchmark)
        rows = [
            [name, *(number(dict((x, y) for x, y, _ in line)[at]) for at in ats)]
            for name, line in series.items()
        ]
        parts.append(table([head, *(f"{at:,}:" for at in ats)], rows))
    return "\n".join(parts)


# What has a curve of its own: benchmark, title, file, what the table's first column is.
_CURVES = [
    ("logins a second", "Logins a second, by threads", "threads.svg", "store"),
    ("half-open logins, each", "Bytes of each half-open login", "half-open.svg", "bytes"),
    ("tokens made a second", "Tokens made a second, by processes", "writers.svg", "store"),
]


def plots(samples):
    """{file name: SVG}"""
    files = {}
    across = {"threads.svg": "threads", "half-open.svg": "logins", "writers.svg": "processes"}
    for benchmark, title, file, _ in _CURVES:
        if series := _series(samples, benchmark):
            unit = "bytes" if file == "half-open.svg" else "a second"
            files[file] = curves(title, across[file], unit, series)
    if series := _series(samples, "store, lookup"):
        files["store-lookup.svg"] = curves("Lookup in a store", "tokens", "us", series)
    sizes = {}
    for benchmark, name in (("store, file", "file"), ("store, looked through", "memory")):
        for line in _series(samples, benchmark).values():
            sizes[name] = [
                (x, y / 1e6, (low / 1e6, high / 1e6)) for x, y, (low, high) in line if y > 0
            ]
    if any(sizes.values()):
        files["store-size.svg"] = curves(
            "File and memory of a store", "tokens", "MB", sizes, logarithmic_up=True
        )
    return files


def aims(samples):
    """(what, measured, aim, whether it is met)"""
    median = {key: sample.median for key, sample in samples.items()}

    def of(benchmark, subject, at=MILLION, mechanism=None):
        keys = (key for key in median if (key[0], key[2], key[3]) == (benchmark, subject, at))
        return next((median[k] for k in keys if mechanism in (None, k[1])), None)

    lookup, least = (of("store, lookup", "LMDB, p50", at) for at in (MILLION, 1000))
    if lookup and least:
        yield "A lookup among a million tokens, us", f"{lookup:.2f}", "2", lookup <= 2
        ratio = lookup / least
        yield "To one among a thousand", f"{ratio:.1f}", "8", ratio <= 8
        opened = of("store, opening", "LMDB")
        yield "Opening a million tokens, ms", f"{opened:.2f}", "10", opened <= 10
    for mechanism in _MECHANISMS:
        name = "a server's login, store"
        pair = [of(name, f"{s}, p50", mechanism=mechanism) for s in ("looked up", "supplied")]
        if all(pair):
            ratio = pair[0] / pair[1]
            what = (
                f"A server's login by {mechanism} with a store, to one with a supplied credential"
            )
            yield what, f"{ratio:.2f}", "1.25", ratio <= 1.25
    token, derivations, commit = (
        of("a token made", part) for part in ("token", "derivations", "commit")
    )
    if token:
        ratio = token / (derivations + commit)
        what = f"A token made, {token:.2f} ms, to its derivations and a commit"
        yield what, f"{ratio:.2f}", "1.10", ratio <= 1.10
    if swept := of("sweep", "all"):
        busy = of("sweep", "on a processor")
        what = f"A sweep of 100,000 among a million, {busy:.2f} of it on a processor, s"
        yield what, f"{swept:.2f}", "2", swept <= 2
    before, meanwhile = (
        of("lookups beside a sweep", f"{when}, p99") for when in ("before", "meanwhile")
    )
    if before:
        ratio = meanwhile / before
        yield "Lookups beside a sweep, p99 to before", f"{ratio:.2f}", "1.5", ratio <= 1.5
    for store in ("memory", "LMDB"):
        most = _of_store(samples, store)
        if most:
            ratio = most[max(most)] / max(most.values())
            what = f"Logins a second on {max(most)} threads with a store, {store}, to the most"
            yield what, f"{ratio:.2f}", "0.9 or more", round(ratio, 2) >= 0.9


def _of_store(samples, store):
    series = _series(samples, "logins a second").get(store, [])
    return {x: y for x, y, _ in series}


def _series(samples, benchmark):
    """{name: [(at, median, spread)]}; the mechanism is in the name where there are two."""
    series = {}
    of = [(key, sample) for key, sample in samples.items() if key[0] == benchmark]
    mechanisms = {key[1] for key, _ in of}
    for (_, mechanism, subject, at), sample in sorted(of, key=lambda item: item[0][3]):
        name = f"{subject}, {mechanism}" if len(mechanisms) > 1 else subject
        series.setdefault(name, []).append((at, sample.median, sample.spread))
    return series


def _ats(samples, benchmark):
    return sorted({key[3] for key in samples if key[0] == benchmark})


def _only(samples, benchmark, subject, at):
    (sample,) = (
        sample
        for key, sample in samples.items()
        if (key[0], key[2], key[3]) == (benchmark, subject, at)
    )
    return sample


def _picture(title, file):
    return f"![{title}]({file})\n"
