"""`make storm` measures what there is: one short round of it."""

import json
import subprocess
import sys

import pytest

from harness.commands import succeed
from harness.kafka.properties import LISTENERS
from harness.paths import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


def test_every_kind_is_measured(tmp_path):
    subprocess.run(["make", "--no-print-directory", "storm-program"], cwd=ROOT, check=True)
    results = tmp_path / "storm.jsonl"
    sizes = ["--logins", "50", "--warm-up", "50", "--rounds", "1"]
    succeed([sys.executable, "-m", "benches.storm", *sizes, "--out", results], cwd=ROOT)
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    rounds = [line for line in lines if line["kind"] == "round"]
    kinds = [(line["party"], line["listener"], line["credential"]) for line in rounds]
    assert sorted(kinds) == sorted(
        (party, listener, credential)
        for party in ("kafka", "scramtoken")
        for listener in LISTENERS
        for credential in ("password", "token")
    )
    assert all(line["logins"] == 50 and line["p99_us"] >= line["p50_us"] > 0 for line in rounds)
    table = succeed([sys.executable, "-m", "benches.tables.storm", results], cwd=ROOT)
    assert table.count("\n| token, TLS |") == 3, table
