"""Configures confluent-kafka, or what else takes librdkafka's properties, to use a source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ._library import library


def confluent_config(
    config: Mapping[str, Any], source: str, mechanism: str = "SCRAM-SHA-512"
) -> dict[str, Any]:
    """A copy of ``config`` that logs in with what ``source`` holds at each login::

        producer = Producer(scramtoken.confluent_config(
            {"bootstrap.servers": "localhost:9092"}, source="file:/run/secrets/token.json"))

    Args:
        config: confluent-kafka's configuration, without a login of its own.
        source: the URI of a Source, such as "file:/path" or "env:".
        mechanism: "SCRAM-SHA-256" or "SCRAM-SHA-512".

    Raises:
        TypeError: source is no string.
    """
    if not isinstance(source, str):
        raise TypeError(
            f"source must be the URI of a source, such as 'file:/path', not {type(source).__name__}"
        )
    plugins = [os.path.abspath(library._name)]
    if others := config.get("plugin.library.paths"):
        plugins.insert(0, others)
    return {
        **config,
        "plugin.library.paths": ";".join(plugins),
        "scramtoken.source": source,
        "scramtoken.mechanism": mechanism,
    }
