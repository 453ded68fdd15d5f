"""What a user asks of a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PICTURES = 4000
"""Pictures that are copied by default: about 16 MB, and the lists of 200 queries or more."""


@dataclass(frozen=True)
class Choices:
    """What to report.

    Attributes:
        task: ``protocol/task``, or None for the first task that the run has.
        data: the folder of the data set, or None for the protocol's default.
        against: a second run, shown beside the first.
        draw: the number of the draw, from 1.
        pictures: the most pictures to copy.
        seed: of the random order.
    """

    task: str | None = None
    data: Path | None = None
    against: Path | None = None
    draw: int = 1
    pictures: int = PICTURES
    seed: int = 0
