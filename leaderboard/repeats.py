"""Repeats: runs of one method that differ in their seed alone, and their mean."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from harness.basics.digests import digest
from harness.scoring.per_query import PerQuery
from harness.scoring.record import OUTCOME
from leaderboard.entries import Entry, values_of

OF_ONE_RUN = {"seed", "features", "checkpoint"}
"""What differs between repeats, besides what came out."""


def repeats(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Return the entries with those together that differ in their seed alone, each group by seed."""
    groups: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.record.seed or 0, entry.record.run)):
        same = {name: value for name, value in entry.record.values.items() if name not in OF_ONE_RUN | OUTCOME}
        groups.setdefault(digest(same), []).append(entry)
    return list(groups.values())


def mean_measures(group: Sequence[Entry]) -> Mapping[str, float]:
    """Return each measure's mean over the repeats."""
    records = [entry.record for entry in group]
    return {
        measure: math.fsum(record.measures[measure] for record in records) / len(records)
        for measure in records[0].measures
    }


def mean_values(group: Sequence[Entry]) -> PerQuery:
    """Return the per-query values, each the mean over the repeats.

    Raises:
        RecordError: a repeat has none.
    """
    tables = [values_of(entry) for entry in group]
    first = tables[0]
    values = {
        measure: np.sum([table.values[measure] for table in tables], axis=0) / len(tables) for measure in first.values
    }
    return PerQuery(first.keys, first.vehicle, values)
