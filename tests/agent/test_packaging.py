"""What packaging/ has for the agent: alert rules and a unit that do what they say."""

import configparser
import json
import os
import re
import subprocess

from harness.debian import unpacked
from harness.kafka.cli import PROGRAM
from harness.paths import ROOT

PACKAGING = ROOT / "packaging"
DASHBOARD = PACKAGING / "grafana" / "scramtoken-agent.json"
MANUAL = (ROOT / "docs" / "agent.md").read_text()
RULES = PACKAGING / "prometheus" / "scramtoken-agent.rules.yml"


def promtool(*arguments, **how):
    program = unpacked("prometheus") / "usr/bin/promtool"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, **how)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alert_rules():
    promtool("check", "rules", RULES)
    promtool("test", "rules", RULES.with_name("scramtoken-agent.rules.test.yml"))


def metrics():
    """Those that the agent shows."""
    source = (ROOT / "src" / "agent" / "metrics.rs").read_text()
    found = set(re.findall(r'"([a-z_]+_(?:total|seconds|info|up|ready|current))"', source))
    return found | {"brokers_up", "journal_up", "token_ready", "target_current"}


def test_the_dashboard_shows_every_metric_and_no_other(tmp_path):
    dashboard = json.loads(DASHBOARD.read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    used = set(re.findall(r"scramtoken_agent_([a-z_]+)", " ".join(expressions)))
    assert used == metrics(), used ^ metrics()
    # Prometheus can read each of them; panels have places and ids of their own.
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", file)
    for key in ("id", "gridPos", "title"):
        values = [str(panel[key]) for panel in dashboard["panels"]]
        assert len(set(values)) == len(values), key


def test_rules_and_manual_name_metrics_that_exist():
    exist = metrics()
    used = set(re.findall(r"scramtoken_agent_([a-z_]+)", RULES.read_text()))
    assert used and used <= exist, used - exist
    (listed,) = re.findall(r"Metrics begin with `scramtoken_agent_`:(.*?)\n\n", MANUAL, re.DOTALL)
    named = set(re.findall(r"`([a-z_]+)`", re.sub(r"`packaging.*", "", listed, flags=re.DOTALL)))
    assert named == exist, named ^ exist


def test_the_manual_and_the_help_name_every_key():
    reference = (ROOT / "src" / "agent" / "config" / "reference.txt").read_text()
    done = subprocess.run([PROGRAM, "help", "agent"], capture_output=True, text=True)
    for key in re.findall(r"^  (\w+) = ", reference, re.MULTILINE):
        assert f"{key} = " in done.stdout, key


def test_the_unit_names_what_the_program_takes():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(PACKAGING / "systemd" / "scramtoken-agent.service")
    service = unit["Service"]
    assert service["Type"] == "notify" and service["WatchdogSec"] == "60"
    command = service["ExecStart"].split()
    assert command[1:3] == ["agent", "--config"]
    done = subprocess.run([PROGRAM, *command[1:], "--check-config"], capture_output=True, text=True)
    assert done.returncode == 2 and "/etc/scramtoken/agent.toml: No such file" in done.stderr
    # The manual shows a part of it.
    (shown,) = re.findall(r"```ini\n\[Service\]\n(.*?)```", MANUAL, re.DOTALL)
    text = (PACKAGING / "systemd" / "scramtoken-agent.service").read_text().splitlines()
    assert set(shown.splitlines()) <= set(text)


def systemd_analyze(*arguments):
    """Debian's, which is older than what many have: it knows no newer settings."""
    systemd, shared = unpacked("systemd"), unpacked("libsystemd-shared")
    libraries = {str(path.parent) for path in shared.rglob("libsystemd-shared-*.so")}
    return subprocess.run(
        [systemd / "usr/bin/systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"LD_LIBRARY_PATH": ":".join(libraries), "SYSTEMD_PAGER": ""},
    )


def test_systemd_understands_the_unit_and_finds_it_hardened(tmp_path):
    unit = tmp_path / "scramtoken-agent.service"
    text = (PACKAGING / "systemd" / unit.name).read_text()
    unit.write_text(text.replace("/usr/local/bin/scramtoken", str(PROGRAM)))
    done = systemd_analyze("verify", "--man=no", unit)
    assert unit.name not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    done = systemd_analyze("security", "--offline=true", "--threshold=15", unit)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_of_the_manual_is_right(tmp_path):
    text, secret, command = re.findall(r"```toml\n(.*?)```", MANUAL, re.DOTALL)
    text += f'{secret}\n{command}\n[kubernetes]\napi_server = "https://a"\nnamespace = "jobs"\n'
    admin = tmp_path / "admin.properties"
    admin.touch(mode=0o600)
    admin.write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="a" password="b";\n'
    )
    text = text.replace("/etc/scramtoken/admin.properties", str(admin))
    config = tmp_path / "agent.toml"
    config.write_text(text.replace('group = "spark"', 'group = "0"'))
    done = subprocess.run(
        [PROGRAM, "agent", "--config", config, "--check-config"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
