"""MirrorMaker 2 as a process of its own, from a stock broker to one on libscramtoken."""

from harness.kafka import properties

from . import arrived, by_token, produce, running, wrong_principal

NAME = "MirrorMaker"
BROKERS = "stock to libscramtoken"
HOW = "`NAME.sasl.jaas.config` of both clusters with a source"
_REPLICATED = ("offset-syncs", "heartbeats", "checkpoints", "config", "offset", "status")


def run(brokers, logs):
    origin, target = brokers["stock"], brokers["libscramtoken"]
    produce(origin, "mirrored")
    config = {"clusters": "origin, target", "replication.factor": 1}
    for name, broker in (("origin", origin), ("target", target)):
        config[f"{name}.bootstrap.servers"] = broker.kafka.bootstrap("SASL_SSL")
        config |= by_token(broker, f"{name}.")
    for topic in _REPLICATED:
        suffix = "topic" if topic in _REPLICATED[:3] else "storage"
        config[f"{topic}.{suffix}.replication.factor"] = 1
    config |= {
        "origin->target.enabled": "true",
        "origin->target.topics": "mirrored",
        "target->origin.enabled": "false",
        "emit.heartbeats.enabled": "false",
        "emit.checkpoints.enabled": "false",
        "sync.topic.acls.enabled": "false",
        "refresh.topics.interval.seconds": 5,
    }
    file = properties.write(origin.kafka.directory / "mirror.properties", config)
    main = "org.apache.kafka.connect.mirror.MirrorMaker"
    with running(main, file, log=logs / "mirror.log") as wait:
        wait(lambda: arrived(target, "origin.mirrored"))
    return wrong_principal(origin, _is_its_own, ["FETCH"]) or wrong_principal(
        target, _is_its_own, ["PRODUCE"]
    )


def _is_its_own(client_id):
    return "origin->target" in client_id
