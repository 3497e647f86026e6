"""The configuration files of a broker node and of its admin client."""

from .ca import STORE_PASSWORD

SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
LISTENERS = ("SASL_PLAINTEXT", "SASL_SSL")
ADMIN = "admin"
USERS = {ADMIN: "admin-secret", "alice": "alice-secret", "bob": "bob-secret"}

_DAY_MS = 24 * 60 * 60 * 1000
_MODULES = "org.apache.kafka.common.security"


def jaas(mechanism, username, password):
    """A JAAS line of Kafka's own login module for this mechanism."""
    module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
    return f'{_MODULES}.{module} required username="{username}" password="{password}";'


def node(number, nodes, host, directory, authority, secret_key, mechanisms):
    """server.properties of one node; `nodes` are all the nodes' ports by listener, by number."""
    ports = nodes[number]
    address = f"[{host}]" if ":" in host else host
    voters = ",".join(f"{n}@{address}:{p['CONTROLLER']}" for n, p in nodes.items())
    listeners = ",".join(f"{name}://{address}:{port}" for name, port in ports.items())
    replicas = min(len(nodes), 3)
    properties = {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": listeners,
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,"
        + ",".join(f"{name}:{name}" for name in LISTENERS),
        "inter.broker.listener.name": "SASL_PLAINTEXT",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "sasl.enabled.mechanisms": ",".join(mechanisms),
        "delegation.token.secret.key": secret_key,
        "delegation.token.expiry.time.ms": _DAY_MS,
        "delegation.token.max.lifetime.ms": 7 * _DAY_MS,
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": authority.server_keystore,
        "ssl.keystore.password": STORE_PASSWORD,
        "ssl.key.password": STORE_PASSWORD,
        "log.dirs": directory / "data",
        # One small machine, nothing to lose: few replicas, threads and partitions, no waiting.
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
    }
    for listener in LISTENERS:
        for mechanism in mechanisms:
            line = jaas(mechanism, ADMIN, USERS[ADMIN])
            if mechanism == "PLAIN":
                users = "".join(f' user_{name}="{word}"' for name, word in USERS.items())
                line = f"{line[:-1]}{users};"
            key = f"listener.name.{listener.lower()}.{mechanism.lower()}.sasl.jaas.config"
            properties[key] = line
    return properties


def admin(bootstrap, authority):
    """The configuration of an admin client that logs in as the administrator."""
    return {
        "bootstrap.servers": bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": jaas("SCRAM-SHA-512", ADMIN, USERS[ADMIN]),
        "ssl.truststore.type": "PKCS12",
        "ssl.truststore.location": authority.truststore,
        "ssl.truststore.password": STORE_PASSWORD,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 200,
        "default.api.timeout.ms": 15000,
        "request.timeout.ms": 10000,
    }


def write(path, properties):
    """Writes a Java properties file that only its owner can read."""
    path.touch(mode=0o600)
    lines = (f"{key}={value}\n" for key, value in properties.items())
    path.write_text("".join(lines).replace("\\", "\\\\"))
    return path
