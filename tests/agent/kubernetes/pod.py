"""Runs the containers of packaging/kubernetes as processes, each in a mount namespace of its own,
with what its volumes hold at the paths where it looks for it."""

import os
import subprocess
from pathlib import Path

import yaml

from harness import process
from harness.kafka.cli import PROGRAM
from harness.namespaces import MOUNTS
from harness.paths import ROOT

MANIFESTS = ROOT / "packaging" / "kubernetes"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# All that is mounted is below /run, which /var/run leads to.
MOUNT = """
mount -t tmpfs -o mode=0755 tmpfs /run
while [ "$1" != -- ]; do
  mkdir -p "$2" && mount --bind "$1" "$2" || exit 99
  shift 2
done
shift
exec "$@"
"""


def manifests(*names):
    """The documents of these files."""
    texts = [(MANIFESTS / f"{name}.yaml").read_text() for name in names]
    return [document for text in texts for document in yaml.safe_load_all(text)]


class Pod:
    """The pod of the one document that has one. `changes` are (text, other text) of configurations
    and commands, as whoever uses the manifests changes them."""

    def __init__(self, cluster, documents, directory, changes):
        self._cluster = cluster
        self._changes = changes
        self._directory = directory
        self._config_maps = {
            document["metadata"]["name"]: document["data"]
            for document in documents
            if document["kind"] == "ConfigMap"
        }
        (self.spec,) = filter(None, map(_pod_spec, documents))
        self._volumes = {volume["name"]: volume for volume in self.spec.get("volumes", [])}
        self._running = []
        directory.mkdir(exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self._running:
            process.stop(child)

    def container(self, name):
        containers = self.spec["containers"] + self.spec.get("initContainers", [])
        return next(container for container in containers if container["name"] == name)

    def start(self, name, log):
        """Starts a container that stays."""
        argv, environment = self._how(name, self.container(name)["command"])
        with open(log, "ab") as out:
            child = process.start(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment
            )
        self._running.append(child)
        return child

    def run(self, name, command=None):
        """Runs a container to its end, or a command in it."""
        argv, environment = self._how(name, command or self.container(name)["command"])
        return subprocess.run(argv, capture_output=True, text=True, timeout=120, env=environment)

    def _how(self, name, command):
        container = self.container(name)
        mounts = []
        for mount in container.get("volumeMounts", []):
            mounts += [self._volume(mount["name"]), mount["mountPath"]]
        if self.spec.get("automountServiceAccountToken", True):
            mounts += [self._account(), ACCOUNT]
        command = [self._changed(word) for word in command]
        argv = [*MOUNTS, "sh", "-c", MOUNT, "sh", *map(str, mounts), "--", *command]
        host, port = self._cluster.api_server.removeprefix("https://").split(":")
        environment = {
            "PATH": f"{Path(PROGRAM).parent}:{os.environ['PATH']}",
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
        }
        for variable in container.get("env", []):
            key = variable["valueFrom"]["secretKeyRef"]
            data, _ = self._cluster.secret(key["name"])
            environment[variable["name"]] = data[key["key"]].decode()
        return argv, environment

    def _volume(self, name):
        volume = self._volumes[name]
        path = self._directory / name
        if "emptyDir" in volume:
            if not path.exists():
                path.mkdir()
                path.chmod(0o3777)  # as the kubelet leaves one in memory, with an fsGroup
            return path
        if "configMap" in volume:
            data = self._config_maps[volume["configMap"]["name"]]
            data = {key: text.encode() for key, text in data.items()}
        elif "projected" in volume:
            (source,) = volume["projected"]["sources"]
            source = source["serviceAccountToken"]
            token = self._cluster.identity(self.spec["serviceAccountName"], source["audience"])
            data = {source["path"]: token.encode()}
        else:
            data, _ = self._cluster.secret(volume["secret"]["secretName"])
        return self._files(path, data)

    def _account(self):
        token = self._cluster.account(self.spec["serviceAccountName"])
        namespace = self._cluster.namespace.encode()
        data = {"token": token.encode(), "ca.crt": self._cluster.ca.read_bytes()}
        return self._files(self._directory / "account", data | {"namespace": namespace})

    def _files(self, path, data):
        path.mkdir(exist_ok=True)
        for key, value in data.items():
            (path / key).write_text(self._changed(value.decode()))
            (path / key).chmod(0o440)
        return path

    def _changed(self, text):
        for old, new in self._changes:
            text = text.replace(old, new)
        return text


def _pod_spec(document):
    spec = document.get("spec", {})
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template", {}).get("spec")
