"""Checks of a record: against its protocol, its own per-query values, and its features."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from harness.errors import BenchError, RecordError
from harness.scoring.per_query import PerQuery
from harness.scoring.record import Record
from harness.scoring.scores import Scores, exact_mean
from harness.steps.chain import Chain
from harness.tasks.counts import differences
from harness.tasks.fingerprint import fingerprint
from leaderboard.record_files import RecordFile, values_of

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.features.metric import Metric
    from harness.registry.registry import Registry
    from harness.tasks.protocol import Protocol
    from harness.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Question:
    """The task of a record, its data set, None if that is not on this machine, and what else is installed."""

    registry: Registry
    protocol: Protocol
    task: Task
    dataset: Dataset | None


def question_of(file: RecordFile, registry: Registry, data: Path | None = None) -> Question:
    """Return the task of a record; ``data`` is the folder of the data set, or None for the protocol's default.

    Raises:
        RecordError: the protocol has another version, or the task has other measures.
        UsageError: the protocol or the task is unknown.
        DataError: the data set cannot be read.
    """
    record = file.record
    protocol, (task,) = registry.tasks(record.name)
    if record.version != protocol.version:
        raise RecordError(
            f"the record is of another version of protocol '{protocol.name}'",
            where=file.path,
            found=record.version,
            expected=protocol.version,
            next_step="repeat the evaluation with this version",
        )
    if set(record.measures) != set(task.measures):
        raise RecordError(
            f"the record does not have the measures of {record.name}",
            where=file.path,
            found=", ".join(sorted(record.measures)),
            expected=", ".join(sorted(task.measures)),
        )
    root = data if data is not None else protocol.default_root()
    if root is None:
        return Question(registry, protocol, task, None)
    # A step of post-processing is given whatever labels there are.
    dataset = protocol.load(root) if record.chain else protocol.load_tasks(root, [task])
    return Question(registry, protocol, task, dataset)


def check_fingerprint(file: RecordFile, question: Question, filed: Iterable[RecordFile] = ()) -> None:
    """Compare the fingerprint with that of the data set, or without one with those known already.

    Known are the fingerprints of public copies that the protocol states, and those of the filed official records.

    Raises:
        RecordError: it differs; or none is known yet, so that only the data set can tell.
    """
    record = file.record
    if record.distractors is not None:
        raise RecordError(
            "the result is not of the task's own gallery",
            where=file.path,
            found=f"{record.distractors.count:,} distractors",
            expected="a result without distractors",
            next_step="score the features without --distractors",
        )
    if question.dataset is not None:
        expected = {fingerprint(question.protocol, question.task, question.dataset)}
    else:
        official = [other.record for other in filed if other.record.official]
        same = (record.name, record.version)
        expected = {other.fingerprint for other in official if (other.name, other.version) == same}
        expected |= {copy.fingerprint for copy in question.task.copies if copy.fingerprint}
    if not expected:
        raise RecordError(
            f"nothing is known yet that a record of {record.name} could be compared with",
            where=file.path,
            found="no filed record of the task, and no fingerprint of its released lists",
            expected="the data set, for the first record of a task",
            next_step="give its folder with --data DIR; the lists are enough",
        )
    if record.fingerprint not in expected:
        other = "the data set" if question.dataset is not None else "the official records of its task"
        raise RecordError(
            f"the record's fingerprint is not that of {other}",
            where=file.path,
            found=record.fingerprint,
            expected=" or ".join(sorted(expected)),
            next_step=None
            if question.dataset is not None
            else "if the filed records are the wrong ones, give the data set with --data DIR, which then decides",
        )


def check_release(file: RecordFile, question: Question, values: PerQuery) -> None:
    """Compare what a record says of its queries with the released counts, and with the data set if it is there.

    Raises:
        RecordError: the numbers of draws, queries or vehicles are not the released ones, the data set is not the
            release, or its queries are of other vehicles.
    """
    record, task = file.record, question.task
    if not task.released:
        raise RecordError(
            f"{record.name} has no released counts, so that no result of it is official",
            where=file.path,
            found="a record that says it is",
        )
    for word, found, expected in _counted(record, task, values):
        if found != expected:
            raise RecordError(
                f"the record is not of the released lists: {word} differ",
                where=file.path,
                found=f"{found} {word}",
                expected=f"{expected} {word}",
                next_step="score the features on a complete copy of the data set",
            )
    if question.dataset is None:
        return
    different = differences(task, question.dataset)
    if different:
        raise RecordError(
            "the data set is not the released one, so that no result on it is official",
            where=question.dataset.root,
            found="; ".join(different),
            next_step=f"see 'bench data check {question.protocol.name}'",
        )
    if not np.array_equal(values.vehicle, question.dataset.split(task.query).vehicle):
        raise RecordError(
            "the per-query values are not of the queries of the data set",
            where=file.path,
            found="other vehicles, or the same in another order",
        )


def _counted(record: Record, task: Task, values: PerQuery) -> Iterator[tuple[str, int, int]]:
    """Yield each count that a record shows, with the released one."""
    released, draws = task.released, task.rule.draws
    yield "draws", record.draws, 0 if draws is None else draws.count
    if "queries" in released and (draws is None or "gallery images" in released):
        # Of a list that is drawn from, every image is a row; a draw divides them into queries and gallery.
        yield "queries", len(values), released["queries"] + (0 if draws is None else released["gallery images"])
    if "vehicles" in released:
        yield "vehicles", len(np.unique(values.vehicle)), released["vehicles"]


def check_official(file: RecordFile) -> None:
    """Refuse a record that is not official.

    Raises:
        RecordError: it gives the record's own reasons.
    """
    if not file.record.official:
        raise RecordError(
            "the result is not official", where=file.path, found="; ".join(file.record.differences) or None
        )


def check_values(file: RecordFile) -> PerQuery:
    """Return the per-query values of a record after checking that they give its means digit for digit.

    Raises:
        RecordError: they are missing, or give another mean or another number of queries without a positive.
    """
    record, values = file.record, values_of(file)
    for measure in (*record.measures, *record.further):
        if measure not in values.values:
            raise RecordError(f"there are no per-query values of '{measure}'", where=file.path)
    for measure, one in record.further.items() if not record.draws else ():
        _same(file.path, f"the mean of {measure}", one.value, exact_mean(values.values[measure]))
    for measure, stated in record.measures.items():
        column = np.array(record.per_draw[measure]) if record.draws else values.values[measure]
        _same(file.path, f"the mean of {measure}", stated, exact_mean(column))
        if not record.draws:
            _same(file.path, "queries without a positive", record.ignored_queries, int(np.isnan(column).sum()))
    return values


def rescore(file: RecordFile, features: Path, question: Question) -> None:
    """Score the features again and compare every digit.

    Raises:
        RecordError: these are other features, or a digit differs; the first difference is named.
        FeatureError: the feature file is damaged, or lacks images.
        DataError: the data set does not support the task, or is not on this machine.
    """
    from harness.features import FeatureFile
    from harness.scoring.evaluation import score, with_features
    from harness.scoring.settings import ScoringSettings
    from harness.tasks.opening import find_root

    record = file.record
    if record.given:
        raise RecordError(
            "the result is of a finished matrix, and no features can confirm it",
            where=file.path,
            found=f"ranked by {record.metric}",
            expected="a result of features",
            next_step="import the features with 'bench features import', and score them with 'bench eval'",
        )
    dataset = question.dataset or question.protocol.load(find_root(question.protocol, None))
    with FeatureFile.open(features) as stored:
        _same(file.path, f"the digest of {features}", record.features, stored.digest)
        served = with_features(stored, question.task, dataset, skip_missing=False)
        settings = ScoringSettings(metric=cast("Metric", record.metric), post=_chain(file, question))
        scores = score(stored, question.protocol, question.task, served, settings)
    values = check_values(file) if record.per_query else None
    for name, stated, found in _pairs(record, values, scores):
        _same(file.path, name, stated, found)


def _chain(file: RecordFile, question: Question) -> Chain:
    """Return the steps of a record as they are installed here.

    Raises:
        RecordError: a step is not installed, or has other parameters here.
    """
    stated = file.record.chain
    try:
        chain = Chain.of(
            [(use.step, dict(use.options)) for use in stated.uses], question.registry.step, tuned=stated.tuned
        )
    except BenchError as problem:
        raise RecordError(
            "the post-processing of the record cannot be repeated here",
            where=file.path,
            found=problem.what,
            next_step=problem.next_step,
        ) from None
    _same(file.path, "the post-processing", stated, chain.stated)
    return chain


def _pairs(record: Record, values: PerQuery | None, scores: Scores) -> Iterator[tuple[str, object, object]]:
    """Return for each value its name, the record's value and the value that the features give."""
    yield "the fingerprint", record.fingerprint, scores.fingerprint
    yield "queries", record.queries, scores.queries
    yield "queries without a positive", record.ignored_queries, scores.ignored_queries
    yield "ties", record.ties, scores.ties
    for measure, stated in record.measures.items():
        yield measure, stated, float(scores.mean[measure])
        for draw, value in enumerate(record.per_draw.get(measure, ())):
            yield f"{measure} of draw {draw}", value, float(scores.per_draw[measure][draw])
        if values is not None and scores.asked is not None and values.asked is not None:
            for query, (one, other) in enumerate(zip(values.asked.tolist(), scores.asked.tolist(), strict=True)):
                yield f"the number of draws that asked query {query}", one, other
        if values is not None:
            pairs = zip(values.values[measure].tolist(), scores.per_query[measure].tolist(), strict=True)
            for query, (one, other) in enumerate(pairs):
                if not (math.isnan(one) and math.isnan(other)):
                    yield f"{measure} of query {query}", one, other


def _same(path: Path, name: str, stated: object, found: object) -> None:
    if stated != found:
        raise RecordError(
            f"the record is wrong: {name} differs",
            where=path,
            found=repr(found),
            expected=f"{stated!r}, as the record says",
        )
