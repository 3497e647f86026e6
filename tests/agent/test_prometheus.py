"""A real Prometheus scrapes the agent's page."""

import json
import subprocess
import urllib.parse
import urllib.request

import pytest

from harness import process
from harness.debian import unpacked
from harness.kafka.ports import free_port

from .agent import Agent, wait_for

TOKEN = """
[[token]]
name = "test"
[[token.target]]
file = "{dir}/token.json"
"""


@pytest.mark.long
def test_prometheus_scrapes_the_page(broker, tmp_path):
    address = f"127.0.0.1:{free_port()}"
    with Agent(tmp_path, broker.bootstrap(), TOKEN) as agent:
        agent.start()
        agent.wait_until_ready()
        config = tmp_path / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s}\n"
            "scrape_configs:\n"
            "- job_name: agent\n"
            f"  static_configs: [{{targets: ['{agent.address}']}}]\n"
        )
        argv = [unpacked("prometheus") / "usr/bin/prometheus", f"--config.file={config}"]
        argv += [f"--web.listen-address={address}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
        with open(tmp_path / "prometheus.log", "w") as log:
            prometheus = process.start(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:

            def value(query):
                query = urllib.parse.urlencode({"query": query})
                try:
                    with urllib.request.urlopen(f"http://{address}/api/v1/query?{query}") as answer:
                        (found,) = json.load(answer)["data"]["result"] or [None]
                except OSError:
                    return None
                return found and float(found["value"][1])

            name = 'scramtoken_agent_token_expiry_timestamp_seconds{token="test"}'
            expiry_s = wait_for(lambda: value(name), 60)
            assert value('up{job="agent"}') == 1
            # A renewal shows.
            wait_for(lambda: value(name) != expiry_s, 30)
            assert value('scramtoken_agent_renewals_total{token="test"}') >= 1
        finally:
            process.stop(prometheus)
