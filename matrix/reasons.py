"""Why cells are red that are: known reasons, each with what the client says then."""

import re
from dataclasses import dataclass
from typing import Callable

from .cells import IMPLICIT, PASSWORD, STOCK


@dataclass(frozen=True)
class Reason:
    """It holds for cells that `applies` names, whose error has the pattern `says` in it."""

    text: str
    applies: Callable
    says: str


def _has_librdkafka_2_0(cell):
    return cell.client == "kcat" or cell.client.endswith("librdkafka 2.0.2")


# The many ways to say that a broker has refused a login.
_REFUSED = "(?i)authentication|invalid credentials|unable to bootstrap|connections are down"

REASONS = (
    Reason(
        "A stock broker looks for a token only where the login says `tokenauth=true` (KIP-48); "
        "otherwise it takes the token's id for the name of a user, whom it does not know. "
        "librdkafka, kafka-python, aiokafka, KafkaJS "
        "([tulios/kafkajs#1477](https://github.com/tulios/kafkajs/issues/1477)) and kafka-go have "
        "no option that says so.",
        lambda cell: cell.kind == STOCK and cell.credential == IMPLICIT,
        _REFUSED,
    ),
    Reason(
        "librdkafka before 2.6.1 sends its nonce twice "
        "([confluentinc/librdkafka#4895](https://github.com/confluentinc/librdkafka/pull/4895), "
        "[edenhill/kcat#462](https://github.com/edenhill/kcat/issues/462)); Kafka 4 refuses what "
        "3.9 lets pass. With the plugin any version logs in, and a broker on libscramtoken takes "
        "it with `doubledNonce`.",
        lambda cell: (
            cell.kind == STOCK
            and not cell.version.startswith("3.")
            and cell.credential == PASSWORD
            and _has_librdkafka_2_0(cell)
        ),
        _REFUSED,
    ),
)


def reason_of(cell, error):
    """The number of the reason for a failure, from 1, or None."""
    numbers = reasons_for(cell)
    return next((n for n in numbers if re.search(REASONS[n - 1].says, error)), None)


def reasons_for(cell):
    """The numbers of the reasons for which a cell cannot work."""
    return [number for number, reason in enumerate(REASONS, 1) if reason.applies(cell)]
