"""Checking a record: against its protocol, against its own per-query values, and against its features."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from harness.errors import RecordError
from harness.scoring.per_query import PerQuery
from harness.scoring.record import Record
from leaderboard.entries import Entry, values_of

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.features.metric import Metric
    from harness.registry.registry import Registry
    from harness.scoring.scores import Scores
    from harness.tasks.protocol import Protocol
    from harness.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Question:
    """The task of a record, and the data set if it is at hand."""

    protocol: Protocol
    task: Task
    dataset: Dataset | None


def question_of(entry: Entry, registry: Registry, data: Path | None = None) -> Question:
    """Return the task that a record answers.

    Args:
        entry: the record.
        registry: where protocols are found.
        data: the data set's folder; None for the protocol's own default, where it has one.

    Raises:
        RecordError: the protocol's version is another, or its task asks for other measures.
        UsageError: the protocol or the task is unknown.
        DataError: the data set cannot be read.
    """
    record = entry.record
    protocol, (task,) = registry.tasks(record.name)
    if record.version != protocol.version:
        raise RecordError(
            f"the record is of another version of protocol '{protocol.name}'",
            where=entry.path,
            found=record.version,
            expected=protocol.version,
            next_step="repeat the evaluation with this version",
        )
    if set(record.measures) != set(task.measures):
        raise RecordError(
            f"the record does not hold the measures of {record.name}",
            where=entry.path,
            found=", ".join(sorted(record.measures)),
            expected=", ".join(sorted(task.measures)),
        )
    root = data if data is not None else protocol.default_root()
    return Question(protocol, task, None if root is None else protocol.load(root))


def check_fingerprint(entry: Entry, question: Question, filed: Iterable[Entry] = ()) -> None:
    """Hold the fingerprint against the data set at hand, or else against the official records that are filed.

    Raises:
        RecordError: it is another.
    """
    from harness.tasks.fingerprint import fingerprint

    record = entry.record
    if question.dataset is not None:
        expected = {fingerprint(question.protocol, question.task, question.dataset)}
    else:
        same = [
            other.record
            for other in filed
            if (other.record.name, other.record.version) == (record.name, record.version)
        ]
        expected = {other.fingerprint for other in same if other.official}
    if expected and record.fingerprint not in expected:
        raise RecordError(
            "the record's fingerprint is not that of the data set" if question.dataset is not None
            else "the record's fingerprint is not that of the official records of its task",
            where=entry.path,
            found=record.fingerprint,
            expected=" or ".join(sorted(expected)),
        )  # fmt: skip


def check_official(entry: Entry) -> None:
    """Refuse a record that is not official.

    Raises:
        RecordError: with the record's own reasons.
    """
    if not entry.record.official:
        raise RecordError(
            "the result is not official", where=entry.path, found="; ".join(entry.record.differences) or None
        )


def check_values(entry: Entry) -> PerQuery:
    """Return the per-query values of a record, once they have given its means digit for digit.

    Raises:
        RecordError: they are missing, or give another mean or another number of queries without a positive.
    """
    record, values = entry.record, values_of(entry)
    for measure, stated in record.measures.items():
        if measure not in values.values:
            raise RecordError(f"there are no per-query values of '{measure}'", where=entry.path)
        column = np.array(record.per_draw[measure]) if record.draws else values.values[measure]
        _same(entry.path, f"the mean of {measure}", stated, _mean(column))
        if not record.draws:
            _same(entry.path, "queries without a positive", record.ignored_queries, int(np.isnan(column).sum()))
    return values


def rescore(entry: Entry, features: Path, question: Question) -> None:
    """Score the features again and compare every digit.

    Raises:
        RecordError: the features are others, or give another digit: the first difference.
        FeatureError: the feature file is damaged, or lacks images.
        DataError: the data set cannot serve the task, or is not at hand.
    """
    from harness.features import FeatureFile
    from harness.scoring.evaluation import find_root, score, with_features

    record = entry.record
    dataset = question.dataset or question.protocol.load(find_root(question.protocol, None))
    with FeatureFile.open(features) as file:
        _same(entry.path, f"the digest of {features}", record.features, file.digest)
        served = with_features(file, question.task, dataset, skip_missing=False)
        metric = cast("Metric", record.metric)
        scores = score(file, question.protocol, question.task, served, metric=metric, rerank=record.rerank)
    values = check_values(entry) if record.per_query else None
    for what, stated, found in _pairs(record, values, scores):
        _same(entry.path, what, stated, found)


def _pairs(record: Record, values: PerQuery | None, scores: Scores) -> Iterator[tuple[str, object, object]]:
    """Return what a record states and what its features give, value by value."""
    yield "the fingerprint", record.fingerprint, scores.fingerprint
    yield "queries", record.queries, scores.queries
    yield "queries without a positive", record.ignored_queries, scores.ignored_queries
    yield "ties", record.ties, scores.ties
    for measure, stated in record.measures.items():
        yield measure, stated, float(scores.mean[measure])
        for draw, value in enumerate(record.per_draw.get(measure, ())):
            yield f"{measure} of draw {draw}", value, float(scores.per_draw[measure][draw])
        if values is not None:
            pairs = zip(values.values[measure].tolist(), scores.per_query[measure].tolist(), strict=True)
            for query, (one, other) in enumerate(pairs):
                if not (math.isnan(one) and math.isnan(other)):
                    yield f"{measure} of query {query}", one, other


def _same(path: Path, what: str, stated: object, found: object) -> None:
    if stated != found:
        raise RecordError(
            f"the record does not hold: {what} is another",
            where=path,
            found=repr(found),
            expected=f"{stated!r}, as the record says",
        )


def _mean(values: npt.NDArray[np.float64]) -> float:
    """Return the mean of what is not NaN, summed without rounding, as scores are."""
    known = values[~np.isnan(values)]
    return math.fsum(known.tolist()) / len(known) if len(known) else math.nan
