"""The plan of a matrix: every name looked up, every data set read, and an ordinary run for each cell and seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.basics.digests import digest
from harness.data.dataset import Dataset
from harness.errors import BenchError, DataError, UsageError
from harness.registry.registry import Registry
from harness.runs.inputs import Opened
from harness.runs.run import Run
from harness.runs.training_sets import joined_name, training_protocols
from harness.sweeps.expand import Kind, PlannedRun, expand
from harness.sweeps.toml_file import Content, SweepFile, Table
from harness.tasks.conventions import serve
from harness.tasks.opening import find_root, open_dataset
from harness.tasks.protocol import Protocol
from harness.tasks.task import Task
from harness.training.joining import training_images
from leaderboard.across.asked import Asked, Source, protocol_word
from leaderboard.across.rows import Given, given_rows

ALL_OTHERS = "all others"
"""The training of a row that leaves out each data set in turn."""


@dataclass(frozen=True, eq=False)
class TestedSet:
    """A column: a data set to test on.

    Attributes:
        word: the protocol or task, as asked.
        protocol: the protocol.
        dataset: its images.
        task: the task whose numbers the table shows: the first that this copy can serve; None if it serves none.
        problem: why it serves none.
    """

    word: str
    protocol: Protocol
    dataset: Dataset
    task: Task | None
    problem: str = ""


@dataclass(frozen=True)
class Cell:
    """A row's runs on one data set.

    Attributes:
        train_on: the data sets trained on together, ``veri776+vric``; empty if nothing is trained.
        runs: the numbers of the runs in the sweep, from 1, one for each seed; empty if the cell cannot be done.
        problem: why it cannot be done.
    """

    train_on: str
    runs: tuple[int, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Row:
    """A row: a method and what it is trained on, with a cell for each data set.

    Attributes:
        method: as asked.
        training: the data sets in words, ``all others``, the name of a checkpoint's file, or empty.
        cells: in the order of the data sets.
    """

    method: str
    training: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, eq=False)
class MatrixPlan:
    """A matrix with all its names looked up: its columns, its rows, and the sweep of their runs."""

    sets: tuple[TestedSet, ...]
    rows: tuple[Row, ...]
    file: SweepFile


class Planner:
    """Looks up what a matrix is asked for.

    Args:
        asked: what is asked for.
        source: where.
        registry: of everything installed.
        opened: the data sets that are read already; those read here are added.
        known: the words of ``bench run``.
    """

    def __init__(
        self, asked: Asked, source: Source, registry: Registry, opened: Opened, known: Mapping[str, Kind]
    ) -> None:
        self.asked, self.source, self.registry, self.opened, self.known = asked, source, registry, opened, known
        self.words: dict[str, str] = {}
        self.folders = {registry.protocol(word).name: Path(folder) for word, folder in asked.data.items()}
        self.tables: list[Table] = []

    def plan(self, opener: Callable[[tuple[str, ...]], Run]) -> MatrixPlan:
        """Return the plan, or raise the first mistake in what is asked for; nothing is trained.

        Raises:
            UsageError: an unknown name or word, a data set there twice, or too few of them.
            DataError: a data set is missing or damaged, or has no training images and is to be trained on.
            CheckpointError: a checkpoint is damaged, or of another method.
        """
        groups = self._groups()
        sets = self._sets()
        given = given_rows(self.asked, self.source, self.registry, self.known)
        if any(row.trains for row in given):
            self._check_training(groups)
        rows, first_runs = list[Row](), list[tuple[Given, int]]()
        for one in given:
            made = list(self._rows(one, groups, sets))
            rows += made
            first_runs += [(one, run) for row in made for cell in row.cells for run in cell.runs[:1]][:1]
        if not self.tables:
            raise UsageError(
                "no cell of the matrix can be done",
                found="; ".join(dict.fromkeys(cell.problem for row in rows for cell in row.cells if cell.problem)),
            )
        plan = MatrixPlan(tuple(sets), tuple(rows), self._file())
        planned = by_number(expand(plan.file, self.known))
        for one, number in first_runs:
            _try(opener, planned[number], one, self.source)
        return plan

    def _protocol(self, word: str) -> Protocol:
        protocol, _ = self.registry.tasks(word)
        self.words.setdefault(protocol.name, protocol_word(word))
        return protocol

    def _groups(self) -> list[tuple[Protocol, ...]]:
        """Return the data sets of each training."""
        if self.asked.train_on is None:
            names = {protocol.name: (protocol,) for protocol in map(self._protocol, self.asked.on)}
            return list(names.values())
        groups = [training_protocols(word, self.registry) for word in self.asked.train_on]
        for word, group in zip(self.asked.train_on, groups, strict=True):
            parts = [word] if len(group) == 1 else word.split("+")
            for part in map(str.strip, parts):
                self._protocol(part)
        _refuse_twice([joined_name(group) for group in groups], "train on")
        return groups

    def _sets(self) -> list[TestedSet]:
        _refuse_twice(self.asked.on, "test on")
        sets = []
        for word in self.asked.on:
            protocol, tasks = self.registry.tasks(word)
            self._protocol(word)
            dataset = self._read(protocol)
            served, lost = serve(tasks, dataset)
            problem = "" if served else next(iter(lost.values())).what
            sets.append(TestedSet(word, protocol, dataset, served[0] if served else None, problem))
        _refuse_twice([f"{one.protocol.name}/{one.task.name}" if one.task else one.word for one in sets], "test on")
        return sets

    def _read(self, protocol: Protocol) -> Dataset:
        option = "[data] in the file: NAME =" if self.source.path else f"--on {self.words[protocol.name]}="
        folder = find_root(protocol, self.folders.get(protocol.name), option=option)
        if (protocol.name, folder) not in self.opened:
            self.opened[protocol.name, folder] = open_dataset(protocol, folder, None)
        return self.opened[protocol.name, folder]

    def _check_training(self, groups: Sequence[tuple[Protocol, ...]]) -> None:
        singles = _singles(groups)
        for protocol in singles:
            dataset = self._read(protocol)
            try:
                training_images(protocol.name, dataset)
            except DataError as problem:
                if self.asked.train_on is None:
                    others = ",".join(self.words[one.name] for one in singles if one.name != protocol.name)
                    problem.next_step = f"say what to train on: --train-on {others or 'NAME=DIR'}"
                raise
        if self.asked.leave_one_out and len(singles) < 2:
            raise UsageError(
                "leaving one out takes two data sets or more to train on",
                found=joined_name(singles),
                next_step="name more of them with --on or --train-on",
            )

    def _rows(self, given: Given, groups: Sequence[tuple[Protocol, ...]], sets: Sequence[TestedSet]) -> Iterator[Row]:
        """Yield the rows of a method, a checkpoint or a run."""
        if not given.trains:
            yield Row(given.name, given.label, tuple(self._cell(given, (), one) for one in sets))
            return
        for group in groups:
            yield Row(given.name, joined_name(group), tuple(self._cell(given, group, one) for one in sets))
        if self.asked.leave_one_out:
            singles = _singles(groups)
            left = [tuple(one for one in singles if one.name != tested.protocol.name) for tested in sets]
            cells = [self._cell(given, group, one) for group, one in zip(left, sets, strict=True)]
            yield Row(given.name, ALL_OTHERS, tuple(cells))

    def _cell(self, given: Given, group: tuple[Protocol, ...], tested: TestedSet) -> Cell:
        name = joined_name(group)
        if tested.problem:
            return Cell(name, problem=tested.problem)
        words = {**given.words, "protocol": tested.word, **self._data("data", (tested.protocol,))}
        if group and name != tested.protocol.name:
            words["train-on"] = "+".join(self.words[one.name] for one in group)
            words |= self._data("train-data", group)
        return Cell(name, tuple(self._number({**words, "seed": seed}) for seed in given.seeds))

    def _data(self, word: str, group: Sequence[Protocol]) -> dict[str, str]:
        """Return the word that says where some data sets are; empty if all are where they are expected."""
        known = {one.name: str(self.folders[one.name]) for one in group if one.name in self.folders}
        if not known:
            return {}
        return {word: known[group[0].name] if len(group) == 1 else ",".join(map("=".join, known.items()))}

    def _number(self, table: Table) -> int:
        """Return the number of a run in the sweep; cells that ask for the same run share it."""
        if table not in self.tables:
            self.tables.append(table)
        return self.tables.index(table) + 1

    def _file(self) -> SweepFile:
        own = f"matrix-{digest({'runs': self.tables})[:8]}"
        name = self.asked.name or (None if self.source.path else own)
        content = Content(
            name=name, runs=self.asked.runs, plugin=self.asked.plugin, run=self.tables, engine=self.asked.engine
        )
        return SweepFile(self.source.path or Path(own), content, self.source.lines)


def by_number(runs: Sequence[PlannedRun]) -> dict[int, PlannedRun]:
    """Return the runs of a matrix's sweep by their number."""
    return {run.place.number: run for run in runs}


def _singles(groups: Sequence[tuple[Protocol, ...]]) -> list[Protocol]:
    """Return every data set that is trained on, alone or with others, sorted by name."""
    found = {protocol.name: protocol for group in groups for protocol in group}
    return [found[name] for name in sorted(found)]


def _refuse_twice(names: Sequence[str], what: str) -> None:
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise UsageError(f"'{twice[0]}' is named twice to {what}", found=", ".join(names), expected="each once")


def _try(opener: Callable[[tuple[str, ...]], Run], run: PlannedRun, given: Given, source: Source) -> None:
    """Look up the words of a row, so that a mistake in them is one message."""
    try:
        opener(run.words)
    except BenchError as problem:
        if source.path:
            problem.where = "; ".join(str(part) for part in (given.place.at(), problem.where) if part is not None)
        raise
