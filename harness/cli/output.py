"""What a verb prints on standard output: a table for people, or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import click


def show_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def show(value: object, *, json_wanted: bool, text: Callable[[], str]) -> None:
    """Print a value as JSON, or as the text that the function returns."""
    if json_wanted:
        show_json(value)
    else:
        click.echo(text())


def show_rows(rows: Sequence[Mapping[str, object]], *, json_wanted: bool) -> None:
    """Print rows with the same keys as a table or as JSON."""
    show(rows, json_wanted=json_wanted, text=lambda: _table(rows))


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    from tabulate import tabulate

    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
