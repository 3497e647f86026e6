"""confluent-kafka for Python: the matrix's worker."""

import time

import confluent_kafka
from serve import serve

import scramtoken

_SECONDS = 60


class Silent:
    def log(self, *_):
        pass


def round_trip(request):
    errors = []
    conf = {
        "client.id": request.id,
        "bootstrap.servers": request.bootstrap,
        "security.protocol": request.transport,
        "error_cb": errors.append,
        "logger": Silent(),
    }
    if request.transport == "SASL_SSL":
        conf["ssl.ca.location"] = request.ca
    if request.login == "scramtoken":
        conf = scramtoken.confluent_config(conf, request.source, request.mechanism)
    else:
        conf["sasl.mechanism"] = request.mechanism
        conf["sasl.username"], conf["sasl.password"] = request.name, request.secret
    produce(conf, request, errors)
    return consume(conf, request)


def produce(conf, request, errors):
    producer = confluent_kafka.Producer(conf)
    for value in request.values:
        producer.produce(request.id, value)
    deadline = time.monotonic() + _SECONDS
    while producer.flush(0.2):
        refused = [error for error in errors if error.name() == "_AUTHENTICATION"]
        if refused or time.monotonic() > deadline:
            producer.purge()
            raise RuntimeError((refused or errors or ["not delivered"])[0])


def consume(conf, request):
    consumer = confluent_kafka.Consumer(
        conf | {"group.id": request.id, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([request.id])
    values = []
    deadline = time.monotonic() + _SECONDS
    while len(values) < request.records and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and not message.error():
            values.append(message.value())
    consumer.close()
    return values


serve(round_trip)
