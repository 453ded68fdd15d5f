"""What a verb prints on standard output: a table for people, or JSON."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, redirect_stdout
from typing import TYPE_CHECKING

import click

from harness.basics.shown import VisibleLines, visible
from harness.cli.console import can_print

if TYPE_CHECKING:
    from harness.measures.family import Measure
    from harness.scoring.record import Record


def say(text: object, *, err: bool = False) -> None:
    """Print a text, on standard error if wanted; everything that ``bench`` prints passes here.

    Names come from files of strangers: what would move the cursor or turn the writing is shown as a visible mark.
    """
    click.echo(visible(str(text)), err=err)


def log_to_terminal() -> None:
    """Show what the harness logs on standard error, line by line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(VisibleLines("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("bench").setLevel(logging.INFO)


def show_json(value: object) -> None:
    """Print a value as JSON; characters that are hidden or that the console lacks are escaped as JSON does."""
    import json

    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    if not can_print(text):
        text = json.dumps(value, indent=2, allow_nan=False)
    click.echo("".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text))


def show(value: object, *, json_wanted: bool, text: Callable[[], str]) -> None:
    """Print a value as JSON, or as the text that the function returns."""
    if json_wanted:
        show_json(value)
    else:
        say(text())


def own_output() -> AbstractContextManager[object]:
    """Keep standard output for the command's own answer: what a plugin prints meanwhile goes to standard error."""
    return redirect_stdout(sys.stderr)


def show_rows(rows: Sequence[Mapping[str, object]], *, json_wanted: bool) -> None:
    """Print rows with the same keys as a table or as JSON."""
    show(rows, json_wanted=json_wanted, text=lambda: table(rows))


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows with the same keys as a table."""
    from tabulate import tabulate

    from harness.scoring.tables import plain

    cells = [{name: "" if value is None else plain(value) for name, value in row.items()} for row in rows]
    return tabulate(cells, headers="keys", tablefmt="github", disable_numparse=True)


def show_records(records: Sequence[Record], further: Sequence[Measure] = (), *, json_wanted: bool) -> None:
    """Print records; ``further`` are the requested measures besides those of the tasks."""
    from harness.scoring.tables import scores_table

    rows = [_summary(record) for record in records]
    show(rows, json_wanted=json_wanted, text=lambda: scores_table(records, further))


def _summary(record: Record) -> dict[str, object]:
    return {
        "task": record.name,
        "method": record.method,
        "variant": record.variant,
        "changes": record.changes,
        "fingerprint": record.fingerprint,
        "official": record.official,
        "metric": record.metric,
        "rerank": None if record.rerank is None else record.rerank.values,
        **({"post": record.chain.values, "chosen": record.chain.chosen} if record.chain else {}),
        **({} if record.distractors is None else {"distractors": record.distractors.count}),
        "queries": record.queries,
        "ignored_queries": record.ignored_queries,
        "ties": record.ties,
        "measures": dict(record.measures),
        **({"further_measures": {word: one.value for word, one in record.further.items()}} if record.further else {}),
    }
