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
    """A method in one setting, with the same values in one or several documents.

    Attributes:
        row: the first printed row.
        numbers: the number with the most digits, by measure.
        sources: documents and tables that print it.
    """

    row: PrintedRow
    numbers: dict[str, Number] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)

    @property
    def notes(self) -> str:
        """The row's note, and its corrections with their reasons."""
        reasons = {correction.column: correction.reason for correction in self.row.corrections}
        corrected = [
            f"{number.column.printed} is printed as {number.printed}: {reasons.get(number.index + 1, '')}"
            for number in self.numbers.values()
            if number.text != number.printed
        ]
        return "; ".join([*([self.row.note] if self.row.note else []), *corrected])

    def takes(self, numbers: Sequence[Number]) -> bool:
        """Return whether a printed row has the same method and setting and contradicts none of the values."""
        row = numbers[0].row
        if (row.method_name, setting(row)) != (self.row.method_name, setting(self.row)):
            return False
        return all(
            self.numbers[number.column.measure].value == number.value
            for number in numbers
            if number.column.measure in self.numbers
        )

    def add(self, numbers: Sequence[Number]) -> None:
        """Add a printed row."""
        for number in numbers:
            self.numbers.setdefault(number.column.measure, number)
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
        return tuple(measure for measure in MEASURES if any(measure in row.numbers for row in self.rows))


def setting(row: PrintedRow) -> tuple[object, ...]:
    """Return the fields that distinguish two results of one method."""
    return row.input_size, row.width, row.metric, row.epochs, row.train_on


def published_tables(library: Library) -> tuple[PublishedTable, ...]:
    """Return a table for each data set, subset and task; numbers without a stated task have their own tables."""
    questions: dict[tuple[str, str, str], list[PublishedRow]] = {}
    for printed in library.rows:
        for question, numbers in grouped(printed, lambda number: number.question[:3]).items():
            rows = questions.setdefault(question, [])
            row = next((row for row in rows if row.takes(numbers)), None)
            if row is None:
                row = PublishedRow(numbers[0].row)
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
