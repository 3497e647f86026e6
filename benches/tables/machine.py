"""What figures depend on, and nothing else of the machine."""

import subprocess
from pathlib import Path

_FEATURES = ["sha_ni", "avx2", "avx512f", "vaes"]


def describe(*commands):
    """The processor, and the versions that these of rustc, openssl and java say."""
    return "; ".join([_processor(), *map(_version, commands)])


def _processor():
    info = Path("/proc/cpuinfo").read_text().splitlines()
    fields = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in info)
    }
    features = [name for name in _FEATURES if name in fields.get("flags", "").split()]
    return f"{fields.get('model name', 'unknown processor')} with {', '.join(features)}"


def _version(command):
    argv = [command, "version" if command == "openssl" else "--version"]
    output = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return output.splitlines()[0].split(" (Library")[0]
