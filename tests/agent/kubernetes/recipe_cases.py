"""The manifests of packaging/kubernetes, used as whoever reads docs/agent.md does. As with Secrets,
`cluster` is the small API server or a real one."""

import json
import re
import signal
import time
import urllib.error
import urllib.request

from harness.paths import ROOT

from ..agent import wait_for

README = (ROOT / "README.md").read_text()


def probe(pod, probe):
    """Whether an HTTP probe succeeds."""
    try:
        url = f"http://{pod.address}{probe['httpGet']['path']}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.HTTPError, urllib.error.URLError):
        return False


def id_and_hmac(cluster):
    data, _ = cluster.secret("kafka-token")
    return data["token-id"].decode(), data["token-hmac"].decode()


def test_the_agent_that_keeps_a_secret_and_a_job_with_it_in_its_environment(cluster, broker, pod):
    (commands,) = re.findall(r"```sh\n(kubectl .*?)```", README, re.DOTALL)
    assert "create secret generic kafka-admin --from-file=admin.properties" in commands
    agent = pod(*re.findall(r"-f packaging/kubernetes/([a-z-]+)\.yaml", commands))
    assert cluster.secret("kafka-token")[0] == {}
    child = agent.start("agent", agent.log)
    container = agent.container("agent")
    wait_for(lambda: probe(agent, container["readinessProbe"]))
    assert probe(agent, container["livenessProbe"])
    broker.login(*id_and_hmac(cluster), token=True)
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == 0
    job = pod("env-from-secret").run("job")
    assert job.returncode == 0 and "as the delegation token" in job.stdout, job.stderr


def test_an_agent_without_any_stored_secret(cluster, broker, pod):
    agent = pod("rbac", "workload-identity")
    assert not any("secret" in volume for volume in agent.spec["volumes"])
    child = agent.start("agent", agent.log)
    wait_for(lambda: probe(agent, agent.container("agent")["readinessProbe"]))
    broker.login(*id_and_hmac(cluster), token=True)
    token = json.loads(cluster.secret("kafka-token")[0]["token.json"])
    account = f"system:serviceaccount:{cluster.namespace}:scramtoken-agent"
    assert token["owner"] == f"User:{account}"
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == 0


def test_the_cron_job_renews(cluster, broker, pod):
    job = pod("rbac", "cronjob")
    done = job.run("agent")
    assert done.returncode == 0, done.stderr
    first = id_and_hmac(cluster)
    broker.login(*first, token=True)
    done = job.run("agent")
    assert done.returncode == 0 and "renewed the token" in done.stderr, done.stderr
    assert id_and_hmac(cluster) == first


def test_a_new_token_every_day(cluster, broker, pod):
    # Two days are eight seconds here, for which the brokers let a token live without renewal.
    job = pod("rbac", "daily-token", changes=[('max_lifetime = "2d"', 'max_lifetime = "8s"')])
    done = job.run("agent")
    assert done.returncode == 0, done.stderr
    first = id_and_hmac(cluster)
    time.sleep(3)
    done = job.run("agent")
    assert done.returncode == 0, done.stderr
    second = id_and_hmac(cluster)
    assert second != first, done.stderr
    for token in (first, second):
        broker.login(*token, token=True)
    assert second[0] in cluster.secret("kafka-token")[0]["jaas"].decode()


def test_the_sidecar_is_there_before_the_job_and_ends_its_token_after_it(cluster, broker, pod):
    job = pod("sidecar")
    child = job.start("agent", job.log)
    (command,) = [job.container("agent")["startupProbe"]["exec"]["command"]]
    wait_for(lambda: job.run("agent", [*command, "--address", job.address]).returncode == 0)
    done = job.run("job")
    assert done.returncode == 0 and "as the delegation token" in done.stdout, done.stderr
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == 0
    assert "ended the token" in job.log.read_text()
