"""Secrets of a real API server."""

from tests.agent.kubernetes.secret_cases import *  # noqa: F403 - the same tests as of the small one
