"""kafka-python: the matrix's worker."""

import time
from contextlib import ExitStack

import kafka
from serve import serve

import scramtoken
import scramtoken.kafka_python

_MS = 60000


def round_trip(request):
    with ExitStack() as stack:
        conf = {
            "client_id": request.id,
            "bootstrap_servers": request.bootstrap,
            "security_protocol": request.transport,
            "sasl_mechanism": request.mechanism,
            "bootstrap_timeout_ms": 10000,  # it takes a refusal for a lost connection, and tries on
        }
        if request.transport == "SASL_SSL":
            conf["ssl_cafile"] = request.ca
        if request.login == "scramtoken":
            conf["sasl_plain_password"] = stack.enter_context(
                scramtoken.Source.open(request.source)
            )
        else:
            conf["sasl_plain_username"] = request.name
            conf["sasl_plain_password"] = request.secret
        producer = kafka.KafkaProducer(max_block_ms=_MS, **conf)
        try:
            sent = [producer.send(request.id, value) for value in request.values]
            for future in sent:
                future.get(_MS / 1000)
        finally:
            producer.close(1)
        return consume(conf, request)


def consume(conf, request):
    consumer = kafka.KafkaConsumer(
        request.id, group_id=request.id, auto_offset_reset="earliest", **conf
    )
    values = []
    deadline = time.monotonic() + _MS / 1000
    while len(values) < request.records and time.monotonic() < deadline:
        for messages in consumer.poll(timeout_ms=500).values():
            values += [message.value for message in messages]
    consumer.close()
    return values


scramtoken.kafka_python.register()
serve(round_trip)
