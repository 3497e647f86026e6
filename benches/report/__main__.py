"""Writes docs/performance from the raw results: `make report`.

With --print only the tables of one benchmark go to standard output."""

import argparse
import os
import re
import sys
from pathlib import Path

from benches.results import BENCH, read
from benches.tables import machine
from harness.paths import ROOT

from . import constant_time, peers, scale
from .samples import collect, table

# Each by the target that measures it: bench-peers leaves peers.jsonl, and so on.
RESULTS = ("peers", "scale", "constant-time")
TEMPLATE = Path(__file__).with_name("README.md.in")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=BENCH, help="where the JSON lines are")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance")
    parser.add_argument("--print", choices=RESULTS, help="print the tables of this benchmark")
    options = parser.parse_args()

    names = [options.print] if options.print else RESULTS
    lines = {name: read(options.results / f"{name}.jsonl") for name in names}
    if missing := [name for name in names if not lines[name]]:
        targets = ", ".join(f"make bench-{name}" for name in missing)
        sys.exit(f"Nothing to report of these, which have to run first: {targets}")
    if options.print:
        print(sections(lines)[options.print])
        return
    options.output.mkdir(parents=True, exist_ok=True)
    files = plots(lines) | {"README.md": page(lines)}
    for path in options.output.glob("*.svg"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (options.output / name).write_text(text)


def page(lines):
    """The template with its marks filled in, `{{aims}}` and the like."""
    parts = sections(lines) | {
        "aims": aims(lines),
        "doors": peers.doors(collect(lines["peers"])),
        "machine": f"{os.cpu_count()} processors, {machine.describe('rustc', 'java')}",
    }
    return re.sub(r"\{\{([a-z-]+)\}\}", lambda mark: parts[mark[1]].rstrip(), TEMPLATE.read_text())


def sections(lines):
    make = {
        "peers": lambda of: peers.section(collect(of)),
        "scale": lambda of: scale.section(collect(of)),
        "constant-time": constant_time.section,
    }
    return {name: make[name](of) for name, of in lines.items()}


def plots(lines):
    return peers.plots(collect(lines["peers"])) | scale.plots(collect(lines["scale"]))


def aims(lines):
    rows = [
        [what, measured, aim, "yes" if is_met else "**no**"]
        for found in (
            peers.aims(collect(lines["peers"])),
            scale.aims(collect(lines["scale"])),
            constant_time.aims(lines["constant-time"]),
        )
        for what, measured, aim, is_met in found
    ]
    return table(["what", "measured:", "aim, at most:", "met"], rows)


if __name__ == "__main__":
    main()
