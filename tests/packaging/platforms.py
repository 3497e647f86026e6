"""What docs/platforms.md says of each target."""

import re

from harness.paths import ROOT

DOCUMENT = (ROOT / "docs" / "platforms.md").read_text()
# What the document says of each target's tests and needs.
TARGETS = dict(
    re.findall(r"^\| (\w+-unknown-linux-\w+) \| .* \| (.*) \|$", DOCUMENT, flags=re.MULTILINE)
)


def glibc_documented(target):
    major, minor = re.search(r"needs glibc (\d+)\.(\d+) or newer", TARGETS[target]).groups()
    return int(major), int(minor)
