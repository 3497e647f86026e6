"""Programs that speak SASL on their standard streams: messages are lines of base64."""

import os
import re
import select
import subprocess
import time
from base64 import b64decode, b64encode

from harness.process import start, stop

_PATIENCE_S = 30
_MESSAGE = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")  # longer than what people read


class Ended(Exception):
    """The program has ended; the text is what it has said."""


class LineProgram:
    """One side of one login; a context manager.

    A line with a message begins with `theirs` and ends with the base64; one for the program begins
    with `ours`. Whatever else it says is for people.
    """

    def __init__(self, argv, *, ours="", theirs="", environment):
        self._ours, self._theirs = ours, theirs.encode()
        self._said, self._at = b"", 0
        self._process = start(
            ["stdbuf", "--output=L", *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self._process)

    def send(self, message):
        self.say(self._ours + b64encode(message).decode())

    def answer(self, message):
        """Its answer to a message."""
        self.send(message)
        return self.receive()

    def say(self, line):
        """A line that need not be a message."""
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and whoever waits for it finds out why

    def receive(self):
        """The next message."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            while (newline := self._said.find(b"\n", self._at)) >= 0:
                line = self._said[self._at : newline]
                self._at = newline + 1
                if line.startswith(self._theirs) and line.strip():
                    word = line.split()[-1]
                    if _MESSAGE.fullmatch(word):
                        return b64decode(word)
            self._listen(deadline)

    def wait_for(self, text):
        """Returns once it has said this."""
        deadline = time.monotonic() + _PATIENCE_S
        while text.encode() not in self._said:
            self._listen(deadline)

    def _listen(self, deadline):
        patience = max(0, deadline - time.monotonic())
        if not select.select([self._process.stdout], [], [], patience)[0]:
            raise TimeoutError(self._said)
        more = os.read(self._process.stdout.fileno(), 65536)
        if not more:
            raise Ended(self._said.decode(errors="replace"))
        self._said += more
