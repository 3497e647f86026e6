"""A real Kafka cluster in KRaft mode for the length of a `with` block."""

import base64
import os
import secrets
import select
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness import process

from . import jars, properties
from .admin import AdminClient, KafkaError
from .ca import CertificateAuthority
from .ports import Ports
from .properties import ADMIN, LISTENERS, SCRAM_MECHANISMS, USERS

ITERATIONS = 4096  # Kafka's minimum
_SETTLE_SECONDS = 30
_TRIES = 3  # to find ports that nobody takes before the nodes listen
_RUNS = jars.CACHE / "run"  # one directory for each cluster, removed with it
# A JVM that compiles little starts fast; a test that measures passes its own flags.
JVM_ARGS = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# For an administrator of a cluster that is slow to start.
PATIENT_CLIENT = {"default.api.timeout.ms": 120000, "request.timeout.ms": 60000}


@dataclass(frozen=True)
class Token:
    """A delegation token; the HMAC is its base64 text, times are ms since 1970."""

    id: str
    hmac: str = field(repr=False)
    owner: str
    expiry_ms: int
    max_ms: int


class PortTaken(RuntimeError):
    """Somebody took a node's port between choosing and listening."""


class KafkaBroker:
    """A cluster of `nodes` combined brokers and controllers on loopback.

    with KafkaBroker("4.4.0") as broker:
        token = broker.create_token("User:alice")
        host, port = broker.address("SASL_SSL")

    The users are properties.USERS, in every mechanism. `extra_properties` go to every node's
    server.properties and win over what is there, those of `node_properties` to single nodes, by
    number; `classpath_extra` are jars or directories put
    before Kafka's own; `jvm_args` replace the flags that make a JVM start fast; `java` is the
    path of another JVM for the nodes.
    """

    # On a machine that compiles meanwhile, too.
    ready_seconds = 90
    # What the administrator's configuration has beside properties.admin.
    admin_properties = {}

    def __init__(
        self,
        version="4.4.0",
        *,
        nodes=1,
        host="127.0.0.1",
        mechanisms=SCRAM_MECHANISMS,
        extra_properties=None,
        node_properties=None,
        classpath_extra=(),
        jvm_args=JVM_ARGS,
        java=None,
    ):
        self.version = version
        self.java = java or process.java_command()
        self.host = host
        self.mechanisms = tuple(mechanisms)
        self._extra_properties = dict(extra_properties or {})
        self._node_extra = dict(node_properties or {})
        self._classpath_extra = [str(path) for path in classpath_extra]
        self._jvm_args = list(jvm_args)
        self._nodes = range(1, nodes + 1)
        self._secret_key = secrets.token_urlsafe(32)
        self._processes = {}
        self._admin = None
        self._choose_ports()

    # ---- start and stop ----

    def __enter__(self):
        classpath = jars.broker_classpath(self.version)
        _RUNS.mkdir(parents=True, exist_ok=True)
        _remove_runs_of_the_dead()
        for tries_left in reversed(range(_TRIES)):
            self.directory = _RUNS / f"{os.getpid()}-{secrets.token_hex(4)}"
            self.directory.mkdir(mode=0o700)
            try:
                self._begin(classpath)
                return self
            except BaseException as error:
                taken = isinstance(error, PortTaken) and tries_left > 0
                self._end(is_failure=isinstance(error, Exception) and not taken)  # not Ctrl-C
                if not taken:
                    raise
            process.say(f"Kafka {self.version}: a port was taken meanwhile; starting on others")
            self._choose_ports()

    def __exit__(self, kind, error, traceback):
        self._end(is_failure=kind is not None and issubclass(kind, Exception))

    def _begin(self, classpath):
        self.authority = CertificateAuthority(self.directory)
        self.admin_config = properties.write(
            self.directory / "admin.properties",
            properties.admin(self.bootstrap(), self.authority) | self.admin_properties,
        )
        # The client's JVM starts while the nodes do.
        self._admin = AdminClient(classpath, self.admin_config, self.directory / "admin.log")
        self._format()
        for number in self._nodes:
            self.start_node(number)
        self.wait_until_ready()

    def _end(self, is_failure):
        for number in list(self._processes):
            self.stop_node(number)
        if self._admin:
            self._admin.stop()
            self._admin = None
        if is_failure:
            process.say(self.log()[-8000:])
        shutil.rmtree(self.directory, ignore_errors=True)
        for held in self._held:
            held.release()

    def _choose_ports(self):
        self._held = [Ports(self.host, (*LISTENERS, "CONTROLLER")) for _ in self._nodes]
        self._ports = {
            number: held.numbers for number, held in zip(self._nodes, self._held, strict=True)
        }

    def start_node(self, number=1):
        """Starts a node that was stopped; `wait_until_ready` afterwards."""
        with open(self._node_directory(number) / "node.log", "ab") as log:
            self._processes[number] = process.start(
                self._node_command(number, self._jvm_args, "kafka.Kafka", self._config(number)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop_node(self, number=1):
        """Kills a node at once, as a power cut would."""
        process.stop(self._processes.pop(number))

    def shut_down_node(self, number=1):
        """Ends a node as an operator does: it hands over what it leads, and says goodbye."""
        node = self._processes[number]
        node.terminate()
        node.wait(self.ready_seconds)
        self.stop_node(number)

    def restart_node(self, number, changes):
        """Restarts a node with these properties changed from what the cluster began with."""
        self.stop_node(number)
        properties.write(self._config(number), self._node_properties(number) | changes)
        self.start_node(number)
        self.wait_until_ready()

    def wait_until_ready(self):
        """Returns when every running node is in the cluster and takes logins."""
        deadline = time.monotonic() + self.ready_seconds
        self._admin.send("ready", len(self._processes))
        while not select.select([self._admin], [], [], 0.1)[0]:
            for number, node in self._processes.items():
                if node.poll() is not None:
                    ended = f"Kafka {self.version} node {number} ended"
                    if "Address already in use" in self.log():
                        raise PortTaken(ended)
                    raise RuntimeError(f"{ended}: see its log")
            if time.monotonic() > deadline:
                raise TimeoutError(f"Kafka {self.version} not ready after {self.ready_seconds} s")
        self._admin.receive()
        # One that was restarted at once is in the cluster still, although it does not listen yet.
        while not all(self._listens(number) for number in self._processes):
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"Kafka {self.version} not listening after {self.ready_seconds} s"
                )
            time.sleep(0.1)
        self.wait_for_login(ADMIN, USERS[ADMIN])

    # ---- where it is, what it says ----

    def address(self, listener="SASL_PLAINTEXT", node=1):
        """Host and port of a listener of one node."""
        return self.host, self._ports[node][listener]

    def bootstrap(self, listener="SASL_PLAINTEXT"):
        """host:port of a listener of every node, comma-separated."""
        return ",".join(self._authority(listener, node) for node in self._ports)

    def log(self):
        """What all nodes and the admin client have logged so far."""
        files = [*sorted(self.directory.glob("node*/*.log")), self.directory / "admin.log"]
        return "".join(
            f"---- {file.relative_to(self.directory)}\n{file.read_text(errors='replace')}"
            for file in files
            if file.exists()
        )

    # ---- users and tokens, by Kafka's own admin client ----

    def login(
        self,
        name,
        password,
        *,
        token=False,
        mechanism="SCRAM-SHA-512",
        listener="SASL_PLAINTEXT",
        node=1,
    ):
        """Logs in with Kafka's own client, or raises KafkaError."""
        bootstrap = self._authority(listener, node)
        is_token = str(token).lower()
        self._admin.request("login", bootstrap, listener, mechanism, name, password, is_token)

    def add_user(self, name, password, mechanisms=SCRAM_MECHANISMS, iterations=ITERATIONS):
        """Adds a user that every node knows when this returns."""
        for mechanism in mechanisms:
            self._admin.request("add-user", name, mechanism, password, iterations)
            self.wait_for_login(name, password, mechanism=mechanism)

    def create_token(self, owner="User:alice", max_lifetime_ms=-1, renewers=("User:admin",)):
        """A token that the administrator creates for `owner` (KIP-373) and every node knows.

        A lifetime of -1 is the broker's longest. Give it a second at least: Kafka's client keeps
        trying for 15 s when a token has already expired.
        """
        fields = self._admin.request("create-token", owner, max_lifetime_ms, ",".join(renewers))
        token_id, hmac, expiry_ms, max_ms = fields
        self.wait_for_login(token_id, hmac, token=True)
        return Token(token_id, hmac, owner, int(expiry_ms), int(max_ms))

    def expire_token(self, token):
        """Removes a token at once, from every node; the administrator must be a renewer."""
        self._admin.request("expire-token", token.hmac, -1)
        self.wait_for_login(token.id, token.hmac, token=True, accepted=False)

    def allow(self, principal, operation, kind, name, *, allowed=True):
        """Adds an ACL for a resource, such as ("TOPIC", "greetings"), or removes it.

        The nodes act on it only after Kafka has acknowledged it.
        """
        self._admin.request("may", principal, operation, kind, name, str(allowed).lower())

    def wait_for_login(self, name, password, *, accepted=True, **how):
        """Returns when every node takes this login, or refuses it; `how` is as for `login`.

        Nodes learn of a change only after Kafka has acknowledged it.
        """
        deadline = time.monotonic() + _SETTLE_SECONDS
        for node in self._processes:
            while self._accepts(name, password, node=node, **how) != accepted:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"node {node} has not learned of the change to {name}")

    # ---- helpers ----

    def _accepts(self, name, password, **how):
        try:
            self.login(name, password, **how)
        except KafkaError as error:
            # An expired token is let in, and cut off at the first request.
            return error.name != "SaslAuthenticationException"
        return True

    def _format(self):
        """Writes every node's configuration and formats its directory, all nodes at once."""
        cluster_id = base64.urlsafe_b64encode(b"k" + secrets.token_bytes(15)).decode().rstrip("=")
        users = []
        for mechanism in SCRAM_MECHANISMS:
            for name, password in USERS.items():
                users += ["--add-scram", f"{mechanism}=[name={name},password={password}]"]
        tools = []
        for number in self._ports:
            directory = self._node_directory(number)
            directory.mkdir()
            self._install(number)
            properties.write(self._config(number), self._node_properties(number))
            with open(directory / "format.log", "wb") as log:
                format_data = ["kafka.tools.StorageTool", "format", "-t", cluster_id]
                argv = self._node_command(number, JVM_ARGS, *format_data)
                argv += ["-c", self._config(number), *users]
                tools.append(
                    process.start(
                        argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
                    )
                )
        failed = [tool for tool in tools if tool.wait() != 0]
        for tool in tools:
            process.stop(tool)
        if failed:
            raise RuntimeError(f"Kafka {self.version}: StorageTool could not format a node's data")

    def _listens(self, number):
        for listener in LISTENERS:
            try:
                socket.create_connection(self.address(listener, number), timeout=1).close()
            except OSError:
                return False
        return True

    def _node_properties(self, number):
        node = properties.node(
            number,
            self._ports,
            self.host,
            self._node_directory(number),
            self.authority,
            self._secret_key,
            self.mechanisms,
        )
        return node | self._extra_properties | self._node_extra.get(number, {})

    def _authority(self, listener, node):
        host, port = self.address(listener, node)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _install(self, number):
        """Puts what a node runs into its directory: here nothing, its jars are where they are."""

    def _classpath(self, number):
        """The jars of one node, which come after those of `classpath_extra`."""
        return jars.broker_classpath(self.version)

    def _node_command(self, number, jvm_args, *program):
        classpath = [*self._classpath_extra, self._classpath(number)]
        return [self.java, *jvm_args, "-cp", os.pathsep.join(classpath), *program]

    def _node_directory(self, number):
        return self.directory / f"node{number}"

    def _config(self, number):
        return self._node_directory(number) / "server.properties"


def _remove_runs_of_the_dead():
    """Removes what killed processes could not."""
    for run in _RUNS.iterdir():
        pid = run.name.split("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(run, ignore_errors=True)
