"""The manifests for Kubernetes: by its own schemas, and used with the small API server."""

import re

import kubernetes_validate
import pytest

from harness.kafka.primary_logins import oauthbearer
from harness.paths import ROOT

from .pod import MANIFESTS, manifests
from .recipe_cases import *  # noqa: F403 - the same tests as of a real one

NAMES = sorted(path.stem for path in MANIFESTS.glob("*.yaml"))
MANUAL = (ROOT / "docs" / "agent.md").read_text()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", ["1.29", "1.36"])
def test_manifests_are_as_the_schemas_say(name, version):
    for document in manifests(name):
        kubernetes_validate.validate(document, version, strict=True)


def test_the_manual_names_every_manifest():
    for name in NAMES:
        assert f"packaging/kubernetes/{name}.yaml" in MANUAL, name


def test_the_manual_configures_brokers_as_tests_do(identities):
    section = MANUAL.partition("## Workload identity")[2].partition("\n## ")[0]
    section = section.replace("file:///etc/kafka/kubernetes-jwks.json", identities.jwks.as_uri())
    (block,) = re.findall(r"```properties\n(.*?)```", section, re.DOTALL)
    shown = dict(line.split("=", 1) for line in block.splitlines())
    assert shown.pop("sasl.enabled.mechanisms") == "SCRAM-SHA-512,OAUTHBEARER"
    used = oauthbearer(identities)
    assert shown == {
        key: value for key, value in used.properties.items() if ".sasl_plaintext." not in key
    }
    assert f"KAFKA_OPTS={used.jvm_args[0]}`" in section


@pytest.mark.parametrize("name", NAMES)
def test_containers_may_do_nothing_else(name):
    for document in manifests(name):
        spec = document.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec).get("template", {}).get("spec")
        if spec is None:
            continue
        assert spec["securityContext"]["runAsNonRoot"]
        for container in spec["containers"] + spec.get("initContainers", []):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
            assert context["capabilities"] == {"drop": ["ALL"]}
