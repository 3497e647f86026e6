"""`make bench-peers` measures whom it says: one short round of it."""

import json
import os
import subprocess
import sys
from collections import defaultdict

import pytest

from harness.paths import ROOT, library

MECHANISMS = {"SCRAM-SHA-256", "SCRAM-SHA-512"}
SUBJECTS = {
    "server": {"scramtoken, C", "scramtoken, Rust", "scramtoken, JVM", "scramtoken, Python"}
    | {"GNU SASL", "Cyrus SASL", "rsasl", "Apache Kafka 4.4.0", "Apache Kafka 3.9.2"}
    | {"least, ring", "least, sha2, midstates"},
    "server, token": {"scramtoken, C", "scramtoken, JVM", "Apache Kafka 4.4.0"},
    "client, cold": {"scramtoken, C", "GNU SASL", "Cyrus SASL", "rsasl", "Apache Kafka 3.9.2"}
    | {"kafka-python", "aiokafka"},
    "client, warm": {"scramtoken, C", "GNU SASL", "rsasl", "least, sha2", "scramtoken, JVM"},
    "hashing": {"OpenSSL", "ring", "crate pbkdf2", "scramtoken, many at once"},
}


@pytest.mark.long
@pytest.mark.timeout(900)  # the first time, packages are fetched and crates are compiled
def test_every_peer_logs_in(tmp_path):
    output = tmp_path / "peers.jsonl"
    quickly = ["--rounds", "1", "--milliseconds", "1", "--warm-up", "1", "--output", output]
    done = subprocess.run(
        [sys.executable, "-m", "benches.peers", *quickly],
        cwd=ROOT,
        env=os.environ | {"SCRAMTOKEN_LIBRARY": str(library())},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    measured = defaultdict(set)
    for line in map(json.loads, output.read_text().splitlines()):
        assert line["value"] > 0 and line["version"] and line["unit"] == "us", line
        measured[line["benchmark"]].add((line["subject"], line["mechanism"]))
    for benchmark, subjects in SUBJECTS.items():
        wanted = {(subject, mechanism) for subject in subjects for mechanism in MECHANISMS}
        wanted -= {("GNU SASL", "SCRAM-SHA-512")}  # which it does not have
        assert wanted <= measured[benchmark]
