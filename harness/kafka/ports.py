"""Ports for servers that are told where to listen, and listen there some seconds later.

Between choosing a port and listening on it anybody may take it: a client's connection, another
server, another run of the tests. So chosen ports lie below the range from which the kernel gives
ports to clients, and belong to the process that chose them until it ends or releases them: no other
run of the tests chooses them. Whoever else takes one is met by starting anew (KafkaBroker does).
"""

import random
import socket


class Ports:
    """As many free ports of a host as there are names, by name; held until `release`."""

    def __init__(self, host, names):
        self._locks = []
        self.numbers = {}
        for name in names:
            self.numbers[name] = self._take(host)

    def release(self):
        for lock in self._locks:
            lock.close()
        self._locks.clear()

    def _take(self, host):
        while True:
            port = random.randrange(20000, 32000)
            # A name that belongs to one process of the machine, and goes with it.
            lock = socket.socket(socket.AF_UNIX)
            try:
                lock.bind(f"\0scramtoken-tests-port-{port}")
                _check_free(host, port)
            except OSError:
                lock.close()
                continue
            self._locks.append(lock)
            return port


def _check_free(host, port):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, port))


def free_port(host="127.0.0.1"):
    """One port, which belongs to this process until it ends."""
    ports = Ports(host, ["port"])
    _KEPT.append(ports)
    return ports.numbers["port"]


_KEPT = []
