"""Load on a connection while something happens to it."""

import time

from confluent_kafka import Consumer, Producer

from harness.background import Background

# The sessions of brokers that have short ones.
REAUTHENTICATION_MS = 3000


class Traffic(Background):
    """A producer that never stops, and what went wrong with it."""

    def __init__(self, conf, name, pause=0.005):
        self.errors, self.failed, self.sent = [], [], 0
        conf = conf | {"enable.idempotence": True, "error_cb": self.errors.append}
        self._producer = Producer(conf)
        self._name, self._pause = name, pause
        super().__init__()

    def _run(self):
        while not self._stop.is_set():
            self._producer.produce(
                self._name, b"%d" % self.sent, on_delivery=lambda e, _: e and self.failed.append(e)
            )
            self.sent += 1
            self._producer.poll(self._pause)
        assert self._producer.flush(60) == 0


class Group:
    """A consumer for a `with` block; it counts how often its group took its partitions from it."""

    def __init__(self, conf, name, group=None):
        self.values, self.taken = [], 0
        conf = conf | {"group.id": group or name, "auto.offset.reset": "earliest"}
        self.consumer = Consumer(conf)
        self.consumer.subscribe([name], on_revoke=self._take, on_lost=self._take)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Left to Python's garbage collector, which may run in any thread, closing can deadlock.
        self.consumer.close()

    def poll(self, seconds):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self.consumer.poll(left)
            if message is not None and not message.error():
                self.values.append(int(message.value()))

    def _take(self, *_):
        self.taken += 1


class Gaps(Background):
    """Polls a group for a `with` block: how many seconds it got nothing, at most."""

    def __init__(self, group):
        self.longest = 0
        self._group = group
        super().__init__()

    def _run(self):
        last = time.monotonic()
        while not self._stop.is_set():
            before = len(self._group.values)
            self._group.poll(0.2)
            if len(self._group.values) > before:
                self.longest = max(self.longest, time.monotonic() - last)
                last = time.monotonic()
