"""Hot operations take no more instructions than counts.json says: what no timed test could show.

After a change that is worth it, and after one that takes fewer, `make instructions` writes the file
anew.
"""

import json

import pytest

from . import counting

KNOWN = json.loads(counting.COUNTS.read_text())
MOST = 1.03
# Another compiler makes other code of the same source.
MOST_BY_ANOTHER_COMPILER = 1.25


def test_all_operations_are_known():
    assert tuple(KNOWN["instructions"]) == counting.OPERATIONS


@pytest.mark.parametrize("operation", counting.OPERATIONS)
def test_instructions(operation):
    known = KNOWN["instructions"][operation]
    is_same = counting.compiler() == KNOWN["compiler"]
    most = MOST if is_same else MOST_BY_ANOTHER_COMPILER
    counted = counting.count(operation)
    assert counted > 0.5 * known, "what is counted is not the operation"
    assert counted <= most * known, (
        f"{operation}: {counted} instructions, and {known} before: see what grew, or, where it is "
        "worth that, run make instructions"
    )


def test_hashing_is_left_out_and_calls_count_once():
    profile = "\n".join(
        [
            f"ob={counting.library()}",
            "fn=scramtoken_server_step",
            "10 5",
            "cfn=sha2::sha256::compress",
            "calls=1 20",
            "11 700",
            "12 6",
            "fn=sha2::sha256::compress",
            "20 700",
            "ob=/usr/lib/libc.so.6",
            "fn=malloc",
            "30 50",
        ]
    )
    assert counting.instructions(profile) == 11
