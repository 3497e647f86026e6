"""Runs every test of the project and closes with `N passed, N failed`.

usage: run.py [--builds | --long | --kubernetes | --release]

--builds runs the tests of other builds, which compile the crate anew: pytest's tests marked
`builds`. --kubernetes runs those against a real API server: pytest's tests marked `kubernetes`.
--release runs those of the packages in dist/: pytest's tests marked `release`.
--long runs the others that take minutes: pytest's tests marked `long` and cargo's ignored ones. A
test that was skipped has shown nothing, so it counts as failed.
"""

import argparse
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
JUNIT = ROOT / "build" / "pytest.xml"
# Marks of tests that have a command of their own.
ELSEWHERE = "builds or kubernetes or release"
# Of each test binary, and of the documentation's examples.
CARGO_RESULT = re.compile(r"^test result: \S+\. (\d+) passed; (\d+) failed; (\d+) ignored;")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--builds", action="store_true", help="run what compiles the crate anew")
    which.add_argument("--long", action="store_true", help="run what else takes minutes")
    which.add_argument("--kubernetes", action="store_true", help="run what needs an API server")
    which.add_argument(
        "--release", action="store_true", help="run what needs the packages of dist/"
    )
    options = parser.parse_args()

    before = tree()
    if options.builds:
        say("Tests of other builds: 20 minutes the first time")
        parts = {"pytest": run_pytest("builds")}
    elif options.kubernetes:
        say("Tests against a real API server: 2 minutes")
        parts = {"pytest": run_pytest("kubernetes", "tests/agent/kubernetes/real")}
    elif options.release:
        say("Tests of the packages in dist/: 15 minutes")
        parts = {"pytest": run_pytest("release", "tests/release")}
    elif options.long:
        say("Tests that take minutes each: 40 minutes")
        parts = {"cargo test": run_cargo(long=True)}
        parts["pytest"] = run_pytest(f"long and not ({ELSEWHERE})")
    else:
        say("Rust tests: 3 minutes to build the first time, then one")
        parts = {"cargo test": run_cargo(long=False)}
        say("Tests with brokers, C, Python and Java: 10 minutes")
        parts["pytest"] = run_pytest(f"not (long or {ELSEWHERE})")
    parts["tree"] = compare(before, tree())

    print()
    for name, counts in parts.items():
        print(f"{name}: " + ", ".join(f"{number} {what}" for what, number in counts.items()))
    passed = sum(counts["passed"] for counts in parts.values())
    failed = sum(counts["failed"] + counts["skipped"] for counts in parts.values())
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if passed and not failed else 1


def run_cargo(long):
    """Counts from the `test result` lines; cargo's ignored tests are those for --long."""
    argv = [os.environ.get("CARGO", "cargo"), "test", "--locked", "--no-fail-fast"]
    if long:
        argv += ["--", "--ignored"]
    counts = Counter(passed=0, failed=0, skipped=0)
    show(argv)
    cargo = subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with cargo:
        for line in cargo.stdout:
            print(line, end="", flush=True)
            if result := CARGO_RESULT.match(line):
                passed, failed, ignored = map(int, result.groups())
                counts.update(passed=passed, failed=failed)
                counts["skipped" if long else "left to --long"] += ignored
    return settled(counts, cargo.returncode)


def run_pytest(marks, *paths):
    # A file's tests share brokers, and most of them wait: two files at a time fill two cores.
    two_at_a_time = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    argv = [
        sys.executable,
        "-m",
        "pytest",
        f"--junit-xml={JUNIT}",
        *two_at_a_time,
        "-m",
        marks,
        *paths,
    ]
    JUNIT.parent.mkdir(exist_ok=True)
    JUNIT.unlink(missing_ok=True)
    show(argv)
    code = subprocess.run(argv, cwd=ROOT).returncode
    counts = Counter(passed=0, failed=0, skipped=0)
    if JUNIT.exists():
        for suite in ElementTree.parse(JUNIT).getroot().iter("testsuite"):
            total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
            failed = int(suite.get("failures")) + int(suite.get("errors"))
            counts.update(passed=total - failed - skipped, failed=failed, skipped=skipped)
    return settled(counts, code)


def settled(counts, code):
    """A run that went wrong otherwise than by a failed test (no build, a crash) failed too."""
    if code != 0 and not counts["failed"]:
        counts["failed"] += 1
    return counts


def tree():
    """What git sees of the working tree: files that are new, and what has changed in the others.
    None where this is no checkout, as in an unpacked archive."""
    states = []
    for command in (["status", "--porcelain", "--untracked-files=all"], ["diff", "HEAD"]):
        try:
            git = subprocess.run(["git", *command], cwd=ROOT, capture_output=True)
        except FileNotFoundError:
            return None
        if git.returncode != 0:
            return None
        states.append(git.stdout)
    return states


def compare(before, after):
    """Tests leave the tree as they found it."""
    if before is None:
        return Counter(passed=0, failed=0, skipped=0)
    if before == after:
        return Counter(passed=1, failed=0, skipped=0)
    print("\nThe tests have changed the working tree:")
    for line in sorted(set(after[0].splitlines()) ^ set(before[0].splitlines())):
        print(f"  {os.fsdecode(line)}")
    if before[1] != after[1]:
        print("  what `git diff HEAD` shows is not what it was")
    return Counter(passed=0, failed=1, skipped=0)


def say(text):
    print(f"\n== {text}", flush=True)


def show(argv):
    print(f"\n$ {' '.join(map(str, argv))}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
