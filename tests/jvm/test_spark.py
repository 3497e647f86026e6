"""The manual's recipes for Spark: a stream outlives its first token, a batch needs no jar."""

import json
import os
import subprocess
import time
import venv

import pytest

from harness import process
from harness.jvm.jar import JAR
from harness.kafka.ca import STORE_PASSWORD
from harness.kafka.cli import client_config, scramtoken
from harness.kafka.jars import locked
from harness.kafka.properties import ADMIN, USERS
from harness.paths import ROOT
from harness.source_file import publish

from . import manual
from .conftest import NEWEST, REAUTH_S, places

SUBMIT = manual.block("sh", "--jars")
VERSION = SUBMIT.split("spark-sql-kafka-0-10_2.13:")[1].split()[0]
SPARK = ROOT / "build" / "spark" / VERSION

# A driver, and one executor in a JVM of its own.
CONFIG = f"""
spark.master local-cluster[1,1,1024]
spark.executor.memory 1g
spark.driver.memory 600m
spark.ui.enabled false
spark.jars.ivy {SPARK / "ivy"}
"""

JOB = """
import os
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
{recipe}

def send(text):
    row = spark.createDataFrame([(text,)], ["value"])
    row.write.format("kafka").options(**kafka, topic="greetings").save()


def show(rows, _):
    for row in rows.collect():
        print(row.value.decode(), flush=True)


send("nobody listens yet")  # and the topic is there
query = messages.writeStream.foreachBatch(show).start()
while not os.path.exists("stop"):
    send("hello")
query.stop()
"""

BATCH = """
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
java = spark._jvm
file = java.java.io.File({credentials!r})
configuration = java.org.apache.hadoop.conf.Configuration()
read = java.org.apache.hadoop.security.Credentials.readTokenStorageFile(file, configuration)
for token in read.getAllTokens().toArray():
    secret = bytes(token.getIdentifier()), bytes(token.getPassword())
    print(token.getKind(), token.getService(), *[text.decode() for text in secret])

{recipe}
row = spark.createDataFrame([("hello",)], ["value"])
row.write.format("kafka").options(**kafka, topic="greetings").save()
print(*[message.value.decode() for message in messages.collect()], flush=True)
"""

AGENT = """
command_config = "{directory}/admin.properties"
bootstrap_servers = "{servers}"
journal = "{directory}/journal.json"
[[token]]
name = "batch"
owner = "User:alice"
[[token.target]]
hadoop = "{directory}/credentials"
cluster = "main"
[[token.target]]
file = "{directory}/token.json"
"""


@pytest.fixture(scope="module")
def spark():
    """The directory of a virtual environment with PySpark, some 400 MB."""
    environment = SPARK / "venv"
    with locked(ROOT / "build" / "spark.lock"):
        if not (environment / "ready").exists():
            venv.create(environment, clear=True, with_pip=True)
            pip = [environment / "bin" / "pip", "install", "--quiet", f"pyspark=={VERSION}"]
            subprocess.run(pip, check=True)
            (environment / "ready").touch()
    return environment


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("broker", places(NEWEST)[:1], indirect=True, scope="session")
def test_a_stream_goes_on_after_its_token(broker, spark, tmp_path):
    first = broker.create_token("User:alice")
    publish(tmp_path / "kafka-token", 1, first)
    write_job(tmp_path, broker)
    with open(tmp_path / "spark.log", "w+") as log:
        job = process.start(
            ["bash", "-euc", f"exec {SUBMIT}"],
            cwd=tmp_path,
            env=environment(spark, tmp_path, broker),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert job.stdout.readline() == "hello\n"
            publish(tmp_path / "kafka-token", 2, broker.create_token("User:alice"))
            broker.expire_token(first)
            # By then every session has had to log in anew.
            end = time.monotonic() + 2 * REAUTH_S
            while time.monotonic() < end:
                assert job.stdout.readline() == "hello\n"
            (tmp_path / "stop").touch()
            for line in job.stdout:
                assert line == "hello\n"
            assert job.wait() == 0
        except BaseException:
            log.seek(0)
            print(log.read()[-8000:])
            raise
        finally:
            process.stop(job)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("broker", places(NEWEST)[:1], indirect=True, scope="session")
def test_a_batch_by_hadoop_credentials(broker, spark, tmp_path):
    """Hadoop's own class reads the agent's file, and Spark logs in by it without the jar."""
    client_config(tmp_path / "admin.properties", ADMIN, USERS[ADMIN])
    (tmp_path / "agent.toml").write_text(
        AGENT.format(directory=tmp_path, servers=broker.bootstrap())
    )
    done = scramtoken("agent", "--config", tmp_path / "agent.toml", "--once")
    assert done.returncode == 0, done.stderr

    recipe = in_this_place(manual.block("python", "spark.read."), broker)
    job = BATCH.format(recipe=recipe, credentials=str(tmp_path / "credentials"))
    (tmp_path / "batch.py").write_text(job)
    truststore = {f"ssl.{key}": value for key, value in truststore_of(broker).items()}
    lines = [f"spark.kafka.clusters.main.{key} {value}\n" for key, value in truststore.items()]
    (tmp_path / "spark-defaults.conf").write_text(
        f"spark.master local[1]\nspark.ui.enabled false\nspark.jars.ivy {SPARK / 'ivy'}\n"
        + "".join(lines)
    )
    command = manual.block("sh", "HADOOP_TOKEN_FILE_LOCATION")
    for old, new in [
        ("broker:9093", broker.bootstrap("SASL_SSL")),
        ("/run/kafka/credentials", str(tmp_path / "credentials")),
    ]:
        assert old in command
        command = command.replace(old, new)
    job = subprocess.run(
        ["bash", "-euc", command],
        cwd=tmp_path,
        env=environment(spark, tmp_path, broker),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=500,
    )
    # Spark puts what Python says of an error there.
    assert job.returncode == 0, job.stdout + job.stderr[-4000:]
    token = json.loads((tmp_path / "token.json").read_text())
    service = "kafka.server.delegation.token.main"
    credentials, messages = job.stdout.splitlines()
    assert credentials == f"KAFKA_DELEGATION_TOKEN {service} {token['token_id']} {token['hmac']}"
    assert "hello" in messages.split()


def environment(spark, directory, broker):
    return {
        **os.environ,
        "PATH": f"{spark / 'bin'}:{os.environ['PATH']}",
        "SPARK_CONF_DIR": str(directory),
        "SPARK_LOCAL_IP": broker.host,
    }


def write_job(directory, broker):
    """The recipe, with the address, the certificate and the paths of this place."""
    recipe = in_this_place(manual.block("python", "readStream"), broker)
    assert "/run/kafka-token" in recipe
    recipe = recipe.replace("/run/kafka-token", str(directory / "kafka-token"))
    (directory / "job.py").write_text(JOB.format(recipe=recipe))
    (directory / "spark-defaults.conf").write_text(CONFIG)
    (directory / JAR.name).symlink_to(JAR)


def in_this_place(recipe, broker):
    """A recipe with this broker's address and certificate."""
    tls = {f"kafka.ssl.{key}": value for key, value in truststore_of(broker).items()}
    for old, new in [
        ("broker:9093", broker.bootstrap("SASL_SSL")),
        ("kafka = {", f"kafka = {{**{tls!r}, "),
    ]:
        assert old in recipe
        recipe = recipe.replace(old, new)
    return recipe


def truststore_of(broker):
    return {
        "truststore.location": str(broker.authority.truststore),
        "truststore.type": "PKCS12",
        "truststore.password": STORE_PASSWORD,
    }
