"""Builds a real kube-apiserver and etcd from Go modules, once for all checkouts of a machine.

usage: python -m tests.agent.kubernetes.real.build [--cached]

Some ten minutes of processor time, 0.6 GB of modules and 2 GB of Go's build cache. --cached builds
nothing, and exits with 1 where nothing is built yet.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness.kafka.jars import locked
from harness.process import say

SERVER = Path(__file__).parent / "server"
VERSION = "v1.36.3"
# Without optimisation the compiler takes half the time, and a server starts a second later.
COMMON = ["-trimpath", "-buildvcs=false", "-mod=mod", "-gcflags=all=-N -l"]
NAME = f"-X k8s.io/component-base/version.gitVersion={VERSION}"
PROGRAMS = {
    "etcd": ["-ldflags=-s -w", "go.etcd.io/etcd/server/v3"],
    "kube-apiserver": [f"-ldflags=-s -w {NAME}", "k8s.io/kubernetes/cmd/kube-apiserver"],
}


def directory():
    """Where the programs are, or will be: by what they are built from."""
    what = hashlib.sha256(repr((COMMON, PROGRAMS)).encode())
    for name in ("go.mod", "go.sum"):
        what.update((SERVER / name).read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "scramtoken" / f"kubernetes-{what.hexdigest()[:16]}"


def is_cached():
    return all((directory() / program).exists() for program in PROGRAMS)


def build():
    target = directory()
    target.mkdir(parents=True, exist_ok=True)
    with locked(target.with_suffix(".lock")):
        if not is_cached():
            say(f"kube-apiserver {VERSION} and etcd: ten minutes of processor time")
            _build(target)
    return target


def _build(target):
    # A copy, for Go may write to go.sum.
    source = target / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(SERVER, source)
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "", "GOGC": "400"}
    for program, flags in PROGRAMS.items():
        new = target / f"{program}.new"
        argv = ["go", "build", *COMMON, "-o", new, *flags]
        subprocess.run(argv, cwd=source, env=environment, check=True)
        new.rename(target / program)


if __name__ == "__main__":
    if sys.argv[1:] == ["--cached"]:
        sys.exit(0 if is_cached() else 1)
    build()
