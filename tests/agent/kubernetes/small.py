"""A small API server that answers about Secrets as a real kube-apiserver was seen to do.

`real` runs the same tests against a real one, and compares the two answer by answer.
"""

import base64
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from harness.kafka.ca import CertificateAuthority

NAMESPACE = "jobs"


@dataclass
class Account:
    """Who may do what: `secrets` are the names for `verbs`; None is all, in all namespaces."""

    name: str
    secrets: tuple | None
    verbs: tuple


@dataclass
class Stored:
    version: int
    data: dict = field(default_factory=dict)
    # Field manager -> the keys that it has set.
    managers: dict = field(default_factory=dict)
    immutable: bool = False


class SmallApiServer:
    """For a `with` block. `trouble` is what it answers instead: a status code, "slow", "garbage",
    "endless", "html" or "redirect"; `requests` are (method, secret) of those that were answered."""

    namespace = NAMESPACE

    def __init__(self, directory, identities=None):
        self.directory = directory
        self._identities = identities
        self.authority = CertificateAuthority(directory)
        self.ca = self.authority.pem
        self.trouble = None
        self.requests = []
        self._lock = threading.Lock()
        self._version = 1
        self._secrets = {}
        self._accounts = {}
        self._port = 0
        self._server = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, certificate=None):
        """At the same port as before; with another certificate, where one is given."""
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate or self.authority.server_pem)
        # The handshake is the handler's, so that nobody holds up the others.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def api_server(self):
        return f"https://127.0.0.1:{self._port}"

    # What whoever runs the cluster does.

    def account(self, name, secrets=("kafka-token",), verbs=("get", "patch")):
        """The token of a service account that may do this."""
        with self._lock:
            self._accounts.setdefault(name, Account(name, secrets, tuple(verbs)))
        return f"token-of-{name}"

    def identity(self, name, audience):
        """The token of a service account for others than this server."""
        subject = f"system:serviceaccount:{NAMESPACE}:{name}"
        return self._identities.token(subject, aud=[audience])

    def install(self, documents):
        """Takes what it knows of: Secrets, and Roles that are bound."""
        rules = {d["metadata"]["name"]: d["rules"] for d in documents if d["kind"] == "Role"}
        for document in documents:
            if document["kind"] == "Secret":
                self.make_secret(document["metadata"]["name"])
            if document["kind"] == "RoleBinding":
                (rule,) = rules[document["roleRef"]["name"]]
                (subject,) = document["subjects"]
                self.account(subject["name"], tuple(rule["resourceNames"]), rule["verbs"])

    def make_secret(self, name, data=None, manager="kubectl-create", immutable=False):
        with self._lock:
            data = dict(data or {})
            self._version += 1
            managers = {manager: set(data)}
            self._secrets[NAMESPACE, name] = Stored(self._version, data, managers, immutable)

    def delete_secret(self, name):
        with self._lock:
            del self._secrets[NAMESPACE, name]

    def secret(self, name):
        """Its data, and its version."""
        with self._lock:
            stored = self._secrets[NAMESPACE, name]
            return dict(stored.data), str(stored.version)

    def set_key(self, name, key, value, manager):
        """As somebody else does, by force."""
        with self._lock:
            stored = self._secrets[NAMESPACE, name]
            for keys in stored.managers.values():
                keys.discard(key)
            stored.managers.setdefault(manager, set()).add(key)
            stored.data[key] = value
            self._touch(stored)

    # What the agent asks.

    def answer(self, method, path, query, token, body):
        """Status code and JSON."""
        with self._lock:
            words = path.strip("/").split("/")
            if words[:3] != ["api", "v1", "namespaces"] or words[4:5] != ["secrets"]:
                return 404, _status(404, "NotFound", "the server could not find", {})
            namespace, name = words[3], words[5]
            self.requests.append((method, name))
            accounts = {f"token-of-{name}": account for name, account in self._accounts.items()}
            account = accounts.get(token)
            if account is None:
                return 401, _status(401, "Unauthorized", "Unauthorized")
            verb = {"GET": "get", "PATCH": "patch"}[method]
            if not _may(account, verb, namespace, name):
                return _forbidden(account, verb, namespace, name)
            stored = self._secrets.get((namespace, name))
            if method == "GET":
                if stored is None:
                    return _missing("secrets", name)
                return 200, _shown(namespace, name, stored)
            return self._apply(account, namespace, name, stored, query, json.loads(body))

    def _apply(self, account, namespace, name, stored, query, document):
        (manager,) = query.get("fieldManager", [None])
        if manager is None:
            return _invalid("PatchOptions", "", "fieldManager", "FieldValueRequired")
        assert document["metadata"]["name"] == name and document["kind"] == "Secret"
        values = {key: base64.b64decode(text) for key, text in document["data"].items()}
        version = document["metadata"].get("resourceVersion")
        if stored is None:
            if not _may(account, "create", namespace, ""):
                return _forbidden(account, "create", namespace, name)
            if namespace != NAMESPACE:
                return _missing("namespaces", namespace)
            if version is not None:
                return _changed(name)
            self._version += 1
            stored = Stored(self._version, values, {manager: set(values)})
            self._secrets[namespace, name] = stored
            return 201, _shown(namespace, name, stored)
        if version is not None and version != str(stored.version):
            return _changed(name)
        conflicts = [
            (other, key)
            for other, keys in sorted(stored.managers.items())
            for key in sorted(keys)
            if other != manager and key in values and stored.data[key] != values[key]
        ]
        if conflicts:
            return _conflict(conflicts)
        mine = stored.managers.get(manager, set())
        theirs = set().union(*(k for m, k in stored.managers.items() if m != manager))
        dropped = mine - set(values) - theirs
        data = {key: value for key, value in stored.data.items() if key not in dropped} | values
        if stored.immutable and data != stored.data:
            return _invalid("Secret", name, "data", "FieldValueForbidden")
        if data != stored.data or mine != set(values):
            stored.data, stored.managers[manager] = data, set(values)
            self._touch(stored)
        return 200, _shown(namespace, name, stored)

    def _touch(self, stored):
        self._version += 1
        stored.version = self._version


