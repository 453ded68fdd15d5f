"""From the counts of a task, or of each draw, to values, and what thresholds do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.kernel.pooled.counting import Undecided
from harness.kernel.pooled.counts import PairCounts
from harness.pairs.open_set import OpenSet
from harness.pairs.question import Question
from harness.pairs.result import THE_TEST, OpenSetAnswer, Point, Value
from harness.pairs.thresholds import Given
from harness.pairs.verification import (
    Operation,
    best_f1,
    equal_error,
    equal_undecided,
    f1_undecided,
    far_undecided,
    operation_at,
    pr_area,
    ranges,
    roc_area,
    within_far,
)


def undecided(far: Sequence[str], thresholds: Sequence[float]) -> Undecided:
    """Return a function of counts: the ranges of similarity in which their bounds leave something open."""

    def masks(counts: PairCounts) -> list[tuple[float, float]]:
        unsure = counts.above[0] != counts.above[1]
        own = [far_undecided(counts, word) for word in far]
        given = [(counts.marks == threshold) & unsure for threshold in thresholds]
        return ranges([*own, equal_undecided(counts), f1_undecided(counts), *given], counts)

    return masks


def _mean(values: Sequence[float]) -> Value:
    """Return the mean over draws with its sample standard deviation, or the value of the only one."""
    if len(values) == 1:
        return Value(value=float(values[0]))
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return Value(value=mean, deviation=spread)


def measured(counts: Sequence[PairCounts], question: Question) -> tuple[dict[str, Value], list[Point]]:
    """Return the measures, and the thresholds that they were found at."""
    measures: dict[str, Value] = {}
    points = []
    for word in question.fars:
        found = [within_far(one, word) for one in counts]
        measures[f"tar@far={word}"] = _mean([0.0 if one is None else one.tar for one in found])
        points += _point(f"far={word}", [one for one in found if one is not None], len(counts))
    crossings = [equal_error(one) for one in counts]
    measures["eer"] = _mean([value for value, _ in crossings])
    at = [operation_at(one, threshold) for one, (_, threshold) in zip(counts, crossings, strict=True)]
    points += _point("eer", at, len(counts))
    best = [best_f1(one) for one in counts]
    measures["f1"] = _mean([one.f1 for one in best])
    points += _point("f1", best, len(counts))
    if question.areas:
        measures["roc-auc"] = _mean([roc_area(one) for one in counts])
        measures["pr-auc"] = _mean([pr_area(one) for one in counts])
    return measures, points


def _point(name: str, operations: Sequence[Operation], draws: int) -> list[Point]:
    """Return a point, none if some draw has no such threshold."""
    if len(operations) < draws:
        return []
    thresholds = {one.threshold for one in operations}
    return [
        Point(
            name=name,
            chosen_on=THE_TEST,
            threshold=thresholds.pop() if len(thresholds) == 1 else None,
            accepted=sum(one.accepted for one in operations),
            mistaken=sum(one.mistaken for one in operations),
            **{
                word: _mean([getattr(one, word) for one in operations]).value
                for word in ("tar", "far", "tnr", "precision", "f1")
            },
        )
    ]


def carried(counts: Sequence[PairCounts], given: Given, source: str, open_sets: Sequence[OpenSet]) -> list[Point]:
    """Return what given thresholds do."""
    points = []
    for name, threshold in given.thresholds.items():
        operations = [operation_at(one, threshold) for one in counts]
        answers = [one.at(threshold) for one in open_sets]
        more = {word: _mean([getattr(one, word) for one in answers]).value for word in ("fpir", "fnir") if answers}
        points += [
            point.model_copy(update={"chosen_on": source, **more}) for point in _point(name, operations, len(counts))
        ]
    return points


def open_answer(open_sets: Sequence[OpenSet], question: Question) -> OpenSetAnswer:
    """Return FNIR at each FPIR."""
    measures = {
        f"fnir@fpir={word}": _mean([one.within_fpir(word).fnir for one in open_sets]) for word in question.fpirs
    }
    return OpenSetAnswer(
        left_out=question.unknown,
        seed=question.seed if question.unknown is not None else 0,
        known=sum(one.known for one in open_sets),
        unknown=sum(len(one.wrong) for one in open_sets),
        measures=measures,
    )
