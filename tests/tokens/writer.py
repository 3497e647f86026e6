"""Writes to a store without end, until it is killed.

usage: writer.py URI <STATE

STATE is JSON: seed, now_ms, keys (names, the signing one last), tokens ([owner, HMAC]),
users, and next, a number for new names. Each operation is a line of JSON on standard output before
it begins, and its result one when it is done: what was said to be done must be there afterwards.
"""

import json
import random
import sys
from dataclasses import asdict

from scramtoken import DelegationToken, ScramTokenError, Store, TokenManager

OWNERS = ["User:alice", "User:bob"]
MECHANISM = "SCRAM-SHA-256"


def secret_of(name):
    """What the secret key of that name is."""
    return f"the secret of {name}, long enough"


def say(**what):
    print(json.dumps(what), flush=True)


class Writer:
    def __init__(self, state):
        self.now_ms = state["now_ms"]
        self.rng = random.Random(state["seed"])
        self.keys, self.users, self.next = state["keys"], state["users"], state["next"]
        self.tokens = [tuple(token) for token in state["tokens"]]  # (owner, HMAC)

    def run(self):
        choices = {
            self.create: 30, self.renew: 15, self.expire: 20, self.sweep: 10, self.rotate: 3,
            self.put_user: 15, self.delete_user: 7,
        }  # fmt: skip
        while True:
            self.now_ms += self.rng.choice([0, 1, 1000])
            (operation,) = self.rng.choices(list(choices), list(choices.values()))
            operation()

    def do(self, call, *arguments, **what):
        say(begin=call.__name__, now_ms=self.now_ms, **what)
        try:
            result = call(*arguments)
        except ScramTokenError as error:
            say(failed=error.name)
            return None
        say(done=asdict(result) if isinstance(result, DelegationToken) else result)
        return result

    def new_name(self, kind):
        self.next += 1
        return f"{kind}{self.next}"

    def create(self):
        owner = self.rng.choice(OWNERS)
        token = self.do(self.manager.create, owner, owner=owner)
        self.tokens.append((token.owner, token.hmac))

    def renew(self):
        if self.tokens:
            owner, hmac = self.rng.choice(self.tokens)
            self.do(self.manager.renew, owner, hmac, 60_000, hmac=hmac)

    def expire(self):
        if self.tokens:
            owner, hmac = self.tokens.pop(self.rng.randrange(len(self.tokens)))
            period_ms = self.rng.choice([-1, 0, 500])
            self.do(self.manager.expire, owner, hmac, period_ms, hmac=hmac, period_ms=period_ms)

    def sweep(self):
        self.do(self.manager.sweep)

    def rotate(self):
        name = self.new_name("key")
        self.do(self.manager.add_secret_key, name, secret_of(name), name=name)
        self.manager.set_signing_key(name)
        for old in self.keys:
            self.do(self.manager.remove_secret_key, old, name=old)
        self.keys = [name]

    def put_user(self):
        name = self.new_name("user")
        self.do(self.store.put_user, MECHANISM, name, "a password", name=name)
        self.users.append(name)

    def delete_user(self):
        if self.users:
            name = self.users.pop(self.rng.randrange(len(self.users)))
            self.do(self.store.delete_user, MECHANISM, name, name=name)


def main(uri):
    state = json.load(sys.stdin)
    writer = Writer(state)
    with (
        Store.open(uri) as writer.store,
        TokenManager(
            writer.store,
            {name: secret_of(name) for name in state["keys"]},
            max_lifetime=2**40,  # not reached
            expiry_time=60_000,
            iterations={"SCRAM-SHA-512": 0},  # more operations a second
            clock=lambda: writer.now_ms,
        ) as writer.manager,
    ):
        writer.manager.set_signing_key(state["keys"][-1])
        say(ready=True)
        writer.run()


if __name__ == "__main__":
    main(sys.argv[1])
