"""The manifests for Kubernetes: by its own schemas, and used with the small API server."""

import kubernetes_validate
import pytest

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
