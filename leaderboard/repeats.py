"""Repeats: runs of one method that differ only in their seed, and their mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.basics.digests import digest
from harness.scoring.record import OUTCOME
from harness.scoring.scores import exact_mean
from leaderboard.grouping import grouped
from leaderboard.record_files import RecordFile, values_of
from leaderboard.statistics.paired import Side

OF_ONE_RUN = {"seed", "features", "checkpoint", "code", "tuned"}
"""Fields that may differ between repeats, besides the outcome; ``code`` digests source text, which a mended typo
changes, and ``tuned`` the file of one seed, whose parameters are compared."""
WEIGHTS = {"weights"}
"""May differ too where no hub is named: random weights follow the seed."""
NAME = {"variant", "changes", "recipe"}
"""Fields that only name what the options say in full, for a record that has options."""


def group_repeats(files: Iterable[RecordFile], *, of_one_code: bool = False) -> list[list[RecordFile]]:
    """Return the records in groups, sorted by seed, whose other fields that can move a digit are equal.

    Equal options are one method, whatever variant or recipe they were asked for by.

    The same features of one seed count once. If one seed has different features under different code, the change of
    code or of weights moved digits, and each forms a group. With ``of_one_code`` each always does.
    """
    groups: dict[str, dict[object, RecordFile]] = {}
    for file in sorted(files, key=lambda file: (file.record.seed or 0, file.record.run)):
        record = file.record
        varying = OF_ONE_RUN - ({"code"} if of_one_code else set()) | OUTCOME | (NAME if record.options else set())
        varying |= set() if record.source else WEIGHTS
        same = {name: value for name, value in record.values.items() if name not in varying}
        group, key = groups.setdefault(digest(same), {}), (record.seed, record.features)
        known = group.get(key)
        group[key] = file if known is None else replace(known, names=(*known.names, record.method_name))
    return [part for group in groups.values() for part in _by_code(list(group.values()))]


def _by_code(group: list[RecordFile]) -> list[list[RecordFile]]:
    """Return the group, split by code and weights if a seed occurs more than once."""
    if len({file.record.seed for file in group}) == len(group):
        return [group]
    return list(grouped(group, lambda file: (file.record.code, file.record.weights)).values())


def mean_measures(group: Sequence[RecordFile]) -> Mapping[str, float]:
    """Return each measure's mean over the repeats."""
    records = [file.record for file in group]
    return {
        measure: exact_mean(np.array([record.measures[measure] for record in records]))
        for measure in records[0].measures
    }


def side_of(group: Sequence[RecordFile]) -> Side:
    """Return the repeats as one side of a comparison.

    Raises:
        RecordError: a repeat has no per-query values.
    """
    return Side(tuple(map(values_of, group)), tuple(file.record.per_draw for file in group))
