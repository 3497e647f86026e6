"""Writes the bill of materials of what is shipped, as CycloneDX 1.6: everything that is linked into
it on any platform of a release, with versions, terms and the checksums of Cargo.lock.

usage: bom.py {library|program} >FILE.cdx.json
"""

import json
import os
import re
import subprocess
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[1]
FEATURES = {"library": "capi,jni,rdkafka", "program": "cli"}
PLATFORMS = [
    f"{architecture}-unknown-linux-{libc}"
    for architecture in ("x86_64", "aarch64")
    for libc in ("gnu", "musl")
]
LOCKED = re.compile(
    r'^name = "(.*)"\nversion = "(.*)"\nsource = .*\nchecksum = "(.*)"$', re.MULTILINE
)
LINE = re.compile(r"^(\d+)(\S+) v(\S+)")


def main():
    if sys.argv[1:] not in ([what] for what in FEATURES):
        sys.exit(__doc__.strip().splitlines()[-1])
    what = sys.argv[1]
    checksums = {match[:2]: match[2] for match in LOCKED.findall((ROOT / "Cargo.lock").read_text())}
    crates = metadata()
    edges = linked(FEATURES[what])

    components = {}
    for name, version in sorted(edges):
        components[name, version] = Component(
            name=name,
            version=version,
            bom_ref=f"{name}@{version}",
            type=ComponentType.LIBRARY,
            purl=PackageURL("cargo", None, name, version),
            licenses=[LicenseExpression(crates[name, version]["license"].replace("/", " OR "))],
            hashes=hashes(checksums.get((name, version))),
        )
    (own,) = (key for key in components if key[0] == "scramtoken")
    product = components.pop(own)
    product.description = f"the {what} of scramtoken"
    product.type = ComponentType.APPLICATION if what == "program" else ComponentType.LIBRARY

    bom = Bom(components=components.values(), serial_number=serial(what, own[1]))
    bom.metadata = BomMetaData(component=product, timestamp=released())
    for key, below in edges.items():
        one = product if key == own else components[key]
        bom.register_dependency(one, [components[other] for other in sorted(below)])
    foreign(bom, product, components, crates)
    print(JsonV1Dot6(bom).output_as_string(indent=2))


def foreign(bom, product, components, crates):
    """What is linked and no crate: LMDB, Rust's standard library, and where it is static, musl."""
    binding, lmdb = lmdb_version(crates)
    version = run(["rustc", "--version"]).split()[1]
    zig = run([sys.executable, "-m", "ziglang", "version"]).strip()
    unwinds = f"unwinds the stack; as Zig {zig} has it"
    add = [
        (components[binding], "lmdb", lmdb, "OLDAP-2.8", None),
        (product, "rust-std", version, "MIT OR Apache-2.0", "Rust's standard library"),
        (product, "llvm-libunwind", zig, "Apache-2.0 WITH LLVM-exception", unwinds),
        (product, "compiler_rt", zig, "MIT", "Zig's runtime of the C compiler"),
    ]
    if product.type == ComponentType.APPLICATION:
        static = f"the C library where it is linked statically; as Zig {zig} has it"
        add.append((product, "musl", zig, "MIT", static))
    for parent, name, version, terms, description in add:
        purl = PackageURL("generic", None, name, version)
        one = Component(
            name=name,
            version=version,
            bom_ref=name,
            type=ComponentType.LIBRARY,
            purl=purl,
            licenses=[LicenseExpression(terms)],
            description=description,
        )
        bom.components.add(one)
        bom.register_dependency(one)
        bom.register_dependency(parent, [one])  # beside those that it has


def linked(features):
    """Each crate that is linked, as (name, version), with those that it needs."""
    edges = {}
    for platform in PLATFORMS:
        command = ["tree", "--locked", "--edges", "normal,no-proc-macro", "--no-dedupe"]
        command += ["--prefix", "depth", "--target", platform, "--features", features]
        path = []
        for line in cargo(command).splitlines():
            depth, name, version = LINE.match(line).groups()
            path = [*path[: int(depth)], (name, version)]
            edges.setdefault(path[-1], set())
            if len(path) > 1:
                edges[path[-2]].add(path[-1])
    return edges


def metadata():
    packages = json.loads(cargo(["metadata", "--locked", "--format-version", "1"]))["packages"]
    return {(package["name"], package["version"]): package for package in packages}


def lmdb_version(crates):
    """The crate that has LMDB inside, and LMDB's version as its header says."""
    ((key, package),) = (one for one in crates.items() if one[0][0] == "lmdb-master-sys")
    (header,) = Path(package["manifest_path"]).parent.rglob("lmdb.h")
    numbers = dict(re.findall(r"#define MDB_VERSION_(\w+)\s+(\d+)", header.read_text()))
    return key, ".".join(numbers[part] for part in ("MAJOR", "MINOR", "PATCH"))


def hashes(checksum):
    return [HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else []


def serial(what, version):
    """The same for the same commit, and another for any other."""
    commit = run(["git", "rev-parse", "HEAD"]).strip()
    return uuid.uuid5(uuid.NAMESPACE_URL, f"pkg:cargo/scramtoken@{version}?{commit}#{what}")


def released():
    return datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)


def cargo(arguments):
    return run([os.environ.get("CARGO", "cargo"), *arguments])


def run(command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
