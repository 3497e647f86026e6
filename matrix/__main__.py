"""Runs the matrix, or a part of it, and writes the page.

usage: python -m matrix [--pairwise] [--client WORD]... [--broker VERSION]...
                        [--applications] [--resume] [--write | --list]
"""

import argparse
import signal
import sys

from harness.kafka.jars import VERSIONS, fetch
from harness.paths import ROOT
from harness.process import say

from . import applications
from .brokers import Brokers
from .cells import KINDS, pairwise, whole_product
from .clients import all_clients
from .document import document
from .run import Run

BUILD = ROOT / "build" / "matrix"
PAGE = ROOT / "docs" / "interoperability.md"


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the brokers are stopped
    options = arguments()
    BUILD.mkdir(parents=True, exist_ok=True)
    clients = [
        client
        for client in all_clients()
        if not options.client or any(word in client.name for word in options.client)
    ]
    cells = [
        cell
        for cell in whole_product(clients)
        if not options.broker or cell.version in options.broker
    ]
    if options.pairwise:
        cells = pairwise(cells)
    if options.list:
        print("\n".join(map(str, cells)))
        return 0
    for version in VERSIONS:
        fetch(version)
    run = Run(clients, cells, BUILD / f"{options.name}.jsonl", resume=options.resume)
    results = run.run() if cells else []
    ran = run_applications() if options.applications else []
    page = document(clients, results, ran, is_whole=not options.pairwise)
    (BUILD / f"{options.name}.md").write_text(page)
    if options.write:
        PAGE.write_text(page)
    unexplained = [result for result in results if result.is_unexplained]
    for result in unexplained:
        print(f"unexplained: {result.cell}: {result.told}")
    broken = [application for application in ran if application.error]
    for application in broken:
        print(f"unexplained: {application.name}: {application.error}")
    working = sum(not result.error for result in results)
    print(f"{len(results)} cells: {working} work, {len(unexplained)} are not explained")
    return 1 if unexplained or broken else 0


def run_applications():
    logs = BUILD / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with Brokers(applications.BROKER, KINDS) as brokers:
        return list(applications.run_all(brokers, logs))


def arguments():
    parser = argparse.ArgumentParser(prog="matrix", description=__doc__.splitlines()[0])
    parser.add_argument("--pairwise", action="store_true", help="a part in which all pairs meet")
    parser.add_argument("--client", action="append", help="only clients with this in their name")
    parser.add_argument("--broker", action="append", help="only brokers of this version")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument(
        "--applications", action="store_true", help="Streams, Connect, MirrorMaker too"
    )
    parser.add_argument("--resume", action="store_true", help="go on where a run was interrupted")
    parser.add_argument("--list", action="store_true", help="print the cells and run nothing")
    parser.add_argument("--name", default="matrix", help="of the results below build/matrix")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nstopped; nothing is left running")
        sys.exit(130)
