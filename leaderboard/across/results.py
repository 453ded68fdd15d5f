"""The numbers of a matrix: of each cell the mean over its seeds with its interval, and what its weights have seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.features.seen import NOTHING, trained_sets
from harness.runs.run import Run
from harness.scoring.record import Record
from harness.scoring.tables import NOT_SAID, weights_data
from harness.sweeps.states import RunState
from harness.sweeps.sweep import Sweep
from leaderboard.across.plan import Cell, MatrixPlan, TestedSet, by_number
from leaderboard.record_files import RecordFile
from leaderboard.repeats import mean_measures, side_of
from leaderboard.statistics.intervals import Interval, over_everything

CellState = Literal["done", "partly", "waiting", "failed", "impossible"]
Seen = Literal["this data set", "others", "not said"]
"""Whether the weights of a cell have seen training images of the data set that it is tested on."""


@dataclass(frozen=True)
class CellValue:
    """One measure of a cell, 0 to 1, unrounded: its mean over the seeds and the interval of this mean."""

    mean: float
    interval: Interval


@dataclass(frozen=True)
class CellResult:
    """What is known of a cell.

    Attributes:
        train_on: the data sets that its weights were trained on here, or as their checkpoint says.
        state: ``impossible`` if the data do not allow it, ``partly`` if only some of its seeds are done.
        note: why it is not done.
        seen: whether its weights have seen training images of this data set.
        weights: what weights that were given, rather than trained, have seen; empty without such.
        seeds: the seeds that are done.
        values: by the word of the measure; empty if no seed is done.
        records: the records of these seeds.
    """

    train_on: tuple[str, ...]
    state: CellState
    note: str
    seen: Seen
    weights: str = ""
    seeds: tuple[int, ...] = ()
    values: dict[str, CellValue] = field(default_factory=dict)
    records: tuple[Record, ...] = ()


@dataclass(frozen=True)
class ResultRow:
    """A row of the matrix: its runs' name and recipe, what it is trained on in words, a result for each data set."""

    name: str
    recipe: str
    training: str
    cells: tuple[CellResult, ...]


def read_results(plan: MatrixPlan, sweep: Sweep, opener: Callable[[tuple[str, ...]], Run]) -> list[ResultRow]:
    """Return the results of all cells, as far as their runs are done.

    Raises:
        RecordError: the per-query values of a record are damaged, or two seeds were asked different queries.
    """
    numbers = by_number(sweep.runs)
    states = {run.place.number: state for run, state in zip(sweep.runs, sweep.states.runs, strict=True)}
    rows = []
    for row in plan.rows:
        cells = []
        for cell, tested in zip(row.cells, plan.sets, strict=True):
            files = []
            for number in cell.runs:
                if states[number].state in ("done", "skipped"):
                    files += _records(opener(numbers[number].words), tested)
            cells.append(_result(cell, tested, [states[number] for number in cell.runs], files))
        first = next((record for cell in cells for record in cell.records), None)
        name, recipe = (first.method_name, first.recipe) if first else (row.method, "")
        rows.append(ResultRow(name, recipe, row.training, tuple(cells)))
    return rows


def _records(run: Run, tested: TestedSet) -> list[RecordFile]:
    """Return the record of a run on a column's task, in a list; empty if it is not there."""
    task = tested.task
    return [
        RecordFile(record, run.features)
        for record in run.standing_records()
        if task is not None and record.name == f"{tested.protocol.name}/{task.name}"
    ]


def _result(cell: Cell, tested: TestedSet, states: Sequence[RunState], files: Sequence[RecordFile]) -> CellResult:
    records = tuple(file.record for file in files)
    state, note = _state(cell, states, len(files))
    if not files:
        planned = trained_sets(cell.train_on)
        seen: Seen = "this data set" if tested.protocol.name in planned else "others" if planned else "not said"
        return CellResult(planned, state, note, seen)
    side, means = side_of(files), mean_measures(files)
    values = {word: CellValue(mean, over_everything(side.runs(word))) for word, mean in means.items()}
    first = records[0]
    seeds = tuple(record.seed or 0 for record in records)
    trained = trained_sets(first.train_on)
    return CellResult(trained, state, note, _seen(first), weights_data(first), seeds, values, records)


def _state(cell: Cell, states: Sequence[RunState], done: int) -> tuple[CellState, str]:
    if cell.problem:
        return "impossible", cell.problem
    if done == len(states):
        return "done", ""
    notes = [f"seed {state.seed}: {state.note}" if len(states) > 1 else state.note for state in states if state.note]
    note = "; ".join(dict.fromkeys(notes))
    if done:
        return "partly", note
    if all(state.state == "failed" and not state.log for state in states):
        return "impossible", note
    return ("failed" if any(state.state == "failed" for state in states) else "waiting"), note


def _seen(record: Record) -> Seen:
    seen = {*trained_sets(record.train_on), *record.trained_on} - {NOTHING}
    if record.protocol in seen:
        return "this data set"
    return "not said" if weights_data(record) == NOT_SAID else "others"
