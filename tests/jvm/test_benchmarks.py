"""`make bench-java` measures what there is: one short round of it, in one JVM."""

import json
import os
import subprocess

import pytest

from harness.jvm.jar import JAR
from harness.paths import ROOT
from harness.process import java_command

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_every_row_is_measured(tmp_path):
    maven = ["mvn", "--batch-mode", "--quiet", "--file", ROOT / "benches" / "java" / "pom.xml"]
    subprocess.run([*maven, "compile"], check=True)
    built = ROOT / "build" / "bench-java"
    path = os.pathsep.join(map(str, (JAR, built / "classes", built / "lib" / "*")))
    results = tmp_path / "java.json"
    once = ["-foe", "true", "-f", "0", "-wi", "0", "-i", "1", "-r", "10ms"]
    once += ["-rf", "json", "-rff", results]
    command = [java_command(), "-cp", path, "org.openjdk.jmh.Main", *once]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(results.read_text())
    measured = {
        (row["benchmark"].rpartition(".")[2], row["params"]["party"])
        for row in rows
        if row.get("params")
    }
    names = {"login", "loginByFactory", "clientShare", "cold", "warm", "warmByFactory"}
    assert measured == {(name, party) for name in names for party in ("KAFKA", "SCRAMTOKEN")}
