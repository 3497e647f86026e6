"""A worker: a process that can time some things, and does so when it is asked.

It checks what it has, and writes a line of JSON for each thing that it can time (benchmark,
subject, mechanism, version), and an empty one. Then it waits for lines of a thing's number and of
milliseconds, does the thing for about so long on the clock of its thread's processor time, and
answers with the microseconds that one took. So turns can be mixed, whatever the language.
"""

import json
import subprocess

from harness.process import start, stop


class Worker:
    def __init__(self, argv, **options):
        self._argv = argv
        self._process = start(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def things(self):
        """What it can time, in the order of their numbers."""
        things = []
        for line in self._process.stdout:
            if line == "\n":
                return things
            things.append(json.loads(line))
        self._fail()

    def time(self, number, milliseconds):
        self._process.stdin.write(f"{number} {milliseconds}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._fail()
        return float(line)

    def stop(self):
        stop(self._process)

    def _fail(self):
        self._process.wait()
        raise RuntimeError(f"{self._argv[0]} ended:\n{self._process.stderr.read()}")
