"""`scramtoken agent` as a process, with a configuration of its own directory."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request

from harness import process
from harness.kafka.cli import PROGRAM, client_config
from harness.kafka.ports import free_port
from harness.kafka.properties import ADMIN, USERS


class Agent:
    """Start it by `start`; it is stopped with its `with` block.

    `tokens` is the TOML below the first lines; `{dir}` in it stands for the directory.
    """

    def __init__(self, directory, servers, tokens, *, top="", environment=None):
        self.directory = directory
        self.config = directory / "agent.toml"
        self.log_file = directory / "agent.log"
        self.journal = directory / "journal.json"
        self.admin = directory / "admin.properties"
        self.address = f"127.0.0.1:{free_port()}"
        self.environment = environment or {}
        self._servers = servers
        self._top = top
        self._process = None
        client_config(self.admin, ADMIN, USERS[ADMIN])
        self.configure(tokens)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process:
            process.stop(self._process)

    def configure(self, tokens):
        self.config.write_text(
            f'command_config = "{self.admin}"\n'
            f'bootstrap_servers = "{self._servers}"\n'
            + (f'journal = "{self.journal}"\n' if self.journal else "")
            + f'listen = "{self.address}"\n'
            f"{self._top}\n" + tokens.replace("{dir}", str(self.directory))
        )

    def start(self, *prefix):
        with open(self.log_file, "ab") as log:
            self._process = process.start(
                [*prefix, PROGRAM, "agent", "--config", self.config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
            )
        return self

    def once(self, *options):
        return self.run("agent", "--config", self.config, "--once", *options)

    def run(self, *arguments, timeout=120):
        return subprocess.run(
            [str(word) for word in (PROGRAM, *arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=os.environ | self.environment,
        )

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        """As a power cut would."""
        process.stop(self._process)

    def send(self, number):
        self._process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """The exit code, after a signal."""
        self.send(number)
        try:
            return self._process.wait(timeout=30)
        finally:
            process.stop(self._process)

    def get(self, path):
        """Status code and body of a page."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def status(self):
        code, body = self.get("/status")
        assert code == 200
        return json.loads(body)

    def token(self, name="test"):
        return next(token for token in self.status()["tokens"] if token["name"] == name)

    def wait_until_ready(self, seconds=30):
        wait = ["agent", "wait", "--address", self.address, "--timeout", f"{seconds}s"]
        done = self.run(*wait, timeout=seconds + 30)
        assert done.returncode == 0, done.stderr + self.log()

    def log(self):
        return self.log_file.read_text() if self.log_file.exists() else ""

    def held(self, file="token.json"):
        """The token in a token file."""
        return json.loads((self.directory / file).read_text())


def wait_for(what, seconds=20):
    """What the function returns, once that is true."""
    deadline = time.monotonic() + seconds
    while not (result := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} is still {result!r} after {seconds} s")
        time.sleep(0.05)
    return result
