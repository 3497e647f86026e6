"""aiokafka: the matrix's worker."""

import asyncio
import ssl
from contextlib import ExitStack

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from serve import serve

import scramtoken
import scramtoken.aiokafka

_SECONDS = 60


def round_trip(request):
    with ExitStack() as stack:
        conf = {
            "client_id": request.id,
            "bootstrap_servers": request.bootstrap,
            "security_protocol": request.transport,
            "sasl_mechanism": request.mechanism,
            "sasl_plain_username": request.name,
            "sasl_plain_password": request.secret,
        }
        if request.transport == "SASL_SSL":
            conf["ssl_context"] = ssl.create_default_context(cafile=request.ca)
        if request.login == "scramtoken":
            conf["sasl_plain_username"] = ""
            conf["sasl_plain_password"] = stack.enter_context(
                scramtoken.Source.open(request.source)
            )
        return asyncio.run(both(conf, request))


async def both(conf, request):
    producer = AIOKafkaProducer(**conf)
    try:
        await producer.start()
        sent = [await producer.send(request.id, value) for value in request.values]
        await asyncio.wait_for(asyncio.gather(*sent), _SECONDS)
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(
        request.id, group_id=request.id, auto_offset_reset="earliest", **conf
    )
    try:
        await consumer.start()
        return [
            (await asyncio.wait_for(consumer.getone(), _SECONDS)).value
            for _ in range(request.records)
        ]
    finally:
        await consumer.stop()


scramtoken.aiokafka.register()
serve(round_trip)
