"""Starts a broker, makes a user and tokens, runs every row and stops the broker again."""

import signal
import sys
import time
from dataclasses import replace

from harness.jvm.jar import JAR, broker_jaas, on_listeners
from harness.kafka.broker import KafkaBroker
from harness.kafka.jars import fetch
from harness.process import say

from .rows import all_rows
from .scene import set_scene
from .table import Table

VERSION = "4.4.0"
ON_LIBSCRAMTOKEN = {
    "extra_properties": on_listeners(broker_jaas(implicitTokens="true")),
    "classpath_extra": [JAR],
}


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the broker is stopped
    fetch(VERSION)
    say(f"Starting a Kafka {VERSION} broker, and one whose logins libscramtoken judges")
    started = time.monotonic()
    with KafkaBroker(VERSION) as broker, KafkaBroker(VERSION, **ON_LIBSCRAMTOKEN) as ours:
        say(f"  up after {time.monotonic() - started:.1f} s at {broker.bootstrap()}")
        scene = replace(set_scene(broker), on_libscramtoken=set_scene(ours))
        rows = list(all_rows(scene))
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
