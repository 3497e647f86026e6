"""Closing, forgetting, sharing and forking: nothing is used after it was freed, or leaks."""

import gc
import threading
import weakref

import pytest
from exchange import ALICE, alice, log_in, lookup, run_python, server, token

import scramtoken
from scramtoken import _callbacks
from scramtoken._handle import Handle


def test_closed_objects_refuse_work():
    client, answering, cache = alice(), server(), scramtoken.KeyCache(1)
    config = scramtoken.ServerConfig()
    for thing in (client, answering, cache, config):
        thing.close()
        thing.close()
    for use in (
        lambda: client.step(),
        lambda: answering.step(b"n,,n=a,r=b"),
        lambda: answering.verdict,
        lambda: answering.identity,
        lambda: answering.need_credential,
        lambda: answering.supply_user(ALICE),
        lambda: answering.supply_token(ALICE, "alice", None),
        lambda: answering.supply_unknown(),
        lambda: scramtoken.Server(config, "SCRAM-SHA-512"),
        lambda: alice(key_cache=cache),
    ):
        with pytest.raises(scramtoken.InvalidStateError, match="is closed"):
            use()
    client.cancel()  # as much as there is to cancel


def test_with_closes():
    with alice() as client, server() as answering:
        log_in(client, answering)
    with pytest.raises(scramtoken.InvalidStateError, match="this Client is closed"):
        client.step()
    assert client.authenticated


def test_with_closes_when_a_step_fails():
    with pytest.raises(scramtoken.ProtocolError), server() as answering:
        answering.step(b"")
    with pytest.raises(scramtoken.InvalidStateError, match="this Server is closed"):
        answering.step(b"")


def test_config_may_be_closed_while_servers_use_it():
    config = scramtoken.ServerConfig(lookup=lookup)
    answering = scramtoken.Server(config, "SCRAM-SHA-512")
    config.close()
    assert log_in(alice(), answering)


def test_callbacks_live_as_long_as_a_server_may_call_them():
    class Lookup:
        def __call__(self, *arguments):
            return lookup(*arguments)

    gc.collect()
    before = len(_callbacks._registered)
    callback = Lookup()
    alive = weakref.ref(callback)
    config = scramtoken.ServerConfig(lookup=callback, clock=lambda: 0, audit=lambda _: None)
    answering = scramtoken.Server(config, "SCRAM-SHA-512")
    del callback, config
    gc.collect()
    assert alive() is not None
    assert log_in(alice(), answering)
    del answering
    gc.collect()
    assert alive() is None
    assert len(_callbacks._registered) == before


def test_failing_constructors_leave_nothing_behind():
    gc.collect()
    before = len(_callbacks._registered)
    for _ in range(100):
        with pytest.raises(TypeError):
            scramtoken.ServerConfig(lookup=lookup, clock=lambda: 0, audit=7)
        with pytest.raises(TypeError):
            alice(nonce=7)
    gc.collect()
    assert len(_callbacks._registered) == before


