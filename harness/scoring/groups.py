"""The groups of a table of results: what was done after the features, and whether the test had a say in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.scoring.record import Record

HEADING = "post-processing"

NONE, WITHOUT_THE_TEST, ON_THE_TEST, UNKNOWN = range(4)

GROUPS = ("none", "chosen without the test", "chosen on the test", "unknown")
"""The groups in words, in the order of tables; nobody knows how a finished matrix came about."""


def group_of(record: Record) -> int:
    """Return the number of a record's group.

    Results of different groups are no comparison of methods: the neighbours of a gallery help any method, and
    parameters that were chosen on the test fit its vehicles.
    """
    if record.given:
        return UNKNOWN
    if not record.chain:
        return NONE
    return ON_THE_TEST if record.chain.chosen == "test" else WITHOUT_THE_TEST
