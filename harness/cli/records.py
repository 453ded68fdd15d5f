"""Printing records: a table for each task, or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.cli.output import show

if TYPE_CHECKING:
    from harness.measures.family import Measure
    from harness.scoring.record import Record


def show_records(records: Sequence[Record], further: Sequence[Measure] = (), *, json_wanted: bool) -> None:
    """Print records; ``further`` are the measures asked for besides those of the tasks."""
    from harness.scoring.tables import scores_table

    rows = [summary(record) for record in records]
    show(rows, json_wanted=json_wanted, text=lambda: scores_table(records, further))


def summary(record: Record) -> dict[str, object]:
    """Return what ``--json`` prints of one record."""
    return {
        "task": record.name,
        "method": record.method,
        "variant": record.variant,
        "fingerprint": record.fingerprint,
        "official": record.official,
        "metric": record.metric,
        "rerank": None if record.rerank is None else record.rerank.values,
        "queries": record.queries,
        "ignored_queries": record.ignored_queries,
        "ties": record.ties,
        "measures": dict(record.measures),
        **({"further_measures": {word: one.value for word, one in record.further.items()}} if record.further else {}),
    }
