"""Made-up publications, for the tests of what is done with published numbers."""

from __future__ import annotations

from typing import Any

from leaderboard.published.library import FOLDER, Library, load_library
from leaderboard.published.schema import Published

NAMES = {"ap": "mAP", "rank@1": "Top-1", "rank@5": "Top-5"}


def column(measure: str, dataset: str = "veri776", **fields: Any) -> dict[str, Any]:
    """Return a column of a table."""
    return {"dataset": dataset, "measure": measure, "printed": NAMES[measure], **fields}


def row(name: str, *values: str, **fields: Any) -> dict[str, Any]:
    """Return a row: a method of that name with its printed values."""
    return {"printed": name, "method": name, "values": values, **fields}


def table(columns: list[dict[str, Any]], *rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a table in percent."""
    return {"number": "1", "about": "made up", "scale": "percent", "columns": columns, "rows": rows, **fields}


def paper(*tables: dict[str, Any], name: str = "a-paper", **fields: Any) -> Published:
    """Return a document; tables are numbered from 1."""
    numbered = [{**one, "number": str(number)} for number, one in enumerate(tables, 1)]
    about = {"name": name, "title": "A paper", "authors": "Somebody", "method": "ours"}
    return Published.model_validate({"document": about, "table": numbered, **fields})


def library(*documents: Published) -> Library:
    """Return the documents with the data sets that the project knows."""
    return Library(documents, load_library(FOLDER).datasets)
