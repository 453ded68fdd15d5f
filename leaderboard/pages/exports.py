"""The leaderboard for other programs: rows as JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence

from harness.basics.shown import visible
from harness.errors import UsageError
from leaderboard.boards import Board, BoardRow
from leaderboard.frames import board_frame
from leaderboard.published.tables import PublishedTable

CSV_COLUMNS = [
    "kind", "task", "method", "variant", "changes", "rerank", "post", "chosen", "measure", "value", "low", "high",
    "rank", "control", "source",
]  # fmt: skip


def measured_rows(boards: Sequence[Board]) -> list[dict[str, object]]:
    """Return the measured rows, with every digit."""
    return [_measured(board, row) for board in boards for row in board.rows]


def _measured(board: Board, row: BoardRow) -> dict[str, object]:
    record = row.record
    return {
        "task": board.task,
        "fingerprint": board.fingerprint,
        "official": board.official,
        "method": record.method,
        "variant": record.variant,
        "changes": record.changes,
        "recipe": record.recipe,
        "rerank": None if record.rerank is None else record.rerank.values,
        **({"post": record.chain.values, "chosen": record.chain.chosen} if record.chain else {}),
        "train_on": record.train_on,
        **({"files": record.files} if record.files else {}),
        **({"weights": record.weights} if record.weights else {}),
        **({"source": record.source} if record.source else {}),
        **({"trained_on": list(record.trained_on)} if record.trained_on else {}),
        "control": record.control,
        "aliases": list(row.aliases),
        "ranks": row.ranks and [row.ranks.best, row.ranks.worst],
        "runs": [one.run for one in row.records],
        "seeds": [one.seed for one in row.records],
        "precision": record.precision,
        "threads": [one.threads for one in row.records],
        "width": record.width,
        "input_size": record.input_size,
        "parameters": record.parameters,
        "queries": record.queries,
        "ignored_queries": record.ignored_queries,
        "ties": record.ties,
        "measures": {measure: row.values[measure].mean for measure in board.measures},
        "intervals": {
            measure: [found.low, found.high]
            for measure in board.measures
            if (found := row.values[measure].interval) is not None
        },
        "weighed": row.weighed,
        "marks": {measure: row.values[measure].mark for measure in board.measures if row.values[measure].mark},
    }


def published_rows(tables: Sequence[PublishedTable]) -> list[dict[str, object]]:
    """Return the published rows; values in percent with the printed digits."""
    return [
        {
            "task": table.name,
            "method": row.row.method,
            "variant": row.row.variant,
            "printed": row.row.printed,
            "input_size": row.row.input_size,
            "width": row.row.width,
            "supervision": list(row.row.supervision),
            "values": {measure: row.numbers[measure].shown for measure in table.measures if measure in row.numbers},
            "sources": row.sources,
            "notes": row.notes,
        }
        for table in tables
        for row in table.rows
    ]


def as_json(boards: Sequence[Board], tables: Sequence[PublishedTable]) -> str:
    """Return all rows as one JSON object."""
    content = {"measured": measured_rows(boards), "published": published_rows(tables)}
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def as_csv(boards: Sequence[Board], tables: Sequence[PublishedTable]) -> str:
    """Return all numbers as CSV in percent, one line per number; published ones have a source and no interval."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for line in (*_measured_lines(boards), *_published_lines(tables)):
        writer.writerow([_inert(cell) for cell in line])
    return text.getvalue()


def as_parquet(boards: Sequence[Board]) -> bytes:
    """Return the measured rows as Parquet, with the columns and types of ``harness.leaderboard``.

    Raises:
        UsageError: pyarrow is not installed.
    """
    file = io.BytesIO()
    try:
        board_frame(boards).to_parquet(file, engine="pyarrow", index=False)
    except ImportError:
        raise UsageError("Parquet needs the package pyarrow", next_step="python -m pip install pyarrow") from None
    return file.getvalue()


def _measured_lines(boards: Sequence[Board]) -> Iterator[list[object]]:
    for board in boards:
        for row in board.rows:
            record = row.record
            chain, rerank = record.chain, str(record.rerank or "")
            about = [board.task, record.method, record.variant, record.changes_text, rerank]
            about += [str(chain), chain.chosen if chain else ""]
            rank, runs = "" if row.ranks is None else str(row.ranks), " ".join(one.run for one in row.records)
            for measure in board.measures:
                value = row.values[measure]
                ends = [repr(100 * value.interval.low), repr(100 * value.interval.high)] if value.interval else ["", ""]
                yield ["measured", *about, measure, repr(100 * value.mean), *ends, rank, int(record.control), runs]


def _published_lines(tables: Sequence[PublishedTable]) -> Iterator[list[object]]:
    for table in tables:
        for row in table.rows:
            about, sources = [table.name, row.row.method, row.row.variant, "", "", "", ""], "; ".join(row.sources)
            for measure, number in row.numbers.items():
                yield ["published", *about, measure, number.shown, "", "", "", "0", sources]


def _inert(cell: object) -> object:
    """Return a cell in one line, without hidden characters, that no spreadsheet reads as a formula."""
    if not isinstance(cell, str):
        return cell
    text = visible(cell, keep="")
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} else text
