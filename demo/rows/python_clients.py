"""kafka-python and aiokafka with the package's adapters."""

from demo import stock_clients

from . import Row


def rows(scene):
    for way, log_in in (
        ("kafka-python", stock_clients.by_kafka_python),
        ("aiokafka", stock_clients.by_aiokafka),
    ):
        for attempt in scene.attempts:
            if attempt.expected == "expired":
                continue  # neither shows an adapter the session's lifetime

            def run(attempt=attempt, way=way, log_in=log_in):
                source = stock_clients.write_source(scene, way, attempt.credential)
                return log_in(scene, source)

            yield Row(way, "SCRAM-SHA-512", attempt.what, attempt.expected, run)
