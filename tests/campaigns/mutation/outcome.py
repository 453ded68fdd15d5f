"""How a trial ended."""

from __future__ import annotations

from typing import NamedTuple


class Outcome(NamedTuple):
    """How a trial ended.

    Attributes:
        word: killed, survived, timed out, or none if the changed source is no program or the same one.
        by: the first test that failed.
        seconds: of the processor.
        durations: seconds of each test, of a module as it is.
    """

    word: str
    by: str
    seconds: float
    durations: dict[str, float]
