"""What docs/platforms.md says, and what a library really needs."""

import re

from harness.commands import succeed
from harness.paths import ROOT

DOCUMENT = (ROOT / "docs" / "platforms.md").read_text()
# What the document says of each target's tests and needs.
TARGETS = dict(
    re.findall(r"^\| (\w+-unknown-linux-\w+) \| .* \| (.*) \|$", DOCUMENT, flags=re.MULTILINE)
)


def glibc_needed(library):
    """The newest version of glibc that a library takes symbols of."""
    versions = re.findall(
        r"\bGLIBC_(\d+)\.(\d+)\b", succeed(["readelf", "--version-info", library])
    )
    return max(tuple(map(int, version)) for version in versions)


def glibc_documented(target):
    major, minor = re.search(r"needs glibc (\d+)\.(\d+) or newer", TARGETS[target]).groups()
    return int(major), int(minor)
