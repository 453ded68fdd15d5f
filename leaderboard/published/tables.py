"""The published numbers by task: one row for each method and setting, with all places that print it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leaderboard.grouping import grouped
from leaderboard.published.library import Library, Number
from leaderboard.published.schema import NOT_STATED, PrintedRow

MEASURES = ("ap", "rank@1", "rank@5")


@dataclass(eq=False)
class PublishedRow:
    """A method in one setting, with the same values in one or several places.

    Attributes:
        row: the first printed row, with the settings, the notes and the supervision that the others or another document
            state. Its metric is empty if both metrics have the same values.
        numbers: the number with the most digits, by measure.
        sources: documents and tables that print it.
        printed: all its printed numbers, those of ``numbers`` among them.
        metrics: the metrics that its rows state.
    """

    row: PrintedRow
    numbers: dict[str, Number] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    printed: list[Number] = field(default_factory=list)
    metrics: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Its names as printed."""
        return tuple(dict.fromkeys(number.row.printed for number in self.printed))

    @property
    def conventions(self) -> tuple[str, ...]:
        """What the documents say about the evaluation rule."""
        found = dict.fromkeys(number.column.convention for number in self.printed)
        return tuple(convention for convention in found if convention)

    @property
    def notes(self) -> str:
        """The row's notes, and its corrections with their reasons."""
        corrected = [number.correction for number in self.printed if number.correction]
        return "; ".join([*([self.row.note] if self.row.note else []), *corrected])

    def takes(self, numbers: Sequence[Number]) -> bool:
        """Return whether a printed row is another print of this one.

        It has the same method and training set, states no other setting, and agrees with every value. Rows of two
        metrics, or of two documents, must also have a value in common.
        """
        row = numbers[0].row
        if (row.method_name, row.train_on) != (self.row.method_name, self.row.train_on):
            return False
        if any(a and b and a != b for a, b in zip(_setting(row), _setting(self.row), strict=True)):
            return False
        common = [number for number in numbers if number.column.measure in self.numbers]
        one_place = self.printed[0].document == numbers[0].document and row.metric in ("", self.row.metric)
        return bool(common or one_place) and all(
            number.agrees_with(self.numbers[number.column.measure]) for number in common
        )

    def add(self, numbers: Sequence[Number]) -> None:
        """Add a printed row that it takes."""
        row = numbers[0].row
        for number in numbers:
            known = self.numbers.setdefault(number.column.measure, number)
            if number.step < known.step:
                self.numbers[number.column.measure] = number
        self.printed.extend(numbers)
        self.metrics = tuple(sorted({*self.metrics, row.metric} - {""}))
        self.row = self.row.model_copy(
            update={
                "input_size": self.row.input_size or row.input_size,
                "width": self.row.width or row.width,
                "epochs": self.row.epochs or row.epochs,
                "metric": self.metrics[0] if len(self.metrics) == 1 else "",
                "note": "; ".join(dict.fromkeys(note for note in (self.row.note, row.note) if note)),
            }
        )
        source = f"{numbers[0].document}, table {numbers[0].table.number}"
        if source not in self.sources:
            self.sources.append(source)


@dataclass(frozen=True, eq=False)
class PublishedTable:
    """The published numbers of one data set, subset and task.

    Attributes:
        dataset: its word.
        subset: its test set, or empty.
        task: the rule, or ``not stated``.
        name: the name of the harness's task, or of the data set with the part that is not stated.
        rows: the rows, the best first.
    """

    dataset: str
    subset: str
    task: str
    name: str
    rows: tuple[PublishedRow, ...]

    @property
    def stated(self) -> bool:
        """Whether these are numbers of a task of the harness."""
        return NOT_STATED not in (self.task, self.subset)

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that some row has, in the order of columns."""
        return measures_of(self.rows)


def measures_of(rows: Sequence[PublishedRow]) -> tuple[str, ...]:
    """Return the measures that some of the rows have, in the order of columns."""
    return tuple(measure for measure in MEASURES if any(measure in row.numbers for row in rows))


def _setting(row: PrintedRow) -> tuple[object, ...]:
    """Return the fields that distinguish two results of one method, but for the metric."""
    return row.input_size, row.width, row.epochs


def published_tables(library: Library) -> tuple[PublishedTable, ...]:
    """Return a table for each data set, subset and task; numbers without a stated task have their own tables."""
    questions: dict[tuple[str, str, str], list[PublishedRow]] = {}
    for printed in library.rows:
        for question, numbers in grouped(printed, lambda number: number.question[:3]).items():
            rows = questions.setdefault(question, [])
            row = next((row for row in rows if row.takes(numbers)), None)
            if row is None:
                first = numbers[0].row
                stated = library.supervision[first.method_name]
                row = PublishedRow(first.model_copy(update={"supervision": stated}))
                rows.append(row)
            row.add(numbers)
    return tuple(_table(library, question, questions[question]) for question in sorted(questions))


def _table(library: Library, question: tuple[str, str, str], rows: Iterable[PublishedRow]) -> PublishedTable:
    dataset, subset, task = question
    known = library.datasets[dataset]
    if NOT_STATED in (task, subset):
        missing = "rule" if task == NOT_STATED else "test set"
        base = f"{dataset}/{subset}" if subset and subset != NOT_STATED else dataset
        name = f"{base} ({missing} not stated)"
    else:
        name = known.tasks[task].format(subset=subset)

    def place(row: PublishedRow) -> tuple[object, ...]:
        values = [-row.numbers[measure].value if measure in row.numbers else 0 for measure in MEASURES]
        return (*values, row.row.method_name, row.sources)

    return PublishedTable(dataset, subset, task, name, tuple(sorted(rows, key=place)))
