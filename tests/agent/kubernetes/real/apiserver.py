"""A real kube-apiserver with its etcd in a temporary directory, and what its administrator does."""

import base64
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from harness import process
from harness.kafka.ca import CertificateAuthority
from harness.kafka.ports import Ports

from . import build

READY_S = 120


class ApiServer:
    """For a `with` block. `namespace` is changed by `new_namespace`, so that tests do not meet."""

    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory(prefix="kubernetes-")
        self.directory = Path(self._temporary.name)
        self._processes = []
        self._count = 0
        self.namespace = "default"

    def __enter__(self):
        programs = build.build()
        self._ports = Ports("127.0.0.1", ("etcd", "peer", "api"))
        etcd, peer, self.port = self._ports.numbers.values()
        authority = CertificateAuthority(self.directory)
        self.ca = authority.pem
        self._admin = self.directory / "admin.pem"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
            "-days", "2", "-subj", "/O=system:masters/CN=admin",
            "-keyout", "admin.key", "-out", self._admin,
        )  # fmt: skip
        private, public = self.directory / "sa.key", self.directory / "sa.pub"
        self._openssl("genrsa", "-out", private, "2048")
        self._openssl("rsa", "-in", private, "-pubout", "-out", public)
        clients, peers = f"http://127.0.0.1:{etcd}", f"http://127.0.0.1:{peer}"
        self._start(
            programs / "etcd",
            f"--data-dir={self.directory}/etcd",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
        )
        self._start(
            programs / "kube-apiserver",
            f"--etcd-servers={clients}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={authority.server_pem}",
            f"--tls-private-key-file={authority.server_pem}",
            f"--client-ca-file={self._admin}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={public}",
            f"--service-account-signing-key-file={private}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            "--enable-priority-and-fairness=false",
        )
        deadline = time.monotonic() + READY_S
        while not self._is_ready():
            if time.monotonic() > deadline or any(p.poll() is not None for p in self._processes):
                raise RuntimeError(self.log()[-4000:])
            time.sleep(0.2)
        return self

    def __exit__(self, *_):
        for child in reversed(self._processes):
            process.stop(child)
        self._ports.release()
        self._temporary.cleanup()

    def _start(self, *argv):
        with open(self.directory / "log", "ab") as log:
            self._processes.append(
                process.start(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
            )

    def _openssl(self, *arguments):
        argv = ["openssl", *map(str, arguments)]
        subprocess.run(argv, cwd=self.directory, check=True, capture_output=True)

    def _is_ready(self):
        try:
            return self.request("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    @property
    def api_server(self):
        return f"https://127.0.0.1:{self.port}"

    def request(self, method, path, body=None, kind="application/json", token=None):
        """Status code and JSON, or text; as the administrator, or by a token."""
        context = ssl.create_default_context(cafile=self.ca)
        if token is None:
            context.load_cert_chain(self._admin, self.directory / "admin.key")
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=30, context=context
        )
        headers = {"content-type": kind} | ({"authorization": f"Bearer {token}"} if token else {})
        try:
            text = json.dumps(body) if body is not None else None
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        is_json = answer.headers["content-type"].startswith("application/json")
        return answer.status, json.loads(text) if is_json else text

    def ask(self, method, path, body=None, kind="application/json"):
        """What must succeed."""
        code, answer = self.request(method, path, body, kind)
        assert 200 <= code < 300, answer
        return answer

    def apply(self, document, dry_run=False):
        """As `kubectl apply --server-side`: status code and answer."""
        path = _path(document, self.namespace)
        how = "fieldManager=kubectl&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        path = f"{path}/{document['metadata']['name']}?{how}"
        return self.request("PATCH", path, document, "application/apply-patch+yaml")

    def install(self, documents):
        for document in documents:
            code, answer = self.apply(document)
            assert code in (200, 201), answer

    def new_namespace(self):
        self._count += 1
        self.namespace = f"test-{os.getpid()}-{self._count}"
        self.ask("POST", "/api/v1/namespaces", _object("Namespace", self.namespace))

    # The same as of tests.agent.kubernetes.small.SmallApiServer.

    def account(self, name, secrets=("kafka-token",), verbs=("get", "patch")):
        where = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        if self.request("GET", f"{where}/{name}")[0] == 404:
            self.ask("POST", where, _object("ServiceAccount", name))
            self._give(name, secrets, verbs)
        spec = {"spec": {"expirationSeconds": 600}}
        return self.ask("POST", f"{where}/{name}/token", spec)["status"]["token"]

    def identity(self, name, audience):
        """A service account's token for others than the API server, as the kubelet asks for it."""
        where = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{name}/token"
        spec = {"spec": {"audiences": [audience], "expirationSeconds": 3600}}
        return self.ask("POST", where, spec)["status"]["token"]

    def jwks(self):
        """Its public keys, as brokers read them."""
        return json.loads(self.ask("GET", "/openid/v1/jwks"))  # its content type is its own

    def _give(self, name, secrets, verbs):
        rbac = "rbac.authorization.k8s.io"
        cluster = "Cluster" if secrets is None else ""
        base = {"apiGroups": [""], "resources": ["secrets"]}
        narrow = [verb for verb in verbs if verb != "create"]
        rules = [base | {"verbs": narrow} | ({"resourceNames": list(secrets)} if secrets else {})]
        if "create" in verbs:
            rules.append(base | {"verbs": ["create"]})
        rules = [rule for rule in rules if rule["verbs"]]
        where = f"/apis/{rbac}/v1" + ("" if cluster else f"/namespaces/{self.namespace}")
        unique = f"{self.namespace}-{name}"
        role = _object(f"{cluster}Role", unique) | {"rules": rules}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        binding = _object(f"{cluster}RoleBinding", unique) | {
            "roleRef": {"apiGroup": rbac, "kind": f"{cluster}Role", "name": unique},
            "subjects": [subject],
        }
        kinds = (f"{cluster.lower()}roles", f"{cluster.lower()}rolebindings")
        for kind, document in zip(kinds, (role, binding), strict=True):
            document["apiVersion"] = f"{rbac}/v1"
            self.ask("POST", f"{where}/{kind}", document)

    def _secret(self, name=""):
        return f"/api/v1/namespaces/{self.namespace}/secrets/{name}".rstrip("/")

    def make_secret(self, name, data=None, manager="kubectl-create", immutable=False):
        document = _object("Secret", name) | {"data": _encoded(data or {}), "immutable": immutable}
        self.ask("POST", f"{self._secret()}?fieldManager={quote(manager)}", document)

    def delete_secret(self, name):
        self.ask("DELETE", self._secret(name))

    def secret(self, name):
        answer = self.ask("GET", self._secret(name))
        data = {key: base64.b64decode(text) for key, text in answer.get("data", {}).items()}
        return data, answer["metadata"]["resourceVersion"]

    def set_key(self, name, key, value, manager):
        path = f"{self._secret(name)}?fieldManager={quote(manager)}"
        self.ask("PATCH", path, {"data": _encoded({key: value})}, "application/merge-patch+json")


def _object(kind, name):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}


def _encoded(data):
    return {key: base64.b64encode(value).decode() for key, value in data.items()}


def _path(document, namespace):
    version, kind = document["apiVersion"], document["kind"]
    root = f"/api/{version}" if version == "v1" else f"/apis/{version}"
    return f"{root}/namespaces/{namespace}/{kind.lower()}s"
