"""Load on a connection while something happens to it."""

import threading

from confluent_kafka import Producer

# The sessions of brokers that have short ones.
REAUTHENTICATION_MS = 3000


class Traffic:
    """A producer that never stops, and what went wrong with it."""

    def __init__(self, conf, name):
        self.errors, self.failed, self.sent = [], [], 0
        conf = conf | {"enable.idempotence": True, "error_cb": self.errors.append}
        self._producer = Producer(conf)
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.is_set():
            self._producer.produce(
                self._name, b"%d" % self.sent, on_delivery=lambda e, _: e and self.failed.append(e)
            )
            self.sent += 1
            self._producer.poll(0.005)
        assert self._producer.flush(60) == 0
