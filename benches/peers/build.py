"""Builds the workers: in Rust by a workspace of its own, in C with the headers of Debian's
packages, which are unpacked below build/."""

import os
import subprocess
import sys

from harness.commands import environment, succeed
from harness.debian import unpacked
from harness.jvm.jar import JAR, VERSION
from harness.kafka.jars import broker_classpath
from harness.paths import ROOT, library
from harness.process import java_command

HERE = ROOT / "benches" / "peers"
BUILD = ROOT / "build" / "bench-peers"
# Debian's package of each peer in C, and what they need beside themselves.
_DEBIAN = [
    "libgsasl-dev",
    *("libgsasl18", "libgssglue1", "libidn12", "libntlm0"),
    *("libsasl2-dev", "libsasl2-2", "libsasl2-modules"),
    *("libssl-dev", "libssl3"),
]
KAFKAS = ["4.4.0", "3.9.2"]


def commands():
    """The command of every worker, and its environment."""
    ours = environment(
        without=[], SCRAMTOKEN_LIBRARY=str(library()), PYTHONPATH=str(ROOT / "python")
    )
    rust = rust_workers()
    return [
        ([c_worker()], ours),
        *(([worker], ours) for worker in rust),
        ([sys.executable, "-m", "benches.peers.python"], ours),
        *((java_worker(version, with_jar=version == KAFKAS[0]), ours) for version in KAFKAS),
    ]


def rust_workers():
    """The peers, and the crate: apart, since cargo gives everybody the features of each."""
    target = BUILD / "rust"
    cargo = [os.environ.get("CARGO", "cargo"), "build", "--locked", "--release", "--quiet"]
    cargo += ["--manifest-path", HERE / "rust" / "Cargo.toml", "--target-dir", target]
    for options in (["--bin", "peers"], ["--bin", "ours", "--features", "ours"]):
        subprocess.run([*cargo, *options], check=True)
    return [target / "release" / name for name in ("peers", "ours")]


def c_worker():
    """Finds the packages' libraries where they were unpacked, before any that are installed."""
    usr = unpacked(*_DEBIAN) / "usr"
    (libraries,) = (path.parent for path in usr.glob("lib/*/libgsasl.so"))
    ours = BUILD / "lib"
    ours.mkdir(parents=True, exist_ok=True)
    for name in ("libscramtoken.so", "libscramtoken.so.0"):
        (ours / name).unlink(missing_ok=True)
        (ours / name).symlink_to(library())
    output = BUILD / "c"
    include = [usr / "include", usr / "include" / libraries.name, ROOT / "include"]
    succeed(
        [
            *("gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"),
            f'-DSASL_PLUGINS="{libraries / "sasl2"}"',
            *(f"-I{directory}" for directory in include),
            *sorted((HERE / "c").glob("*.c")),
            *("-o", output, f"-L{ours}", f"-L{libraries}"),
            *("-lscramtoken", "-lgsasl", "-lsasl2", "-lcrypto"),
            # Old tags, so that what the libraries need is looked for there, too.
            f"-Wl,--disable-new-dtags,-rpath,{ours},-rpath,{libraries}",
            f"-Wl,-rpath-link,{libraries}",
        ]
    )
    return output


def java_worker(version, with_jar):
    path = broker_classpath(version)
    names = [f"Apache Kafka {version}", version]
    if with_jar:
        path = os.pathsep.join([path, str(JAR)])
        names.append(VERSION)
    source = HERE / "java" / "Peers.java"
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=off"
    return [java_command(), quiet, "-cp", path, source, *names]


if __name__ == "__main__":
    commands()
