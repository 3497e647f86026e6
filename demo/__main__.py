"""Starts a broker, makes a user and tokens, runs every row and stops the broker again."""

import signal
import sys
import time

from tests.kafka.broker import KafkaBroker
from tests.kafka.jars import fetch
from tests.kafka.process import say

from .rows import all_rows
from .scene import set_scene
from .table import Table

VERSION = "4.4.0"


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the broker is stopped
    fetch(VERSION)
    say(f"Starting a Kafka {VERSION} broker")
    started = time.monotonic()
    with KafkaBroker(VERSION) as broker:
        say(f"  up after {time.monotonic() - started:.1f} s at {broker.bootstrap()}")
        rows = list(all_rows(set_scene(broker)))
        table = Table(rows)
        for row in rows:
            table.run(row)
    print(table.summary())
    return 1 if table.wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nstopped; nothing is left running")
        sys.exit(130)
