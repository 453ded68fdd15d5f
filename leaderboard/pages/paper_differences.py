"""Published numbers of a measured method, with the known reasons for a difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.measures import heading
from harness.scoring.record import Record
from leaderboard.boards import Board, BoardRow
from leaderboard.published.library import Number
from leaderboard.published.tables import PublishedRow, PublishedTable

QUANTITIES = {"ap": "ap", "cmc@1": "rank@1", "hit@1": "rank@1", "cmc@5": "rank@5", "hit@5": "rank@5"}
"""The published quantity that a measure can be compared with."""

SUPERVISION = {"part boxes": "boxes.parts", "part boxes in training": "boxes.regions"}
"""The word of ``Method.needs`` for a word of the publications, if the two differ."""

SETTINGS = ("epochs", "iterations", "backbone", "weights")
"""Options that a reader of a difference must know, and that leave a run the same row of a paper's table."""

NUMBERS = ("measured", "published", "difference")
"""The headings of ``difference_cells`` that hold numbers."""


@dataclass(frozen=True, eq=False)
class PaperDifference:
    """A measured value in percent, the published number of the same method, and why the two may differ."""

    measure: str
    measured: float
    number: Number
    source: str
    reasons: tuple[str, ...]

    @property
    def difference(self) -> float:
        """Measured minus published, in points."""
        return self.measured - float(self.number.value)


def published_differences(row: BoardRow, tables: Iterable[PublishedTable]) -> Iterator[PaperDifference]:
    """Yield the published numbers of a row's method for its task, or for its data set if the rule is not stated."""
    record = row.record
    names = {record.method_name, *row.aliases}
    if record.plain and set(record.changes) <= set(SETTINGS):
        names.add(f"{record.method}/{record.variant}" if record.variant else record.method)
    for table in tables:
        if table.name != record.name and not _may_be(record, table):
            continue
        for published in table.rows:
            if published.row.method_name not in names:
                continue
            for measure, value in row.values.items():
                number = published.numbers.get(QUANTITIES.get(measure, ""))
                if number is not None:
                    reasons = tuple(_reasons(record, published, table))
                    yield PaperDifference(measure, 100 * value.mean, number, "; ".join(published.sources), reasons)


def difference_cells(board: Board, tables: Sequence[PublishedTable]) -> list[dict[str, str]]:
    """Return a row of plain cells by heading for each measured value that papers print another value of."""
    return [
        {
            "method": row.record.method_name,
            "measure": heading(found.measure),
            "measured": f"{found.measured:.2f}",
            "published": found.number.shown,
            "difference": f"{found.difference:+.2f}",
            "why they may differ": "; ".join(found.reasons),
            "printed in": found.source,
        }
        for row in board.rows
        for found in published_differences(row, tables)
    ]


def _may_be(record: Record, table: PublishedTable) -> bool:
    """Return whether a table that does not state its rule or test set may be of the record's task."""
    return not table.stated and table.dataset == record.protocol and table.subset in ("", record.task, "not stated")


def _reasons(record: Record, published: PublishedRow, table: PublishedTable) -> Iterator[str]:
    row = published.row
    if not table.stated:
        yield f"the {'rule' if table.task == 'not stated' else 'test set'} is not stated"
    if record.convention is not None:
        yield f"measured by another rule, {record.convention}"
    elif not record.official:
        yield "measured on data that differ from the release"
    own = _own_settings(record)
    if own:
        yield f"here with {own}"
    yield from _stated("input", _square(row.input_size), record.size_text)
    yield from _stated("width", str(row.width or ""), str(record.width))
    yield from _stated("metric", row.metric, record.metric)
    epochs = record.options.get("epochs")
    if row.epochs and epochs is not None and row.epochs != str(epochs):
        yield f"epochs {row.epochs}, here {epochs}"
    given = sorted(SUPERVISION.get(word, word) for word in row.supervision)
    needed = list(record.extra_labels)
    if given != needed:
        yield f"published with {', '.join(given) or 'no extra labels'}, measured with {', '.join(needed) or 'none'}"
    if (row.train_on or record.protocol) != (record.train_on or record.protocol):
        yield f"trained on {row.train_on or record.protocol}, here on {record.train_on or record.protocol}"


def _own_settings(record: Record) -> str:
    """Return what a run by another recipe than its paper's did otherwise, as far as its options say it."""
    if record.recipe in {"", "paper"} and not record.changes:
        return ""
    known = [f"{name} {record.options[name]}" for name in SETTINGS if record.options.get(name) is not None]
    return ", ".join([*([f"the recipe {record.recipe}"] if record.recipe else []), *known])


def _square(side: int | None) -> str:
    return f"{side}x{side}" if side else ""


def _stated(name: str, published: str, measured: str) -> Iterator[str]:
    if not published:
        yield f"{name} not stated"
    elif published != measured:
        yield f"{name} {published}, here {measured}"
