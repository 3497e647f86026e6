"""The manual's recipe for Spark: a stream outlives the token that it began with."""

import os
import subprocess
import time
import venv

import pytest

from harness import process
from harness.jvm.jar import JAR
from harness.kafka.ca import STORE_PASSWORD
from harness.kafka.jars import locked
from harness.paths import ROOT
from harness.source_file import publish

from . import manual
from .conftest import NEWEST, REAUTH_S, places

SUBMIT = manual.block("sh", "spark-submit")
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
    environment = {
        **os.environ,
        "PATH": f"{spark / 'bin'}:{os.environ['PATH']}",
        "SPARK_CONF_DIR": str(tmp_path),
        "SPARK_LOCAL_IP": broker.host,
    }
    with open(tmp_path / "spark.log", "w+") as log:
        job = process.start(
            ["bash", "-euc", f"exec {SUBMIT}"],
            cwd=tmp_path,
            env=environment,
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


def write_job(directory, broker):
    """The recipe, with the address, the certificate and the paths of this place."""
    tls = {
        "kafka.ssl.truststore.location": str(broker.authority.truststore),
        "kafka.ssl.truststore.type": "PKCS12",
        "kafka.ssl.truststore.password": STORE_PASSWORD,
    }
    recipe = manual.block("python", "readStream")
    for old, new in [
        ("broker:9093", broker.bootstrap("SASL_SSL")),
        ("/run/kafka-token", str(directory / "kafka-token")),
        ("kafka = {\n", f"kafka = {{\n    **{tls!r},\n"),
    ]:
        assert old in recipe
        recipe = recipe.replace(old, new)
    (directory / "job.py").write_text(JOB.format(recipe=recipe))
    (directory / "spark-defaults.conf").write_text(CONFIG)
    (directory / JAR.name).symlink_to(JAR)
