"""Stock Kafka clients that are not the JVM's, with the library as their plugin or adapter."""

import asyncio
import subprocess
import sys
import time
import warnings

from harness.paths import ROOT, library
from harness.source_file import SourceFile

sys.path.insert(0, str(ROOT / "python"))
warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python's, at its import


def write_source(scene, name, credential):
    """A source file that holds the credential; replaced by rename, as a rotation does it."""
    source = SourceFile(scene.broker.directory / f"{name}.json")
    if credential.is_token:
        source.write_fields(token_id=credential.name, hmac=credential.secret)
    else:
        source.write_fields(username=credential.name, password=credential.secret)
    return source.uri


def plugin_config(scene, source, mechanism="SCRAM-SHA-512", listener="SASL_PLAINTEXT"):
    """confluent-kafka's configuration with the plugin."""
    from scramtoken import confluent_config

    conf = {"bootstrap.servers": scene.broker.bootstrap(listener), "security.protocol": listener}
    if listener == "SASL_SSL":
        conf["ssl.ca.location"] = str(scene.broker.authority.pem)
    return confluent_config(conf, source, mechanism)


def by_confluent_kafka(conf):
    """Lists the topics."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    errors = []
    client = AdminClient(conf | {"error_cb": errors.append, "logger": Silent()})
    for _ in range(20):
        try:
            client.list_topics(timeout=0.5)
            return "logged in", "listed the topics"
        except KafkaException as error:
            client.poll(0)
            for text in [e.str() for e in errors if e.name() == "_AUTHENTICATION"]:
                return ("expired" if "has expired" in text else "refused"), text
            last = str(error)
    return "no answer", last


def consume(conf, topic, end, meanwhile=lambda: None):
    """Produces and consumes until the monotonic time `end`, calling `meanwhile` again and again;
    then consumes what is left. Gives how many messages were sent, how many arrived, and the errors
    of authentication that the consumer was told."""
    from confluent_kafka import Consumer, Producer

    conf = conf | {"logger": Silent()}
    errors = []
    group = {"group.id": topic, "auto.offset.reset": "earliest", "error_cb": errors.append}
    consumer = Consumer(conf | group)
    consumer.subscribe([topic])
    producer = Producer(conf)
    sent = received = 0
    while time.monotonic() < end:
        producer.produce(topic, b"%d" % sent)
        sent += 1
        producer.poll(0.1)
        meanwhile()
        message = consumer.poll(0.1)
        received += bool(message and not message.error())
    producer.flush(10)
    deadline = time.monotonic() + 10
    while received < sent and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        received += bool(message and not message.error())
    consumer.close()
    return sent, received, [error.str() for error in errors if error.name() == "_AUTHENTICATION"]


def by_kcat(scene, source):
    """Lists the topics."""
    options = [f"plugin.library.paths={library()}"]
    options.append(f"scramtoken.source={source}")
    argv = ["kcat", "-L", "-m", "2", "-b", scene.broker.bootstrap()]
    for option in options:
        argv += ["-X", option]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    text = done.stdout + done.stderr
    if done.returncode == 0:
        return "logged in", text
    return ("expired" if "has expired" in text else "refused"), text


def by_kafka_python(scene, source):
    """Lists the topics."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    import scramtoken.kafka_python

    scramtoken.kafka_python.register()
    with scramtoken.Source.open(source) as opened:
        try:
            client = KafkaAdminClient(
                bootstrap_servers=scene.broker.bootstrap(),
                security_protocol="SASL_PLAINTEXT",
                sasl_mechanism="SCRAM-SHA-512",
                sasl_plain_password=opened,
                bootstrap_timeout_ms=3000,
            )
            client.list_topics()
            client.close()
        except KafkaError as error:
            return "refused", str(error)
    return "logged in", "listed the topics"


def by_aiokafka(scene, source):
    """Connects and gets the cluster's metadata."""
    from aiokafka import AIOKafkaProducer
    from aiokafka.errors import KafkaError

    import scramtoken.aiokafka

    scramtoken.aiokafka.register()

    async def connect():
        producer = AIOKafkaProducer(
            bootstrap_servers=scene.broker.bootstrap(),
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username="",
            sasl_plain_password=opened,
        )
        try:
            await producer.start()
        finally:
            await producer.stop()

    with scramtoken.Source.open(source) as opened:
        try:
            asyncio.run(connect())
        except KafkaError as error:
            return "refused", str(error)
    return "logged in", "connected"


class Silent:
    """A logger for clients whose errors the table shows."""

    def log(self, *_):
        pass
