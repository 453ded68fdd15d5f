"""The numbers of a result: means on spoilt pictures and what is lost, with intervals over vehicles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.corruptions.corruption import parameters
from harness.data.images import IntArray
from harness.features.reader import FeatureFile
from harness.runs.corrupt import CorruptedRun, Spoilt
from harness.scoring.per_query import PerQuery
from harness.scoring.scores import exact_mean
from leaderboard.robustness.result import Corrupted, Drop, Level, Outcome, Result, TaskResult, Value
from leaderboard.statistics.intervals import over_vehicles
from leaderboard.statistics.vehicles import ByVehicle, FloatArray, by_vehicle, check_same

GRAIN = 1 << 10
"""Clean values are counted in 1,024ths where a loss is divided by them."""


def result_of(run: CorruptedRun, spoilt: Sequence[Spoilt]) -> Result:
    """Return the result of a run; ``spoilt`` are its tasks."""
    suite, plan = run.suite, run.plan
    with FeatureFile.open(run.features) as file:
        origin, features = file.provenance, file.digest
    return Result(
        method=origin.run_name,
        trained_on=origin.trained_on or tuple(filter(None, [origin.train_on])),
        seed=origin.seed,
        protocol=plan.protocol.name,
        version=plan.protocol.version,
        features=features,
        on=suite.on,
        corruption_seed=suite.seed,
        severities=suite.severities,
        boxes=bool(origin.boxes),
        plates=_plates(run),
        tasks=tuple(_task(run, task) for task in spoilt),
    )


def _plates(run: CorruptedRun) -> str:
    if not any(corruption.uses_parts for corruption in run.suite.corruptions.values()):
        return ""
    return "the lower middle of the picture" if run.parts is None else "boxes of parts"


def _task(run: CorruptedRun, spoilt: Spoilt) -> TaskResult:
    clean, words = spoilt.table, spoilt.measures
    corruptions = []
    for name, corruption in run.suite.corruptions.items():
        tables = [spoilt.conditions[name, severity] for severity in run.suite.severities]
        levels = [
            Level(
                severity=severity,
                parameters=parameters(corruption.levels[severity - 1]),
                probe=run.applied[name, severity].digest,
                measures={word: outcome(clean, [table], word) for word in words},
            )
            for severity, table in zip(run.suite.severities, tables, strict=True)
        ]
        corruptions.append(
            Corrupted(
                name=name,
                source=corruption.source,
                levels=tuple(levels),
                measures={word: outcome(clean, tables, word) for word in words},
            )
        )
    return TaskResult(
        task=spoilt.clean.task.partition("/")[2],
        fingerprint=spoilt.clean.fingerprint,
        queries=spoilt.clean.queries,
        metric=spoilt.clean.metric,
        ranked_by=words[0],
        clean={word: value(clean.values[word], clean.vehicle, clean.asked) for word in words},
        corruptions=tuple(corruptions),
        measures={word: outcome(clean, list(spoilt.conditions.values()), word) for word in words},
    )


def outcome(clean: PerQuery, spoilt: Sequence[PerQuery], measure: str) -> Outcome:
    """Return the mean of a measure over some conditions, and what is lost, each with its interval over vehicles.

    A vehicle is resampled with all its queries under all conditions, which are fixed and not a sample of others.

    Raises:
        RecordError: they are of different queries.
    """
    for table in spoilt:
        check_same(clean, table, measure)
    before = clean.values[measure]
    after: FloatArray = np.sum([table.values[measure] for table in spoilt], axis=0) / len(spoilt)
    mean = value(after, clean.vehicle, clean.asked)
    return Outcome(mean=mean, drop=lost(before, after, clean.vehicle, clean.asked))


def value(values: FloatArray, vehicle: IntArray, asked: IntArray | None = None) -> Value:
    """Return the mean of a measure over the queries with its interval over vehicles.

    Without draws it has the digits of a record. The arguments are as those of ``lost``.
    """
    summed = by_vehicle(values, vehicle, asked)
    interval, mean = over_vehicles(summed), _mean(values, summed, asked)
    return Value(value=mean, low=min(interval.low, mean), high=max(interval.high, mean))


def _mean(values: FloatArray, summed: ByVehicle, asked: IntArray | None) -> float:
    return exact_mean(values) if asked is None else summed.mean


def lost(before: FloatArray, after: FloatArray, vehicle: IntArray, asked: IntArray | None = None) -> Drop | None:
    """Return 1 - mean(after) / mean(before) with its interval over vehicles; None if the clean mean is 0.

    It is a ratio of a vehicle's loss to its clean value, so that the bootstrap-t of a ratio applies with the clean
    values in place of the number of queries.

    Args:
        before: (q,) float64, the values of queries with clean pictures; NaN for a query without a value.
        after: (q,) float64, with spoilt ones.
        vehicle: (q,) int64.
        asked: (q,) int64, in how many draws a query counts; None if each counts once.
    """
    whole, loss = by_vehicle(before, vehicle, asked), by_vehicle(before - after, vehicle, asked)
    if not whole.sums.sum():
        return None
    weights = np.maximum(1, (whole.sums + whole.unit // (2 * GRAIN)) // (whole.unit // GRAIN))
    # As fine a unit as lets sums of squares fit an int64.
    most = (62 - len(weights).bit_length()) // 2 - 1
    unit = 1 << max(0, most - (GRAIN * int(loss.counts.max())).bit_length())
    shift = max(0, loss.unit.bit_length() - 1 - (unit * GRAIN).bit_length() + 1)
    ratio = ByVehicle((loss.sums + (1 << shift >> 1)) >> shift, weights, unit)
    exact = _mean(before - after, loss, asked) / _mean(before, whole, asked)
    interval = over_vehicles(ratio, ends=(1.0 - 1.0 / whole.mean, 1.0))
    return Drop(value=exact, low=min(interval.low, exact), high=max(interval.high, exact))
