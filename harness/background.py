"""Something that goes on beside a test."""

import threading


class Background:
    """Runs `_run` in a thread for the length of a `with` block; it returns once `_stop` is set."""

    def __init__(self):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
