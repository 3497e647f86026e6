"""Kafka's own command line tool for delegation tokens."""

import re
import subprocess

from harness.kafka.jars import tools_classpath
from harness.kafka.properties import jaas, write
from harness.paths import ROOT
from harness.process import java_command, say

TOOL = "org.apache.kafka.tools.DelegationTokenCommand"


def create_token(broker, user, password, max_lifetime_ms):
    """`user` creates a token of her own: (its id, its HMAC)."""
    config = write(
        broker.directory / "token-tool.properties",
        {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": jaas("SCRAM-SHA-512", user, password),
        },
    )
    options = ["--bootstrap-server", broker.bootstrap(), "--command-config", str(config)]
    options += ["--create", "--max-life-time-period", str(max_lifetime_ms)]
    options += ["--renewer-principal", "User:bob"]
    say(f"  {TOOL.rpartition('.')[2]} {' '.join(options)}".replace(f"{ROOT}/", ""))
    logging = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    tool = subprocess.run(
        [java_command(), "-XX:TieredStopAtLevel=1", logging]
        + ["-cp", tools_classpath(broker.version), TOOL, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    created = re.search(r"Created delegation token with tokenId *: *(\S+)", tool.stdout)
    hmac = created and re.search(rf"^{re.escape(created[1])}\s+(\S+)", tool.stdout, re.MULTILINE)
    if tool.returncode != 0 or not hmac:
        raise RuntimeError(f"{TOOL} created no token:\n{tool.stdout}")
    say(f"    {created[0]}")
    return created[1], hmac[1]
