"""A client's process, which does one cell after the other.

A request is a line on its standard input, fields separated by tabs:

    client id (topic and group, too), records, bootstrap, transport, ca.pem, mechanism, login,
    name, secret, token file, traffic

`login` is `plain` (name and secret as user name and password), `tokenauth` (a token, the way that
the client has by itself) or `scramtoken` (by libscramtoken, with the token file). `traffic` is
`plain`, and for Java `idempotent` or `transactional` besides. The worker sends as many records as
asked for, consumes them, and answers with a line: `ok`, or `error`, a tab and why. Other lines on
its standard output are ignored.
"""

import asyncio
import os
import subprocess

from harness import process

SECONDS = 200  # for a cell, on a machine with other work; clients give up before


class Worker:
    def __init__(self, argv, log, environment):
        self._argv, self._log, self._environment = argv, log, environment
        self._process = None

    async def ask(self, *fields):
        """What went wrong, or None. A worker that has hung or ended is replaced by a new one."""
        if self._process is None:
            self._start()
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(None, self._ask, "\t".join(map(str, fields)) + "\n")
        try:
            answer = await asyncio.wait_for(asyncio.shield(asked), SECONDS)
        except asyncio.TimeoutError:
            self.stop()
            await asked
            return f"no answer within {SECONDS} s"
        if answer is None:
            self.stop()
            return f"the client ended: {self._last_words()}"
        word, _, text = answer.partition("\t")
        return None if word == "ok" else text or "an error without a text"

    def stop(self):
        if self._process is not None:
            process.stop(self._process)
            self._process = None

    def _start(self):
        with open(self._log, "ab") as log:
            self._process = process.start(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | self._environment,
            )

    def _ask(self, line):
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
            for answer in self._process.stdout:
                text = answer.decode(errors="replace").rstrip("\n")
                if text == "ok" or text.startswith("error\t"):
                    return text
        except (OSError, ValueError, AttributeError):  # it was stopped meanwhile
            pass
        return None

    def _last_words(self):
        lines = self._log.read_text(errors="replace").splitlines()
        return " ".join(lines[-3:])[-500:]
