"""The worker in Python: kafka-python's and aiokafka's own clients, which hash at each login, and
the package scramtoken. The protocol is in worker.py."""

import importlib.metadata
import json
import sys
import time
from functools import partial

from aiokafka.conn import ScramAuthenticator
from kafka.net.sasl.scram import ScramClient

import scramtoken

MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
USER, PASSWORD = "alice", "correct horse battery staple"
SALT, ITERATIONS = b"sixteen bytes...", 4096
# So many logins wait at a time, while their other side computes off the clock.
AT_A_TIME = 16


class KafkaPython:
    """A login by kafka-python."""

    def __init__(self, mechanism):
        self._client = ScramClient(USER, PASSWORD, mechanism)

    def first(self):
        return self._client.first_message()

    def last(self, challenge):
        self._client.process_server_first_message(challenge)
        return self._client.final_message()

    def end(self, signature):
        self._client.process_server_final_message(signature)


class Aiokafka:
    """A login by aiokafka."""

    def __init__(self, mechanism):
        self._steps = ScramAuthenticator(
            loop=None,
            sasl_plain_password=PASSWORD,
            sasl_plain_username=USER,
            sasl_mechanism=mechanism,
        ).authenticator_scram()

    def first(self):
        return next(self._steps)[0]

    def last(self, challenge):
        return self._steps.send(challenge)[0]

    def end(self, signature):
        try:
            self._steps.send(signature)
        except StopIteration:
            return
        raise RuntimeError("aiokafka wants to go on")


class Ours:
    """A login by the package, cold or with a cache."""

    def __init__(self, mechanism, key_cache=None, password=PASSWORD):
        self._client = scramtoken.Client(
            mechanism, username=USER, password=password, key_cache=key_cache
        )

    def first(self):
        return self._client.step()

    def last(self, challenge):
        return self._client.step(challenge)

    def end(self, signature):
        self._client.step(signature)
        self._client.close()


class Listener:
    """Servers that know one user: those of a client that is timed, and those that are timed."""

    def __init__(self, mechanism):
        self.mechanism = mechanism
        self.config = scramtoken.ServerConfig()
        self.credential = scramtoken.derive(mechanism, PASSWORD, SALT, ITERATIONS)

    def challenge(self, first):
        server = scramtoken.Server(self.config, self.mechanism)
        server.step(first)
        if server.identity[0] != USER:
            raise RuntimeError("somebody else")
        server.supply_user(self.credential)
        return server, server.step()

    @staticmethod
    def finish(server, last):
        signature = server.step(last)
        if not server.verdict or server.verdict.name != USER:
            raise RuntimeError("not logged in")
        server.close()
        return signature


def main():
    lines = []
    for mechanism in MECHANISMS:
        listener, cache = Listener(mechanism), scramtoken.KeyCache(2)
        check_server(listener)
        for benchmark, subject, package, work in [
            ("server", "scramtoken, Python", "scramtoken", partial(time_servers, listener, cache)),
            client("client, cold", "scramtoken, Python", listener, partial(Ours, mechanism)),
            client("client, warm", "scramtoken, Python", listener, partial(Ours, mechanism, cache)),
            client("client, cold", "kafka-python", listener, partial(KafkaPython, mechanism)),
            client("client, cold", "aiokafka", listener, partial(Aiokafka, mechanism)),
        ]:
            line = {
                "benchmark": benchmark,
                "subject": subject,
                "mechanism": mechanism,
                "version": version(package),
            }
            lines.append((line, work))
    for line, _ in lines:
        print(json.dumps(line))
    print(flush=True)
    for request in sys.stdin:
        which, milliseconds = map(int, request.split())
        print(f"{lines[which][1](milliseconds):.6f}", flush=True)


def version(package):
    if package == "scramtoken":
        return scramtoken.__version__
    return importlib.metadata.version(package)


def client(benchmark, subject, listener, new):
    """A line of it, once a good server is believed and one with other keys is not."""
    time_clients(listener, new, 0)
    login = new()
    _, challenge = listener.challenge(login.first())
    login.last(challenge)
    try:
        login.end(b"v=" + (b"A" * 43 + b"=" if "256" in listener.mechanism else b"A" * 86 + b"=="))
    except (ValueError, scramtoken.ScramTokenError):
        package = "scramtoken" if subject.startswith("scramtoken") else subject
        return benchmark, subject, package, partial(time_clients, listener, new)
    raise RuntimeError(f"{subject} believes anybody")


def check_server(listener):
    """A wrong password is refused."""
    login = Ours(listener.mechanism, password="wrong")
    server, challenge = listener.challenge(login.first())
    try:
        server.step(login.last(challenge))
    except scramtoken.AuthenticationError:
        return
    raise RuntimeError("a wrong password was accepted")


def time_servers(listener, cache, milliseconds):
    elapsed = done = 0
    while not done or elapsed < milliseconds * 1e6:
        clients = [Ours(listener.mechanism, cache) for _ in range(AT_A_TIME)]
        firsts = [login.first() for login in clients]
        start = time.thread_time_ns()
        challenged = [listener.challenge(first) for first in firsts]
        elapsed += time.thread_time_ns() - start
        lasts = [login.last(challenge) for login, (_, challenge) in zip(clients, challenged)]
        start = time.thread_time_ns()
        signatures = [listener.finish(server, last) for (server, _), last in zip(challenged, lasts)]
        elapsed += time.thread_time_ns() - start
        for login, signature in zip(clients, signatures):
            login.end(signature)
        done += AT_A_TIME
    return elapsed / 1e3 / done


def time_clients(listener, new, milliseconds):
    elapsed = done = 0
    number = 1  # what hashes takes milliseconds each: fewer at a time
    while not done or elapsed < milliseconds * 1e6:
        start = time.thread_time_ns()
        logins = [new() for _ in range(number)]
        firsts = [login.first() for login in logins]
        batch = time.thread_time_ns() - start
        challenged = [listener.challenge(first) for first in firsts]
        start = time.thread_time_ns()
        lasts = [login.last(challenge) for login, (_, challenge) in zip(logins, challenged)]
        batch += time.thread_time_ns() - start
        signatures = [listener.finish(server, last) for (server, _), last in zip(challenged, lasts)]
        start = time.thread_time_ns()
        for login, signature in zip(logins, signatures):
            login.end(signature)
        del logins
        batch += time.thread_time_ns() - start
        elapsed += batch
        done += number
        if batch < 1e6:
            number = AT_A_TIME
    return elapsed / 1e3 / done


if __name__ == "__main__":
    main()
