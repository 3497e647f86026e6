"""Flink's connector: a stream outlives the token that it began with, as source and as sink."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from harness import process
from harness.jvm.jar import JAR, jaas
from harness.kafka import properties
from harness.kafka.jars import classpath
from harness.kafka.properties import USERS
from harness.paths import ROOT
from harness.source_file import SourceFile

from .conftest import NEWEST, REAUTH_S, places
from .flink_cluster import FlinkCluster, build_job

FLINK, CONNECTOR = "2.0.0", "4.0.1-2.0"
ARTIFACTS = [
    ("org.apache.flink", "flink-connector-kafka", CONNECTOR, True),
    ("org.apache.flink", "flink-connector-base", FLINK, True),
    ("org.apache.flink", "flink-streaming-java", FLINK, True),
    ("org.apache.flink", "flink-clients", FLINK, True),
]
JOB = Path(__file__).with_name("flink") / "Job.java"


@pytest.mark.long
@pytest.mark.parametrize("broker", places(NEWEST)[:1], indirect=True, scope="session")
def test_a_stream_goes_on_after_its_token(broker, tmp_path):
    first = broker.create_token("User:alice")
    SourceFile(tmp_path / "token.json").write(first)
    alice = {
        "bootstrap.servers": broker.bootstrap(),
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "alice",
        "sasl.password": USERS["alice"],
    }
    producer = Producer(alice)
    send(producer, "first")
    with open(tmp_path / "flink.log", "w") as log:
        job = process.start(
            job_command(broker, tmp_path), stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert job.stdout.readline() == "first\n"
        SourceFile(tmp_path / "token.json").write(broker.create_token("User:alice"))
        broker.expire_token(first)
        # By then every session has had to log in anew.
        end = time.monotonic() + 2 * REAUTH_S
        while time.monotonic() < end:
            send(producer, "more")
            assert job.stdout.readline() == "more\n"
            time.sleep(0.2)
        send(producer, "last")
        assert job.stdout.readline() == "last\n"
        assert "last" in received(alice)
    finally:
        process.stop(job)


def job_command(broker, directory):
    client = {
        **properties.admin(broker.bootstrap("SASL_SSL"), broker.authority),
        "security.protocol": "SASL_SSL",
        "sasl.jaas.config": jaas(source=f"file:{directory / 'token.json'}"),
    }
    file = properties.write(directory / "client.properties", client)
    flink = classpath(ROOT / "build" / "flink" / FLINK, ARTIFACTS, f"Flink {FLINK}")
    opened = "--add-opens=java.base/java.util=ALL-UNNAMED"  # as Flink's own configuration does
    path = os.pathsep.join([str(JAR), flink])
    return [process.java_command(), "-Xmx700m", opened, "-cp", path, JOB, file]


def send(producer, text):
    producer.produce("in", text.encode())
    assert producer.flush(30) == 0


def received(config):
    """What came out, up to the last."""
    consumer = Consumer({**config, "group.id": "flink", "auto.offset.reset": "earliest"})
    consumer.subscribe(["out"])
    texts = []
    deadline = time.monotonic() + 30
    while "last" not in texts and time.monotonic() < deadline:
        message = consumer.poll(1)
        if message and not message.error():
            texts.append(message.value().decode())
    consumer.close()
    return texts


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("broker", places(NEWEST)[:1], indirect=True, scope="session")
def test_a_session_cluster_gets_the_same_job_ten_times(broker, tmp_path):
    """The whole of it in the job's jar, as the manual allows: ten times 10 MB of metaspace."""
    SourceFile(tmp_path / "token.json").write(broker.create_token("User:alice"))
    producer = Producer(
        {
            "bootstrap.servers": broker.bootstrap(),
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "alice",
            "sasl.password": USERS["alice"],
        }
    )
    send(producer, "something")
    client = {
        **properties.admin(broker.bootstrap("SASL_SSL"), broker.authority),
        "security.protocol": "SASL_SSL",
        "sasl.jaas.config": jaas(source=f"file:{tmp_path / 'token.json'}"),
    }
    file = properties.write(tmp_path / "client.properties", client)
    with FlinkCluster(tmp_path, metaspace="128m") as cluster:
        job = cluster.upload(build_job(tmp_path))
        for _ in range(10):
            cluster.run(job, str(file))
        for jvm in ("jobmanager", "taskmanager"):
            # The first is held by Kafka's own security providers, the last by threads of Flink.
            cluster.wait_for_few_class_loaders(jvm, 3)
            assert len(cluster.libraries(jvm)) == 1, jvm
