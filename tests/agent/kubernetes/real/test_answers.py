"""The small API server of `make test` answers as the real one, request by request."""

import base64
import http.client
import json
import ssl

import pytest

from tests.agent.kubernetes.small import SmallApiServer

SECRET = "kafka-token"


@pytest.fixture
def small(tmp_path):
    with SmallApiServer(tmp_path) as server:
        yield server


def ask(cluster, token, method, name, body=None, query="", namespace=None):
    """Status code and JSON."""
    host, port = cluster.api_server.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=cluster.ca)
    connection = http.client.HTTPSConnection(host, int(port), timeout=30, context=context)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/apply-patch+yaml"}
    path = f"/api/v1/namespaces/{namespace or cluster.namespace}/secrets/{name}{query}"
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def document(name, data, version=None):
    metadata = {"name": name} | ({"resourceVersion": version} if version else {})
    data = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def answers(cluster):
    """What the cluster says to one request after the other, without what is its own."""
    cluster.make_secret(SECRET, {"theirs": b"theirs"})
    cluster.make_secret("other")
    cluster.make_secret("frozen", immutable=True)
    relay = cluster.account("relay", (SECRET, "missing", "frozen"))
    anywhere = cluster.account("anywhere", None, ("get", "patch", "create"))
    by = "?fieldManager=scramtoken-agent/test"
    said = []

    def hear(what, token, method, name, *rest, **more):
        code, answer = ask(cluster, token, method, name, *rest, **more)
        said.append((what, code, plain(answer, cluster.namespace)))
        return answer.get("metadata", {}).get("resourceVersion")

    version = hear("read", relay, "GET", SECRET)
    hear("bad token", "no-token", "GET", SECRET)
    hear("other's", relay, "GET", "other")
    hear("missing", relay, "GET", "missing")
    hear("no manager", relay, "PATCH", SECRET, document(SECRET, {"a": b"1"}))
    one = hear("apply", relay, "PATCH", SECRET, document(SECRET, {"a": b"1", "b": b"2"}), by)
    two = hear("again", relay, "PATCH", SECRET, document(SECRET, {"a": b"1", "b": b"2"}), by)
    said.append(("unchanged", one == two, version != one))
    hear("drop", relay, "PATCH", SECRET, document(SECRET, {"a": b"1"}), by)
    hear("conflict", relay, "PATCH", SECRET, document(SECRET, {"a": b"1", "theirs": b"x"}), by)
    hear("same value", relay, "PATCH", SECRET, document(SECRET, {"theirs": b"theirs"}), by)
    hear("stale", relay, "PATCH", SECRET, document(SECRET, {"a": b"2"}, version), by)
    hear("may not make", relay, "PATCH", "missing", document("missing", {"a": b"1"}), by)
    made = document("made", {"a": b"1"})
    hear("namespace", anywhere, "PATCH", "made", made, by, namespace="gone")
    hear("make", anywhere, "PATCH", "made", made, by)
    hear("immutable", relay, "PATCH", "frozen", document("frozen", {"a": b"1"}), by)
    return said


def plain(answer, namespace):
    """All that the agent looks at."""
    text = json.dumps(answer).replace(namespace, "NAMESPACE")
    answer = json.loads(text)
    keep = {key: answer.get(key) for key in ("kind", "reason", "data", "type")}
    if answer["kind"] != "Status":
        applied = {
            entry["manager"]: sorted(key for key in entry["fieldsV1"]["f:data"] if key != ".")
            for entry in answer["metadata"]["managedFields"]
            if entry["operation"] == "Apply"
        }
        return keep | {"applied": applied}
    keep["message"], details = answer["message"], answer.get("details", {})
    causes = details.get("causes", [])
    causes = sorted(tuple(sorted(cause.items())) for cause in causes)
    if answer["reason"] == "Invalid":
        keep["message"] = None  # it quotes the object
    return keep | {"name": details.get("name") or None, "of": details.get("kind"), "causes": causes}


def test_the_small_server_answers_as_the_real_one(cluster, small):
    pairs = zip(answers(cluster), answers(small), strict=True)
    for real, other in pairs:
        assert json.dumps(real, sort_keys=True) == json.dumps(other, sort_keys=True)