def test_logins_do_not_grow_the_process():
    """10,000 logins after a warm-up, refusals and forgotten ones among them."""
    code = """
import resource
import exchange, scramtoken
credential = scramtoken.derive("SCRAM-SHA-512", "wonderland", b"salt", 1)
config = scramtoken.ServerConfig(
    lookup=lambda _, name, kind: scramtoken.User(credential) if name == "alice" else 1 / 0,
    audit=lambda event: None, clock=lambda: 0)
def logins(count):
    for _ in range(count):
        client = scramtoken.Client("SCRAM-SHA-512", username="alice", password="wonderland",
                                   iteration_limits=(1, 1))
        exchange.log_in(client, scramtoken.Server(config, "SCRAM-SHA-512"))
        try:
            scramtoken.Server(config, "SCRAM-SHA-512").step(b"n,,n=bob,r=abcdefgh")
        except scramtoken.ScramTokenError:
            pass
        scramtoken.Server(config, "SCRAM-SHA-512").step(b"n,,n=alice,r=abcdefgh")
        scramtoken.ServerConfig(lookup=exchange.lookup)
logins(2000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
logins(10000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown_kib = int(run_python(PATH + code))
    assert grown_kib < 1024


def refused_by_a_message():
    answering = server()
    with pytest.raises(scramtoken.ProtocolError):
        answering.step(b"")
    return answering


def refused_by_a_callback():
    answering = server(lookup=lambda *_: 1 / 0)
    with pytest.raises(scramtoken.ScramTokenError):
        answering.step(alice().step())
    return answering


def refused_by_the_clock():
    answering = server(clock=lambda: 1 / 0)
    with pytest.raises(scramtoken.ScramTokenError):
        answering.step(alice().step())
    return answering


def failed_client():
    client = alice()
    with pytest.raises(scramtoken.ProtocolError):
        client.step()
        client.step(b"")
    return client


@pytest.mark.parametrize(
    "make", [refused_by_a_message, refused_by_a_callback, refused_by_the_clock, failed_client]
)
def test_failed_logins_are_freed_without_the_garbage_collector(make):
    gc.disable()
    try:
        login = make()
        alive = weakref.ref(login)
        del login
        assert alive() is None
    finally:
        gc.enable()


def endless(client):
    """A challenge whose answer takes the client half an hour of hashing."""
    nonce = client.step().rsplit(b"r=", 1)[1]
    return b"r=" + nonce + b"x,s=QUJDREVGR0hJSktMTU5PUA==,i=4000000000"


def test_close_during_a_step_cancels_it():
    client = alice(iteration_limits=(1, 4_294_967_295))
    message = endless(client)
    timer = threading.Timer(0.2, client.close)
    timer.start()
    with pytest.raises(scramtoken.CancelledError):
        client.step(message)
    timer.join()
    with pytest.raises(scramtoken.InvalidStateError, match="this Client is closed"):
        client.step(b"")


def test_close_during_a_call_takes_effect_after_it():
    freed = []
    handle = Handle(42, freed.append, "thing")
    with handle.shared(), handle.exclusive() as pointer:
        handle.close()
        assert (pointer, freed) == (42, [])
    assert freed == [42]
    handle.close()
    del handle
    gc.collect()
    assert freed == [42]


def test_one_thread_at_a_time():
    client = alice(iteration_limits=(1, 4_294_967_295))
    message = endless(client)
    outcomes = []

    def step():
        try:
            client.step(message)
        except scramtoken.ScramTokenError as error:
            outcomes.append(str(error))
            client.cancel()

    threads = [threading.Thread(target=step) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2
    assert "this Client is in use already" in outcomes[0]


def test_sixteen_threads_on_one_config_and_cache():
    cache = scramtoken.KeyCache(4)
    config = scramtoken.ServerConfig(lookup=lookup)
    verdicts = []

    def logins():
        for _ in range(25):
            for client in (alice(key_cache=cache), token(key_cache=cache)):
                answering = scramtoken.Server(config, "SCRAM-SHA-512")
                verdicts.append(log_in(client, answering).name)

    threads = [threading.Thread(target=logins) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == ["alice"] * 800


PATH = f"import sys; sys.path.insert(0, {__file__.rpartition('/')[0]!r})\n"


def test_forked_processes_have_nonces_of_their_own():
    code = """
import os, exchange
exchange.log_in(exchange.alice(), exchange.server())  # whatever is made once, is made by now
for _ in range(8):
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, exchange.alice().step() + b" " + exchange.server().step(b"n,,n=x,r=c"))
        os._exit(0)
    print(os.read(read, 10000).decode())
    os.wait()
"""
    lines = run_python(PATH + code).splitlines()
    nonces = [part.split("r=")[1].split(",")[0] for line in lines for part in line.split()]
    assert len(nonces) == 16
    assert len(set(nonces)) == 16


def test_forked_process_can_finish_a_login():
    code = """
import os, exchange
client, server = exchange.alice(), exchange.server()
message = client.step(server.step(client.step()))
child = os.fork()
os.write(1, b"%s %s\\n" % (server.step(message)[:2], repr(bool(server.verdict)).encode()))
if child:
    os.wait()
"""
    assert run_python(PATH + code).splitlines() == ["v= True", "v= True"]


def test_exit_with_everything_still_open():
    """Objects, callbacks and a daemon thread inside the library at the end of the program."""
    code = """
import threading, exchange, scramtoken
config = scramtoken.ServerConfig(lookup=exchange.lookup, audit=print)
server = scramtoken.Server(config, "SCRAM-SHA-512")
class Cycle: pass
cycle = Cycle(); cycle.self = cycle; cycle.server = exchange.server(audit=print)
client = exchange.alice(iteration_limits=(1, 4294967295))
nonce = client.step().rsplit(b"r=", 1)[1]
message = b"r=" + nonce + b"x,s=QUJDREVGR0hJSktMTU5PUA==,i=4000000000"
threading.Thread(target=client.step, args=(message,), daemon=True).start()
print("end")
"""
    assert run_python(PATH + code) == "end\n"


def test_no_secret_in_any_repr():
    client, hers = alice("a-secret"), token("a-secret")
    shown = [client, hers, server(), ALICE, scramtoken.User(ALICE), scramtoken.KeyCache(1)]
    shown += [scramtoken.Token(ALICE, "alice", None), scramtoken.ServerConfig(mock_secret="x" * 32)]
    for thing in shown:
        text = repr(thing) + str(vars(thing) if hasattr(thing, "_handle") else "")
        for secret in ("a-secret", "x" * 32, repr(ALICE.stored_key)[2:-1], "wonderland"):
            assert secret not in text
