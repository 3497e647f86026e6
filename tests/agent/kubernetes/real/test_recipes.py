"""The manifests, judged and kept by a real API server."""

import pytest

from tests.agent.kubernetes.pod import MANIFESTS, manifests
from tests.agent.kubernetes.recipe_cases import *  # noqa: F403 - the same tests as of the small one

NAMES = sorted(path.stem for path in MANIFESTS.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_the_api_server_accepts_it(cluster, name):
    """Unknown fields are refused, as `kubectl apply --validate=strict` does."""
    for document in manifests(name):
        code, answer = cluster.apply(document, dry_run=True)
        assert code == 201, answer
