"""The names under which all observers write an epoch's row and a record's measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.scoring.record import Record

VALIDATION = ("ap", "cmc@1")
"""The columns of an epoch's row that are validation scores."""


def losses_and_scores(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of an epoch as ``training/loss``, ``training/learning_rate`` and ``validation/ap``."""
    return {
        f"{'validation' if name in VALIDATION else 'training'}/{name}": float(value)
        for name, value in row.items()
        if isinstance(value, float)
    }


def results(record: Record) -> dict[str, float]:
    """Return the measures of a record as ``veri776/image-to-image/ap``, fractions of 1."""
    further = {word: measure.value for word, measure in record.further.items()}
    return {f"{record.name}/{word}": value for word, value in {**record.measures, **further}.items()}
