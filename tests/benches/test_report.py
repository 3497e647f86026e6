"""The report of the benchmarks, from a few raw results: docs/performance is made so."""

import itertools
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from harness.paths import ROOT

MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
ROUNDS = range(6)


def lines(benchmark, subject, value, unit, mechanisms=MECHANISMS, ats=(None,), **others):
    """A line for each mechanism, place and round; each round takes a little longer."""
    for mechanism, at, current in itertools.product(mechanisms, ats, ROUNDS):
        line = {"benchmark": benchmark, "subject": subject, "mechanism": mechanism}
        line |= {"round": current, "value": value * (1 + current / 100), "unit": unit}
        line |= {"version": "1.2.3"} | others
        yield line if at is None else line | {"at": at}


def peers():
    for benchmark in ("server", "server, token", "client, cold", "client, warm", "hashing"):
        yield from lines(benchmark, "scramtoken, C", 2, "us")
        yield from lines(benchmark, "A <peer> & others", 4, "us")
    for benchmark in ("server", "client, warm"):
        yield from lines(benchmark, "scramtoken, Rust", 1.75, "us")
        yield from lines(benchmark, "least, ring", 1, "us")


def scale():
    sizes, numbers = (1000, 1_000_000), (1, 2, 256)
    for subject in ("LMDB, p50", "LMDB, p99"):
        yield from lines("store, lookup", subject, 1.5, "us", MECHANISMS[1:], sizes)
    for benchmark, unit in (("store, opening", "ms"), ("store, looked through", "bytes")):
        yield from lines(benchmark, "LMDB", 0.1, unit, MECHANISMS[1:], sizes)
    yield from lines("store, file", "LMDB", 5e6, "bytes", MECHANISMS[1:], sizes)
    for store in ("memory", "LMDB"):
        yield from lines("logins a second", store, 1e5, "1/s", MECHANISMS[:1], numbers)
    yield from lines("half-open logins, each", "allocated", 600, "bytes", ats=sizes)
    yield from lines("tokens made a second", "LMDB", 400, "1/s", ["both"], numbers)
    for part, value in (("token", 2.4), ("derivations", 2), ("commit", 0.3)):
        yield from lines("a token made", part, value, "ms", ["both"], [1_000_000])


def constant_time():
    others = {"limit": 4.5, "kept": 1, "median": 900, "difference": 40}
    proofs = "proof, wrong in its first or last byte"
    yield from lines(proofs, "any lookup", 1.2, "t", **others)
    yield from lines("as a user, a user or nobody, refusal", "memory", 9.25, "t", **others)


@pytest.fixture
def results(tmp_path):
    directory = tmp_path / "results"
    directory.mkdir()
    for name, of in (("peers", peers), ("scale", scale), ("constant-time", constant_time)):
        text = "".join(json.dumps(line) + "\n" for line in of())
        (directory / f"{name}.jsonl").write_text(text)
    return directory


def report(results, *options):
    command = [sys.executable, "-m", "benches.report", "--results", results, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def written(results, output):
    done = report(results, "--output", output)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in output.iterdir()}


def test_the_page_has_every_figure_and_every_picture(results, tmp_path):
    files = written(results, tmp_path / "performance")
    page = files.pop("README.md").decode()
    assert "{{" not in page
    assert "| A <peer> & others | 1.2.3 | 4.10 | 3.99 to 4.21 | 2.00 |" in page
    assert "| A server's login by SCRAM-SHA-256, to the fastest peer's | 0.50 | 1 | yes |" in page
    assert "| Names: tests with a t of 4.5 or more, of 12 | 12 | 0 | **no** |" in page
    assert "| Names: the largest difference, ns, which SECURITY.md gives | 40 | 200 | yes |" in page
    assert set(re.findall(r"\]\((.*\.svg)\)", page)) == files.keys()
    for name, plot in files.items():
        words = [text.text for text in ElementTree.fromstring(plot).iter() if text.text]
        assert any(word.strip() for word in words), name


def test_the_same_results_come_to_the_same_bytes(results, tmp_path):
    assert written(results, tmp_path / "one") == written(results, tmp_path / "two")


def test_a_plot_that_is_no_more_made_is_removed(results, tmp_path):
    output = tmp_path / "performance"
    output.mkdir()
    (output / "old.svg").write_text("<svg/>")
    assert "old.svg" not in written(results, output)


def test_what_has_not_been_measured_is_not_reported(results, tmp_path):
    (results / "scale.jsonl").unlink()
    done = report(results, "--output", tmp_path / "performance")
    assert done.returncode != 0
    assert done.stderr.endswith("have to run first: make bench-scale\n")
    assert not (tmp_path / "performance").exists()


def test_the_tables_of_one_benchmark_are_printed(results):
    done = report(results, "--print", "constant-time")
    assert done.returncode == 0, done.stderr
    assert "| memory, SCRAM-SHA-256 | 6 | 6 |" in done.stdout


def test_the_pictures_of_the_committed_page_are_there():
    performance = ROOT / "docs" / "performance"
    pictures = re.findall(r"\]\((.*\.svg)\)", (performance / "README.md").read_text())
    assert set(pictures) == {path.name for path in performance.glob("*.svg")}
