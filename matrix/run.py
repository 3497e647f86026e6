"""Runs cells against the brokers of their versions, a few clients side by side."""

import asyncio
import json
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.kafka.properties import USERS
from harness.paths import library
from harness.process import say

from .brokers import OWNER, USER, Brokers
from .cells import PASSWORD, Cell
from .clients import LOGINS
from .reasons import reason_of, reasons_for
from .worker import Worker

RECORDS = 100
LANES = 3  # clients at work at the same time: they wait more than they compute


@dataclass(frozen=True)
class Result:
    cell: Cell
    error: str  # empty where all went well
    seconds: float

    @property
    def reason(self):
        return reason_of(self.cell, self.error) if self.error else None

    @property
    def is_unexplained(self):
        """A failure without a reason, or a reason without a failure."""
        return self.reason is None if self.error else bool(reasons_for(self.cell))

    @property
    def told(self):
        return self.error or f"works, against reason {reasons_for(self.cell)[0]}"

    def as_json(self):
        return json.dumps(
            asdict(self.cell)
            | {"error": self.error, "reason": self.reason, "seconds": round(self.seconds, 2)}
        )

    @classmethod
    def from_json(cls, line):
        fields = json.loads(line)
        error, seconds = fields.pop("error"), fields.pop("seconds")
        del fields["reason"]  # may be known by now
        return cls(Cell(**fields), error, seconds)


class Run:
    """The results are in `results`, and lines of JSON in the file `path`. With `resume` those that
    are there already, of a run that was interrupted, are kept, but for unexplained ones."""

    def __init__(self, clients, cells, path, *, resume=False):
        self._clients = {client.name: client for client in clients}
        self._cells = cells
        self._path = Path(path)
        self._ids = {
            cell: f"{self._clients[cell.client].slug}.{number}" for number, cell in enumerate(cells)
        }
        self._logs = self._path.parent / "logs"
        self.results = self._earlier() if resume else []

    def run(self):
        self._logs.mkdir(parents=True, exist_ok=True)
        self._path.write_text("".join(f"{result.as_json()}\n" for result in self.results))
        done = {result.cell for result in self.results}
        left = [cell for cell in self._cells if cell not in done]
        commands = self._prepare(left)
        by_version = defaultdict(list)
        for cell in left:
            by_version[cell.version].append(cell)
        for version, cells in by_version.items():
            kinds = sorted({cell.kind for cell in cells})
            say(f"Starting Kafka {version}: {', '.join(kinds)}")
            with Brokers(version, kinds) as brokers:
                for kind, broker in brokers.items():
                    broker.create_topics([self._ids[cell] for cell in cells if cell.kind == kind])
                asyncio.run(self._run_all(cells, brokers, commands))
        return self.results

    async def _run_all(self, cells, brokers, commands):
        by_process = defaultdict(list)
        for cell in cells:
            by_process[self._clients[cell.client].process].append(cell)
        # JVMs take the processors longest: they come when others have gone.
        waiting = list(by_process.items())

        async def lane():
            while waiting:
                name, own = waiting.pop()
                environment = {"SCRAMTOKEN_LIBRARY": str(library())}
                worker = Worker(commands[name], self._logs / f"{name}.log", environment)
                try:
                    for cell in own:
                        await self._run_cell(cell, brokers[cell.kind], worker)
                finally:
                    worker.stop()

        await asyncio.gather(*(lane() for _ in range(LANES)))

    def _earlier(self):
        if not self._path.exists():
            return []
        results = map(Result.from_json, self._path.read_text().splitlines())
        wanted = set(self._cells)
        return [r for r in results if r.cell in wanted and not r.is_unexplained]

    def _prepare(self, cells):
        """The commands of their workers, by name; what they are is built first."""
        commands = {}
        for name in dict.fromkeys(cell.client for cell in cells):
            client = self._clients[name]
            if client.process not in commands:
                say(f"Preparing {client.version()}")
                commands[client.process] = client.command()
        return commands

    async def _run_cell(self, cell, broker, worker):
        started = time.monotonic()
        name, secret = broker.token.id, broker.token.hmac
        if cell.credential == PASSWORD:
            name, secret = USER, USERS[USER]
        error = await worker.ask(
            self._ids[cell],
            RECORDS,
            broker.kafka.bootstrap(cell.transport),
            cell.transport,
            broker.kafka.authority.pem,
            cell.mechanism,
            LOGINS[cell.credential],
            name,
            secret,
            broker.source.path,
            self._clients[cell.client].traffic,
        )
        if error is None:
            error = await self._wrong_principal(cell, broker)
        result = Result(cell, error, time.monotonic() - started)
        self.results.append(result)
        with open(self._path, "a") as file:
            print(result.as_json(), file=file)
        say(f"{len(self.results):5}/{len(self._cells)}  {_verdict(result)}")

    async def _wrong_principal(self, cell, broker):
        """What is wrong with whom the broker took the client for."""
        expected = f"User:{USER if cell.credential == PASSWORD else OWNER}"
        find = asyncio.get_running_loop().run_in_executor
        principals = await find(None, broker.principals, self._ids[cell])
        if principals == {expected}:
            return ""
        return f"the broker's request log has {sorted(principals)} in place of {expected}"


def _verdict(result):
    verdict = f"{result.cell}: {'FAILED' if result.error else 'ok'}, {result.seconds:.1f} s"
    if result.is_unexplained:
        return f"{verdict}, UNEXPLAINED: {result.told}"
    return f"{verdict}, reason {result.reason}" if result.error else verdict
