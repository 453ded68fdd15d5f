"""Results and the leaderboard as pandas DataFrames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.measures import in_order
from harness.scoring.record import Record
from leaderboard.boards import Board, BoardRow, build_boards
from leaderboard.record_files import RecordFile, collect, shipped_folders
from leaderboard.repeats import side_of
from leaderboard.statistics.intervals import Interval, over_everything

if TYPE_CHECKING:
    from pandas import DataFrame

NUMBERS = ("width", "parameters", "input_height", "input_width", "queries", "ignored_queries", "ties", "draws")
SETTING = ("train_on", "control", *NUMBERS)
"""Columns of both tables."""

RESULT = (
    "protocol", "task", "convention", "fingerprint", "official", "method", "variant", "changes", "recipe",
    "rerank", "post", "chosen", "metric", "seed", "run", "path", *SETTING,
)  # fmt: skip
"""Columns of ``results`` before its measures."""

BOARD_ROW = (
    "task",
    "fingerprint",
    "official",
    "best_rank",
    "worst_rank",
    "method",
    "aliases",
    "recipe",
    "runs",
    *SETTING,
)
"""Columns of ``leaderboard`` before its measures."""

INTEGERS = {"seed", "best_rank", "worst_rank", "runs", *NUMBERS}
FLAGS = {"official", "control"}
"""Types of the columns; all others before the measures are words."""

SORTED_BY = [
    "protocol", "task", "convention", "method", "variant", "changes", "recipe", "rerank", "post", "metric", "seed",
    "run",
]  # fmt: skip


def results(*folders: str | Path) -> DataFrame:
    """Return the table of ``harness.results``, which documents it."""
    files = collect([], map(Path, folders or ("runs",)))
    words = {word for file in files for word in (*file.record.measures, *file.record.further)}
    frame = _frame(RESULT, words, ("low", "high", "deviation"), map(_result, files))
    return frame.sort_values(SORTED_BY, ignore_index=True)


def leaderboard(*folders: str | Path, shipped: bool = True) -> DataFrame:
    """Return the table of ``harness.leaderboard``, which documents it."""
    return board_frame(build_boards(collect(shipped_folders() if shipped else [], map(Path, folders))))


def board_frame(boards: Sequence[Board]) -> DataFrame:
    """Return the rows of some boards as the table of ``harness.leaderboard``."""
    words = {word for board in boards for word in board.measures}
    rows = (_board_row(board, row) for board in boards for row in board.rows)
    return _frame(BOARD_ROW, words, ("low", "high", "deviation"), rows)


def _frame(
    columns: Sequence[str], words: Iterable[str], suffixes: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> DataFrame:
    import pandas as pd

    measures = [name for word in in_order(words, "") for name in (word, *(f"{word}_{end}" for end in suffixes))]
    kinds = {name: "Int64" if name in INTEGERS else "bool" if name in FLAGS else "string" for name in columns}
    kinds |= dict.fromkeys(measures, "float64")
    listed = list(rows)
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in listed], dtype=kind) for name, kind in kinds.items()}
    )


def _result(file: RecordFile) -> dict[str, Any]:
    record = file.record
    row = {name: getattr(record, name) for name in RESULT if name in Record.model_fields}
    row |= {"convention": record.convention or "", "rerank": str(record.rerank or ""), "path": str(file.path)}
    row |= {"post": str(record.chain), "chosen": record.chain.chosen if record.chain else ""}
    row["changes"] = record.changes_text
    about = record.per_query
    side = side_of([file]) if about is not None and (file.path.parent / about.name).exists() else None
    further = {word: (one.value, one.deviation) for word, one in record.further.items()}
    own = {word: (mean, record.deviations.get(word)) for word, mean in record.measures.items()}
    for word, (mean, deviation) in (own | further).items():
        row |= {word: mean, f"{word}_deviation": deviation}
        if side is not None and word in side.measures:
            row |= _ends(word, over_everything(side.runs(word)))
    return {**row, "run": record.run, **_setting(record)}


def _board_row(board: Board, row: BoardRow) -> dict[str, Any]:
    cells = {
        "task": board.task,
        "fingerprint": board.fingerprint,
        "official": board.official,
        "best_rank": row.ranks and row.ranks.best,
        "worst_rank": row.ranks and row.ranks.worst,
        "method": row.record.method_name,
        "aliases": ", ".join(row.aliases),
        "recipe": row.record.recipe,
        "runs": len(row.records),
        **_setting(row.record),
    }
    for word, value in row.values.items():
        cells |= {word: value.mean, f"{word}_deviation": value.deviation}
        cells |= _ends(word, value.interval)
    return cells


def _setting(record: Record) -> dict[str, Any]:
    height, width = record.input_size or (None, None)
    known = {name: getattr(record, name) for name in SETTING if name in Record.model_fields}
    return {**known, "train_on": record.train_on or "", "input_height": height, "input_width": width}


def _ends(word: str, interval: Interval | None) -> dict[str, float]:
    return {} if interval is None else {f"{word}_low": interval.low, f"{word}_high": interval.high}
