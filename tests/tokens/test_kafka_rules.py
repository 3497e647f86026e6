"""Random operations on our token manager and on Kafka's own, step by step.

Both must answer the same: error codes, expiries, max timestamps, and who sees which token. Where we
differ on purpose, `differs_*` says so, and nothing else may differ.
"""

import os
import random
from dataclasses import replace

import pytest

from scramtoken import Identity, ScramTokenError, Store, TokenManager

from . import kafka

NAMES = [f"User:{name}" for name in ("alice", "bob", "carol", "dave", "zoë: 1")]
OTHER_TYPES = ["Group:alice", "user:alice", "ServiceAccount:x"]
SECRET = "a secret key of the tests"
MAX_MS = 2**63 - 1
DAY_MS = 24 * 60 * 60 * 1000
# KafkaApis' and the controller's codes are ours, negated and moved by 1000.
KAFKA_CODES = range(-1067, -1060)
INVALID_PRINCIPAL_TYPE = 67


@pytest.mark.parametrize(
    "operations", [3000, pytest.param(100_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
def test_random_operations(operations):
    seed = int(os.environ.get("SCRAMTOKEN_SEED", random.SystemRandom().getrandbits(32)))
    print(f"SCRAMTOKEN_SEED={seed} repeats these operations")
    with kafka.KafkaManager() as theirs:
        rng = random.Random(seed)
        done = Seen()
        Run(rng, theirs, done, has_key=False).run(operations // 10)
        while done.operations < operations:
            Run(rng, theirs, done).run(rng.choice([50, 200, 600]))
    print(done)
    done.check()


class Seen:
    """What came up: a comparison of nothing shows nothing."""

    def __init__(self):
        self.operations = 0
        self.outcomes = {}
        self.saturated = 0
        self.other_types = 0

    def count(self, operation, outcome):
        self.operations += 1
        key = operation, outcome
        self.outcomes[key] = self.outcomes.get(key, 0) + 1

    def check(self):
        expected = {
            "create": {0, 61, 64, 65, 67},
            "renew": {0, 61, 62, 63, 64, 66},
            "expire": {0, 61, 62, 63, 64, 66},
            "describe": {0, 61, 64},
            "sweep": {0, 61},
        }
        for operation, codes in expected.items():
            assert {code for name, code in self.outcomes if name == operation} == codes
        assert self.saturated and self.other_types

    def __str__(self):
        return f"{self.outcomes}, {self.saturated=}, {self.other_types=}"


class Run:
    """A store without tokens, its manager, and Kafka's with the same settings."""

    def __init__(self, rng, theirs, seen, has_key=True):
        self.rng, self.theirs, self.seen = rng, theirs, seen
        self.now_ms = rng.choice([0, 1_700_000_000_000, MAX_MS - 30 * DAY_MS])
        self.max_lifetime_ms = rng.choice([1, 1000, 7 * DAY_MS, MAX_MS])
        self.expiry_time_ms = rng.choice([1, 600, DAY_MS, 30 * DAY_MS, MAX_MS])
        self.has_key = has_key
        self.allowed = set()
        self.pairs = []  # (our token, theirs), ended ones too

    def run(self, operations):
        choices = {
            self.create: 25, self.renew: 20, self.expire: 20, self.describe: 15, self.sweep: 5
        }  # fmt: skip
        chosen = self.rng.choices(list(choices), list(choices.values()), k=operations)
        secret = SECRET if self.has_key else ""
        self.theirs.begin(secret, self.max_lifetime_ms, self.expiry_time_ms)
        with (
            Store.open("memory:") as store,
            TokenManager(
                store,
                {"key": SECRET} if self.has_key else {},
                max_lifetime=self.max_lifetime_ms,
                expiry_time=self.expiry_time_ms,
                iterations={"SCRAM-SHA-512": 0},  # half the time
                clock=lambda: self.now_ms,
                authorizer=self.may,
            ) as self.ours,
        ):
            for operation in chosen:
                self.pass_time()
                operation()
            self.describe(NAMES[0], None, Identity.USER, set(NAMES + OTHER_TYPES))

    def pass_time(self):
        jump = self.rng.choice([0, 0, 0, 0, 1, 10, 100, -1, -100])
        if self.rng.random() < 0.05:
            jump = self.rng.choice([1000, DAY_MS, 3 * DAY_MS, -DAY_MS, MAX_MS])
        if self.rng.random() < 0.05:  # to where something ends, or just beside it
            ends = [end for ours, _ in self.pairs[-5:] for end in (ours.expiry_ms, ours.max_ms)]
            jump = self.rng.choice(ends or [0]) - self.now_ms + self.rng.randint(-1, 1)
        self.now_ms = min(max(self.now_ms + jump, 0), MAX_MS)
        if self.now_ms == MAX_MS and self.rng.random() < 0.2:  # nothing happens there
            self.now_ms = self.rng.choice([0, MAX_MS - DAY_MS])
        self.theirs.now_ms = self.now_ms

    def may(self, _requester, _operation, owner, _token_id):
        return owner in self.allowed

    # ---- operations ----

    def create(self):
        requester, by = self.requester(), self.by()
        owner = self.rng.choice([None, None, self.principal()])
        count = self.rng.choice([0, 0, 1, 2, 5])
        renewers = [self.principal(0.03) for _ in range(count)]
        period = self.period()
        self.allowed = self.some_owners()
        ours = outcome(
            self.ours.create,
            requester,
            owner=owner,
            renewers=renewers,
            max_lifetime=period,
            authenticated_by=by,
        )
        theirs = outcome(self.theirs.create, requester, owner, renewers, period, by, self.allowed)
        if self.differs_by_type_of_owner(owner or requester, ours, theirs):
            # Kafka's has such a token now, which is to go again.
            self.theirs.expire(theirs.owner, theirs.hmac, -1, Identity.USER)
            self.seen.other_types += 1
            return
        if isinstance(ours, int):
            assert ours == theirs, (requester, owner, renewers, period, by)
            self.seen.count("create", ours)
            return
        assert mapped(theirs, ours) == ours
        self.pairs.append((ours, theirs))
        self.seen.count("create", 0)

    def renew(self):
        self.change("renew")

    def expire(self):
        self.change("expire")

    def change(self, operation):
        requester, by, period = self.requester(), self.by(), self.period()
        at, hmacs = -1, ("aG1hYw==", "aG1hYw==")
        if self.pairs and self.rng.random() < 0.95:
            at = self.rng.randrange(max(len(self.pairs) - 10, 0), len(self.pairs))
            hmacs = [token.hmac for token in self.pairs[at]]
            if self.rng.random() < 0.5:
                requester = self.pairs[at][0].owner
        ours = getattr(self.ours, operation)
        ours = outcome(ours, requester, hmacs[0], period, authenticated_by=by)
        theirs = outcome(getattr(self.theirs, operation), requester, hmacs[1], period, by)
        if isinstance(ours, Number) and at >= 0:
            if operation == "renew" and self.differs_by_saturation(period, at, ours, theirs):
                self.theirs.put_expiry(self.pairs[at][1].id, ours.value)
                self.seen.saturated += 1
                theirs = ours
            self.pairs[at] = tuple(replace(token, expiry_ms=ours.value) for token in self.pairs[at])
        assert ours == theirs, (operation, requester, by, period, self.now_ms, self.pairs[at:])
        self.seen.count(operation, 0 if isinstance(ours, Number) else ours)

    def describe(self, requester=None, owners=(), by=None, allowed=None):
        requester, by = requester or self.requester(), by or self.by()
        if owners == ():
            owners = self.rng.choice([None, [], [self.principal() for _ in range(3)], NAMES[:1]])
        self.allowed = self.some_owners() if allowed is None else allowed
        ours = outcome(self.ours.describe, requester, owners=owners, authenticated_by=by)
        theirs = outcome(self.theirs.describe, requester, owners, by, self.allowed)
        if not isinstance(ours, int):
            ids = {theirs.id: ours for ours, theirs in self.pairs}
            theirs = sorted((mapped(token, ids[token.id]) for token in theirs), key=by_id)
            ours = sorted(ours, key=by_id)
        assert ours == theirs, (requester, owners, by, self.allowed)
        self.seen.count("describe", ours if isinstance(ours, int) else 0)

    def sweep(self):
        ours, theirs = outcome(self.ours.sweep), outcome(self.theirs.sweep)
        assert ours == theirs, self.now_ms
        self.seen.count("sweep", 0 if isinstance(ours, Number) else ours)

    # ---- what they are about ----

    def requester(self):
        return self.principal(0.02)

    def principal(self, other_types=0.05):
        return self.rng.choice(OTHER_TYPES if self.rng.random() < other_types else NAMES)

    def by(self):
        return Identity.TOKEN if self.rng.random() < 0.03 else Identity.USER

    def some_owners(self):
        return {name for name in NAMES + OTHER_TYPES if self.rng.random() < 0.4}

    def period(self):
        near = self.rng.choice([1, 600, 1000, DAY_MS, 7 * DAY_MS, self.expiry_time_ms])
        return self.rng.choice(
            [-(2**63), -1, 0, 1, near - 1, near, min(near + 1, MAX_MS), self.rng.randrange(10**9)]
            + [MAX_MS - self.now_ms, MAX_MS - 1, MAX_MS]
        )

    # ---- where we differ on purpose ----

    def differs_by_saturation(self, period, at, ours, theirs):
        """Kafka's renewal adds without a look at the size: the sum wraps, and the token has
        expired. Ours ends when time does, or at its max."""
        span = min(self.expiry_time_ms, period) if period > 0 else self.expiry_time_ms
        if self.now_ms + span <= MAX_MS:
            return False
        assert theirs == Number(self.now_ms + span - 2**64)
        assert ours == Number(self.pairs[at][0].max_ms)
        return True

    def differs_by_type_of_owner(self, owner, ours, theirs):
        """Kafka makes a token for an owner of any type, and its logins act as `User:` of that name.
        Ours refuses what would become somebody else."""
        if owner.startswith("User:") or isinstance(theirs, int):
            return False
        assert ours == INVALID_PRINCIPAL_TYPE
        return True


class Number:
    """A number that is no error: an expiry, or how many were swept."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Number) and self.value == other.value

    def __repr__(self):
        return f"Number({self.value})"


def outcome(call, *arguments, **options):
    """What a call gives; an int is Kafka's error code."""
    try:
        result = call(*arguments, **options)
    except kafka.Refused as refused:
        return refused.code
    except ScramTokenError as error:
        assert error.status in KAFKA_CODES, error
        return -error.status - 1000
    return Number(result) if isinstance(result, int) else result


def mapped(theirs, ours):
    """A token of Kafka's with our random id and the HMAC of that."""
    return replace(theirs, id=ours.id, hmac=ours.hmac)


def by_id(token):
    return token.id
