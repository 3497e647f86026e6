"""aiokafka's stock wheel with scramtoken.aiokafka."""

import asyncio
import secrets

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

import scramtoken
import scramtoken.aiokafka
from harness.kafka.properties import SCRAM_MECHANISMS, USERS

from .conftest import REAUTHENTICATION_MS


@pytest.fixture(autouse=True, scope="module")
def registered():
    scramtoken.aiokafka.register()
    scramtoken.aiokafka.register()


def config(broker, password, username="", mechanism="SCRAM-SHA-512"):
    return {
        "bootstrap_servers": broker.bootstrap(),
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": username,
        "sasl_plain_password": password,
    }


async def produce(conf, topic, count, pause=0.0):
    producer = AIOKafkaProducer(**conf)
    try:
        await producer.start()
        for number in range(count):
            await producer.send_and_wait(topic, b"%d" % number)
            await asyncio.sleep(pause)
    finally:
        await producer.stop()


async def consume(conf, topic, count):
    consumer = AIOKafkaConsumer(topic, group_id=topic, auto_offset_reset="earliest", **conf)
    try:
        await consumer.start()
        return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(count)]
    finally:
        await consumer.stop()


@pytest.mark.parametrize("mechanism", SCRAM_MECHANISMS)
def test_produce_and_consume_by_token(broker, source, mechanism):
    source.write(broker.create_token("User:alice"))
    topic = f"t-{secrets.token_hex(4)}"

    async def both():
        conf = config(broker, opened, mechanism=mechanism)
        await produce(conf, topic, 50)
        return await consume(conf, topic, 50)

    with scramtoken.Source.open(source.uri) as opened:
        assert asyncio.run(both()) == [b"%d" % number for number in range(50)]


def test_other_clients_log_in_as_before(broker):
    topic = f"t-{secrets.token_hex(4)}"
    asyncio.run(produce(config(broker, USERS["bob"], "bob"), topic, 1))


def test_a_removed_token_is_refused(broker, source):
    token = broker.create_token("User:alice")
    broker.expire_token(token)
    source.write(token)
    with scramtoken.Source.open(source.uri) as opened, pytest.raises(KafkaError):
        asyncio.run(produce(config(broker, opened), "topic", 1))


def test_an_expired_token_that_is_not_swept_yet(broker, expired, caplog):
    with scramtoken.Source.open(expired.uri) as opened, pytest.raises(KafkaError):
        asyncio.run(produce(config(broker, opened), "topic", 1))
    assert "the delegation token has expired" in caplog.text


def test_a_source_that_is_missing(broker, source, caplog):
    with scramtoken.Source.open(source.uri) as opened, pytest.raises(KafkaError):
        asyncio.run(produce(config(broker, opened), "topic", 1))
    assert "No such file" in caplog.text


def test_a_token_that_rotates_under_a_producer(broker, source, rotated):
    """The broker ends each session; the producer connects again with what is in the file then."""
    topic = f"t-{secrets.token_hex(4)}"

    async def run():
        producing = asyncio.create_task(
            produce(config(broker, opened), topic, 3 * REAUTHENTICATION_MS // 50, pause=0.05)
        )
        await asyncio.sleep(1)
        await asyncio.get_running_loop().run_in_executor(None, rotated)
        await producing

    with scramtoken.Source.open(source.uri) as opened:
        asyncio.run(run())
