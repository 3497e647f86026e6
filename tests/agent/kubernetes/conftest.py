"""The small API server, an agent that writes a Secret of it, and pods of packaging/kubernetes. In
`real` a real API server takes the small one's place."""

import pytest

from harness.kafka.cli import client_config
from harness.kafka.ports import free_port
from harness.kafka.properties import ADMIN, USERS

from .pod import Pod, manifests
from .secret_cases import SECRET, SecretAgent
from .small import SmallApiServer


@pytest.fixture
def cluster(tmp_path, identities):
    directory = tmp_path / "cluster"
    directory.mkdir()
    with SmallApiServer(directory, identities) as server:
        yield server


@pytest.fixture
def start(cluster, broker, tmp_path):
    """Starts an agent with these rights."""
    agents = []

    def start(how="start", secrets=(SECRET,), verbs=("get", "patch"), **options):
        directory = tmp_path / f"agent-{len(agents)}"
        directory.mkdir()
        token = cluster.account(f"relay-{len(agents)}", secrets, verbs)
        agent = SecretAgent(cluster, directory, broker.bootstrap(), token, **options)
        agents.append(agent)
        if how:
            agent.start()
        return agent

    yield start
    for agent in agents:
        agent.__exit__()
    for agent in agents:
        assert (agent.directory / "account").read_text() not in agent.log()


@pytest.fixture
def pod(cluster, broker, tmp_path):
    """A pod of these manifests, whose objects the cluster has."""
    address = f"127.0.0.1:{free_port()}"
    admin = client_config(tmp_path / "admin.properties", ADMIN, USERS[ADMIN])
    pods = []

    def pod(*names, changes=()):
        documents = manifests(*names)
        if not pods:
            cluster.make_secret("kafka-admin", {"admin.properties": admin.read_bytes()})
        cluster.install(documents)
        adapted = (
            ("kafka:9093", broker.bootstrap()),
            ("SASL_SSL", "SASL_PLAINTEXT"),
            # Tests share the network.
            ('listen = "0.0.0.0:9712"', f'listen = "{address}"'),
            ("journal = ", f'listen = "{address}"\njournal = '),
            *changes,
        )
        pod = Pod(cluster, documents, tmp_path / f"pod-{len(pods)}", adapted)
        pod.address, pod.log = address, tmp_path / f"pod-{len(pods)}.log"
        pods.append(pod)
        return pod

    yield pod
    for pod in pods:
        pod.__exit__()
