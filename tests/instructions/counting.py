"""Counts the instructions of the library's hot operations, by callgrind.

usage: python -m tests.instructions.counting

Writes counts.json anew. Counted is what runs in the library itself, per operation, without hashing:
valgrind knows no SHA instructions, and so hashes otherwise than the processor does. Searches in
vectors are left out as well, as they go by what the processor has.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.commands import run
from harness.compile import compile_program
from harness.paths import BUILD, library

HERE = Path(__file__).parent
COUNTS = HERE / "counts.json"
TIMES = 100
OPERATIONS = (
    "server, supply, SCRAM-SHA-256",
    "server, supply, SCRAM-SHA-512",
    "server, callback, user",
    "server, callback, token",
    "server, callback, stranger",
    "server, store in memory",
    "server, store in LMDB",
    "client, warm, SCRAM-SHA-256",
    "client, warm, SCRAM-SHA-512",
)
LEFT_OUT = re.compile(
    r"sha2|hmac|memchr|scram::(hi|lanes|signatures|compression|blocks)|scram::keys::hash"
)


def compiler():
    """The compiler that counts go by: another one makes other code of the same source."""
    return subprocess.check_output(["rustc", "-V"], text=True).strip()


def count(operation):
    """Instructions of one operation, in the library and without hashing."""
    program = compile_program(HERE / "operations.c", BUILD / "c" / "operations")
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "callgrind.out"
        # As callgrind writes it: names once, then numbers.
        argv = [
            "valgrind",
            "--tool=callgrind",
            "--collect-atstart=no",
            f"--callgrind-out-file={out}",
        ]
        argv += ["--compress-strings=no", "--compress-pos=no", program, operation, directory]
        finished = run(argv)
        if finished.returncode:
            sys.exit(f"{operation}: {finished.stderr}")
        return instructions(out.read_text()) // TIMES


def instructions(profile):
    """What callgrind's file says of functions of the library, each without what it calls."""
    total, ours, function, is_call = 0, False, "", False
    for line in profile.splitlines():
        key, _, value = line.partition("=")
        if key == "ob":
            ours = Path(value).resolve() == library()
        elif key == "fn":
            function = value
        elif key == "calls":
            is_call = True
        elif line[:1].isdigit() or line[:2] == "0x":
            if not is_call and ours and not LEFT_OUT.search(function):
                total += int(line.split()[1])
            is_call = False
    return total


def main():
    counts = {operation: count(operation) for operation in OPERATIONS}
    text = json.dumps({"compiler": compiler(), "instructions": counts}, indent=2)
    COUNTS.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
