"""The terms of what is linked travel with it."""

import json
import re
import subprocess
import sys

from harness.paths import ROOT

THIRD_PARTY = ROOT / "THIRD-PARTY"


def test_the_file_is_current():
    """`make third-party` writes it anew."""
    command = [sys.executable, ROOT / "packaging" / "third_party.py"]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    assert made == THIRD_PARTY.read_bytes()


def test_what_asks_for_more_than_mit_is_there():
    text = THIRD_PARTY.read_text()
    for crate, words in [
        ("subtle", "Redistributions of source code must retain"),
        ("rustls-webpki", "Permission to use, copy, modify, and/or distribute this software"),
        ("ring", '*ring* uses an "ISC" license'),
        ("flagset", "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION"),
    ]:
        assert re.search(rf"^{crate} \d", text, re.MULTILINE), crate
        assert words in text, crate


def test_nothing_of_others_is_left_out():
    """Each crate that `cargo tree` finds in the library and the program, and no other."""
    shown = set(re.findall(r"^([a-z0-9_-]+) (\d\S*)$", THIRD_PARTY.read_text(), re.MULTILINE))
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    )
    ours = {package["name"] for package in metadata["packages"]}
    tree = ["cargo", "tree", "--locked", "--features", "capi,jni,rdkafka,cli", "--prefix", "none"]
    tree += ["--edges", "normal,no-proc-macro", "--format", "{p}"]
    tree += ["--target", "x86_64-unknown-linux-gnu"]
    done = subprocess.run(tree, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    linked = {tuple(line.replace(" v", " ").split()[:2]) for line in done.stdout.splitlines()}
    assert {crate for crate in linked if crate[0] not in ours} <= shown
