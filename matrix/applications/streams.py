"""A Kafka Streams application with a repartitioned topic and a changelog."""

from harness.kafka import properties

from . import arrived, by_token, compiled, produce, running, wrong_principal

NAME = "Streams"
BROKERS = "stock"
HOW = "`sasl.jaas.config` with a source"


def run(brokers, logs):
    broker = brokers["stock"]
    produce(broker, "words")
    broker.create_topics(["words-in-upper-case"])
    config = by_token(broker) | {
        "application.id": "streams",
        "client.id": "streams",
        "bootstrap.servers": broker.kafka.bootstrap("SASL_SSL"),
        "state.dir": broker.kafka.directory / "streams",
        "replication.factor": 1,
        "auto.offset.reset": "earliest",
        "commit.interval.ms": 1000,
    }
    file = properties.write(broker.kafka.directory / "streams.properties", config)
    topics = ("words", "words-in-upper-case")
    classes = compiled("Uppercase")
    with running("Uppercase", file, *topics, log=logs / "streams.log", classes=classes) as wait:
        wait(lambda: arrived(broker, topics[1]))
    return wrong_principal(broker, lambda name: name.startswith("streams-"), ("PRODUCE", "FETCH"))
