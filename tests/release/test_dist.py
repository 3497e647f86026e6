"""What is in dist/, and that it is what SHA256SUMS says."""

import hashlib
import json
import re

import pytest

from harness.commands import succeed
from harness.jvm.jar import VERSION
from harness.paths import ROOT

pytestmark = pytest.mark.release

NAME = f"scramtoken-{VERSION}"
FILES = {
    "SHA256SUMS",
    f"{NAME}.tar.gz",
    f"{NAME}-vendor.tar.xz",
    f"{NAME}-library.cdx.json",
    f"{NAME}-program.cdx.json",
    f"{NAME}-linux-amd64.tar.gz",
    f"{NAME}-linux-arm64.tar.gz",
    f"{NAME}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    f"{NAME}-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.whl",
    f"{NAME}-py3-none-musllinux_1_2_x86_64.whl",
    f"{NAME}-py3-none-musllinux_1_2_aarch64.whl",
    f"scramtoken-kafka-{VERSION}.jar",
    f"scramtoken-kafka-{VERSION}.pom",
    f"scramtoken-kafka-{VERSION}-sources.jar",
    f"scramtoken-kafka-{VERSION}-javadoc.jar",
    *(
        f"{package}_{VERSION}-1_{architecture}.deb"
        for package in ("libscramtoken0", "libscramtoken-dev", "scramtoken")
        for architecture in ("amd64", "arm64")
    ),
}


def test_every_package_is_there_and_nothing_else(dist):
    assert {path.name for path in dist.iterdir()} == FILES


def test_checksums(dist):
    sums = dict(
        reversed(line.split("  ")) for line in (dist / "SHA256SUMS").read_text().splitlines()
    )
    assert sums.keys() == FILES - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((dist / name).read_bytes()).hexdigest() == digest, name


def test_the_version_has_a_date_in_the_changelog():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \[{re.escape(VERSION)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE)


def test_manifests_name_this_version():
    """The image of the Dockerfile and of packaging/kubernetes is that of this version."""
    tags = set()
    for path in (ROOT / "packaging").rglob("*"):
        if path.suffix == ".yaml" or path.name == "Dockerfile":
            tags |= set(re.findall(r"\bscramtoken:([\w.]+)", path.read_text()))
    assert tags == {VERSION}


@pytest.mark.parametrize("what", ["library", "program"])
def test_bill_of_materials(dist, what):
    """Valid CycloneDX, with every crate that cargo links, each named in THIRD-PARTY."""
    from cyclonedx.schema import SchemaVersion  # a tool of releases, which other tests go without
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.V1_6)
    text = (dist / f"{NAME}-{what}.cdx.json").read_text()
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"components"', '"parts"', 1)) is not None
    bom = json.loads(text)
    listed = {(one["name"], one.get("version")) for one in bom["components"]}
    features = {"library": "capi,jni,rdkafka", "program": "cli"}[what]
    tree = ["cargo", "tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none"]
    lines = succeed([*tree, "--features", features, "--format", "{p}"], cwd=ROOT).splitlines()
    crates = {tuple(line.split()[:2]) for line in lines if line and " v" in line}
    crates = {(name, version.removeprefix("v")) for name, version in crates}
    assert crates - listed == {("scramtoken", VERSION)}
    foreign = {name for name, _ in listed} - {name for name, _ in crates}
    foreign &= {"lmdb", "rust-std", "llvm-libunwind", "compiler_rt", "musl"}
    assert foreign == {"lmdb", "rust-std", "llvm-libunwind", "compiler_rt"} | (
        {"musl"} if what == "program" else set()
    )
    terms = (ROOT / "THIRD-PARTY").read_text()
    for name, version in crates - {("scramtoken", VERSION)}:
        assert f"\n{name} {version}\n" in terms
    assert all(one["licenses"] for one in bom["components"])