def _may(account, verb, namespace, name):
    if account.secrets is None:
        return verb in account.verbs
    # A name cannot narrow what has none yet.
    is_named = name in account.secrets if verb != "create" else True
    return namespace == NAMESPACE and verb in account.verbs and is_named


def _shown(namespace, name, stored):
    data = {key: base64.b64encode(value).decode() for key, value in stored.data.items()}
    metadata = {"name": name, "namespace": namespace, "resourceVersion": str(stored.version)}
    metadata["managedFields"] = [
        {
            "manager": manager,
            "operation": "Apply" if manager.startswith("scramtoken-agent") else "Update",
            "fieldsV1": {"f:data": {f"f:{key}": {} for key in keys}},
        }
        for manager, keys in stored.managers.items()
        if keys
    ]
    # A real one leaves out what is empty.
    shown = {"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "type": "Opaque"}
    return shown | ({"data": data} if data else {})


def _status(code, reason, message, details=None):
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    status |= {"message": message, "reason": reason, "code": code}
    return status if details is None else status | {"details": details}


def _missing(kind, name):
    details = {"name": name, "kind": kind}
    return 404, _status(404, "NotFound", f'{kind} "{name}" not found', details)


def _forbidden(account, verb, namespace, name):
    user = f"system:serviceaccount:{NAMESPACE}:{account.name}"
    message = (
        f'secrets "{name}" is forbidden: User "{user}" cannot {verb} resource "secrets" in API '
        f'group "" in the namespace "{namespace}"'
    )
    return 403, _status(403, "Forbidden", message, {"name": name, "kind": "secrets"})


def _changed(name):
    message = (
        f'Operation cannot be fulfilled on secrets "{name}": the object has been modified; please '
        "apply your changes to the latest version and try again"
    )
    return 409, _status(409, "Conflict", message, {"name": name, "kind": "secrets"})


def _conflict(conflicts):
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}" using v1',
            "field": f".data.{key}",
        }
        for manager, key in conflicts
    ]
    message = (
        f"Apply failed with {len(causes)} conflict: {causes[0]['message']}: {causes[0]['field']}"
    )
    return 409, _status(409, "Conflict", message, {"causes": causes})


def _invalid(kind, name, place, reason):
    what = {
        "FieldValueForbidden": "Forbidden: field is immutable when `immutable` is set",
        "FieldValueRequired": "Required value: is required for apply patch",
    }[reason]
    causes = [{"reason": reason, "message": what, "field": place}]
    details = {"name": name, "kind": kind, "causes": causes}
    return 422, _status(422, "Invalid", f'{kind} "{name}" is invalid: {place}: {what}', details)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    api = None

    def handle(self):
        try:
            super().handle()
        except OSError:  # it does not trust us, or has gone
            self.close_connection = True

    def do_GET(self):
        self._answer()

    def do_PATCH(self):
        self._answer()

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        url = urlsplit(self.path)
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        trouble = self.api.trouble
        if trouble is None:
            if self.command == "PATCH":
                assert self.headers["content-type"] == "application/apply-patch+yaml"
            answer = self.api.answer(self.command, url.path, parse_qs(url.query), token, body)
            self._send(*answer)
        elif isinstance(trouble, int):
            self._send(trouble, _status(trouble, "InternalError", "an error on the server"))
        else:
            getattr(self, f"_{trouble}")()

    def _slow(self):
        deadline = time.monotonic() + 10
        while self.api.trouble == "slow" and time.monotonic() < deadline:
            time.sleep(0.1)
        self.close_connection = True

    def _garbage(self):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.close_connection = True

    def _endless(self):
        self.close_connection = True
        self._head(200, "application/json")
        while self.api.trouble == "endless":
            self.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

    def _html(self):
        self._send(200, "<html>", "text/html")

    def _redirect(self):
        self.send_response(307)
        self.send_header("location", f"https://localhost:1{self.path}")
        self.send_header("content-length", "0")
        self.end_headers()

    def _head(self, code, kind):
        self.send_response(code)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _send(self, code, answer, kind="application/json"):
        body = answer if isinstance(answer, str) else json.dumps(answer)
        self.send_response(code)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass
