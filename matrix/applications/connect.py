"""A Connect worker in distributed mode, which logs in by password; its connectors by token."""

import json
import urllib.error
import urllib.request

from harness.kafka import properties
from harness.kafka.ports import free_port

from . import RECORDS, USER, by_password, by_token, running, wrong_principal

NAME = "Connect"
BROKERS = "stock"
HOW = "the worker by password, its connectors by `producer.override.` and `consumer.override.`"
_FILES = "org.apache.kafka.connect.file.FileStream"


def run(brokers, logs):
    broker = brokers["stock"]
    port = free_port()
    directory = broker.kafka.directory
    config = {"bootstrap.servers": broker.kafka.bootstrap("SASL_SSL"), "group.id": "connect"}
    for prefix in ("", "producer.", "consumer."):
        config |= by_password(broker, prefix)
    for what in ("config", "offset", "status"):
        config[f"{what}.storage.topic"] = f"connect-{what}"
        config[f"{what}.storage.replication.factor"] = 1
    for what in ("key", "value"):
        config[f"{what}.converter"] = "org.apache.kafka.connect.storage.StringConverter"
    config |= {
        "client.id": "connect-worker",
        "listeners": f"http://127.0.0.1:{port}",
        "offset.storage.partitions": 1,
        "status.storage.partitions": 1,
        "offset.flush.interval.ms": 1000,
        "plugin.discovery": "only_scan",
    }
    file = properties.write(directory / "connect.properties", config)
    source, sink = directory / "connect-source.txt", directory / "connect-sink.txt"
    source.write_bytes(b"\n".join(RECORDS) + b"\n")
    connectors = {
        "source": {"connector.class": f"{_FILES}SourceConnector", "file": source, "topic": "lines"}
        | by_token(broker, "producer.override.")
        | {"producer.override.client.id": "connector-source"},
        "sink": {"connector.class": f"{_FILES}SinkConnector", "file": sink, "topics": "lines"}
        | by_token(broker, "consumer.override.")
        | {"consumer.override.client.id": "connector-sink"},
    }
    main = "org.apache.kafka.connect.cli.ConnectDistributed"
    with running(main, file, log=logs / "connect.log") as wait:
        for name, settings in connectors.items():
            wait(lambda name=name, settings=settings: _put(port, name, settings))
        wait(lambda: sink.exists() and sink.read_bytes().split() == RECORDS)
    return (
        wrong_principal(broker, lambda name: name == "connector-source", ["PRODUCE"])
        or wrong_principal(broker, lambda name: name == "connector-sink", ["FETCH"])
        or wrong_principal(broker, lambda name: name.startswith("connect-"), ["PRODUCE"], USER)
    )


def _put(port, name, settings):
    """Gives the worker a connector; whether it took it."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/connectors/{name}/config",
        json.dumps({key: str(value) for key, value in settings.items()}).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        if error.code == 400:
            raise RuntimeError(f"Connect refused {name}: {text[:300]}") from None
        return False  # it rebalances
    except OSError:
        return False  # it starts
    return True
