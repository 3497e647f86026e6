"""The matrix's worker for what ends after each use: kcat, Kafka's own tools, programs in C.

usage: on_commands.py kcat | examples PRODUCE CONSUME | tools CLASSPATH PRODUCER OPTION OPTION

OPTION is what the producer, and the consumer, have for a file of properties.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from serve import serve

_SECONDS = 100


def by_kcat(request):
    options = [word for name, value in librdkafka(request) for word in ("-X", f"{name}={value}")]
    kcat = ["kcat", "-b", request.bootstrap, "-q", "-t", request.id, *options]
    run([*kcat, "-P"], b"\n".join(request.values) + b"\n")
    return run([*kcat, "-C", "-o", "beginning", "-c", str(request.records)]).split()


def by_examples(request):
    produce, consume = sys.argv[2:]
    where = [request.bootstrap, request.id, str(request.records)]
    options = [f"{name}={value}" for name, value in librdkafka(request)]
    run([produce, *where, *options])
    return run([consume, *where, *options]).split()


def librdkafka(request):
    """Properties of librdkafka's, the plugin's first."""
    if request.login == "scramtoken":
        yield "plugin.library.paths", os.environ["SCRAMTOKEN_LIBRARY"]
        yield "scramtoken.source", request.source
    else:
        yield "sasl.username", request.name
        yield "sasl.password", request.secret
    yield "client.id", request.id
    yield "sasl.mechanism", request.mechanism
    yield "security.protocol", request.transport
    if request.transport == "SASL_SSL":
        yield "ssl.ca.location", request.ca


def by_tools(request):
    classpath, producer, producers_file, consumers_file = sys.argv[2:]
    extension = ' tokenauth="true"' if request.login == "tokenauth" else ""
    jaas = (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="{request.name}" password="{request.secret}"{extension};'
    )
    config = {
        "client.id": request.id,
        "security.protocol": request.transport,
        "sasl.mechanism": request.mechanism,
        "sasl.jaas.config": jaas,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": request.ca,
        "max.block.ms": 60000,
    }
    java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-cp", classpath]
    java.insert(1, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
    where = ["--bootstrap-server", request.bootstrap, "--topic", request.id]
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "client.properties")
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in config.items()))
        produce = [*java, producer, *where, producers_file, file]
        run(produce, b"\n".join(request.values) + b"\n")
        consume = [*java, "org.apache.kafka.tools.consumer.ConsoleConsumer", *where]
        consume += [consumers_file, file, "--from-beginning", "--timeout-ms", "60000"]
        return run([*consume, "--max-messages", str(request.records)]).split()


def run(argv, text=b""):
    """What a command printed; its errors are an exception, with the first of them."""
    done = subprocess.run(argv, input=text, capture_output=True, timeout=_SECONDS)
    told = done.stderr.decode(errors="replace")
    # Kafka's console producer ends well when nothing was delivered.
    if done.returncode != 0 or "Exception" in told:
        raise RuntimeError(f"exit code {done.returncode}: {told[:600]}")
    return done.stdout


serve({"kcat": by_kcat, "tools": by_tools, "examples": by_examples}[sys.argv[1]])
