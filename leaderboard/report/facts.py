"""The head of a report: how the run was made, what it cost, its measures with intervals, and how to repeat it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.describe.protocol import statements
from harness.measures import heading, in_order
from harness.scoring.record import Record
from leaderboard.report.lists import RankLists
from leaderboard.report.source import ReportedRun
from leaderboard.statistics.intervals import Interval, over_vehicles
from leaderboard.statistics.vehicles import by_vehicle

PRECISIONS = {"32-true", "bf16-mixed", "16-mixed", "bf16-true"}
"""Words that ``--precision`` takes; a record's precision may say more."""
RULE = ("gallery", "ignored", "draws")
"""The statements on a task that a report repeats."""


@dataclass(frozen=True)
class Measured:
    """One measure of a run.

    Attributes:
        word: the measure's.
        name: its heading.
        value: over all queries, or of the reported draw.
        interval: over vehicles; None if no query has a value.
        over_draws: the mean and the standard deviation over all draws, or None without draws.
    """

    word: str
    name: str
    value: float
    interval: Interval | None
    over_draws: tuple[float, float] | None


def measured(run: ReportedRun, lists: RankLists, draw: int) -> list[Measured]:
    """Return the measures of a run in the order of tables."""
    record, vehicle = run.record, run.dataset.split(run.task.query).vehicle
    found = []
    for word in in_order(record.measures, record.ranked_by):
        values = lists.values[word]
        value = record.per_draw[word][draw - 1] if record.draws else record.measures[word]
        interval = None if np.isnan(values).all() else over_vehicles(by_vehicle(values, vehicle))
        over = (record.measures[word], record.deviations[word]) if record.draws else None
        found.append(Measured(word, heading(word), value, interval, over))
    return found


def facts(run: ReportedRun, draw: int) -> list[tuple[str, str]]:
    """Return the facts about a run, as pairs of a name and a text."""
    return [(name, text) for name, text in _facts(run, draw) if text]


def _facts(run: ReportedRun, draw: int) -> Iterator[tuple[str, str]]:
    record = run.record
    yield "task", record.name
    yield "about the task", run.task.about
    for statement in statements(run.task):
        if statement.what in RULE:
            yield statement.what, statement.says
    if record.draws:
        yield "draw", f"{draw} of {record.draws}"
    if record.ignored_queries:
        yield "queries", f"{record.queries}, of which {record.ignored_queries} without a right answer are left out"
    else:
        yield "queries", str(record.queries)
    yield "official", "yes" if record.official else "no: " + ("; ".join(record.differences) or "by another rule")
    yield "fingerprint", record.fingerprint
    yield "ties", f"{record.ties} pairs of a right answer and a wrong one" if record.ties else "none"
    yield from _of_the_method(record)
    yield from _of_the_machine(record)
    yield "features", f"{record.width} numbers, {record.dtype}, compared by {record.metric}; digest {record.features}"


def _of_the_method(record: Record) -> Iterator[tuple[str, str]]:
    yield "method", record.run_name + (", a control" if record.control else "")
    yield "recipe", record.recipe
    yield "seed", "" if record.seed is None else str(record.seed)
    yield "trained on", record.train_on or ""
    yield "labels and boxes used", ", ".join(record.needs)
    yield "needed at test time", ", ".join(record.test_needs)
    yield "input", "" if record.input_size is None else f"{record.input_size[0]} x {record.input_size[1]} pixels"
    yield "parameters", "" if record.parameters is None else f"{record.parameters:,}"
    yield "code", record.code or ""
    yield "checkpoint", record.checkpoint or ""


def _of_the_machine(record: Record) -> Iterator[tuple[str, str]]:
    yield "threads in training", "" if record.threads is None else str(record.threads)
    yield "precision", record.precision or ""
    cost = record.cost
    if cost is not None:
        yield "hardware", cost.device
        rate = cost.images / cost.seconds
        yield "extraction", f"{cost.images:,} images in {cost.seconds:.1f} s, {rate:.0f} a second"
    yield "versions", ", ".join(f"{name} {number}" for name, number in sorted(record.versions.items()))


def options(record: Record) -> list[tuple[str, str]]:
    """Return the resolved options of a run as JSON values."""
    return [(name, json.dumps(value, ensure_ascii=False)) for name, value in sorted(record.options.items())]


def commands(record: Record, *, draw: int, own_data: bool, protocol: str = "") -> list[str]:
    """Return the command lines that repeat the run and the report; folders are placeholders.

    ``protocol`` is the word that names the record's protocol, if it is not the protocol's name: that of its own file.
    """
    task = f"{protocol or record.protocol}/{record.task}"
    data = ["--data", "DIR"] if own_data else []
    if record.seed is None or record.code is None:
        made = ["bench", "eval", "features.h5", "--protocol", task, *data]
    else:
        method = f"{record.method}/{record.variant}" if record.variant else record.method
        made = ["bench", "run", "--method", method, "--protocol", task, *data]
        made += ["--recipe", record.recipe] if record.recipe else []
        for name, value in sorted(record.changes.items()):
            made += ["--set", f"{name}={value}"]
        made += ["--seed", str(record.seed)]
        if record.train_on not in (None, record.protocol):
            made += ["--train-on", str(record.train_on)]
        made += ["--precision", record.precision] if record.precision in PRECISIONS else []
    report = ["bench", "report", "RUN", "--task", task, *data]
    report += ["--draw", str(draw)] if record.draws else []
    lines = [made, [*report, "--out", "DIR"]]
    return [shlex.join(line) for line in lines]
