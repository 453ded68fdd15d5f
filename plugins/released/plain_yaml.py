"""Reads a YAML that was released with weights, as plain values: nothing in it is executed, and its size is limited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from harness.basics.reading import read_whole
from harness.errors import BenchError, in_one_line

MAX_BYTES = 1 << 20

MOST_VALUES = 100_000
"""Limit of the values, each counted as often as a reference repeats it."""


def read_plain_yaml(path: Path) -> dict[str, Any] | str:
    """Return what a YAML says by name, or in words what is there instead."""
    if not path.exists():
        return "no such file"
    try:
        content = plain_yaml(read_whole(path, MAX_BYTES, "the file"))
    except BenchError as problem:
        return f"{problem.what}: {problem.found}"
    except ValueError as problem:
        return in_one_line(problem)
    return content if isinstance(content, dict) else f"a {type(content).__name__}"


def plain_yaml(text: str | bytes) -> Any:
    """Return the values of a YAML.

    Raises:
        ValueError: it is not YAML, needs code, is nested too deeply, or repeats its parts by references too often.
    """
    try:
        content = yaml.safe_load(text)
        if _count(content, {}) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} values, with those that references repeat")
    except yaml.YAMLError as problem:
        raise ValueError(in_one_line(problem)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return content


def _count(value: object, known: dict[int, int]) -> int:
    """Return the number of values in a value; a part that holds itself has more than any limit."""
    if not isinstance(value, dict | list | tuple | set):
        return 1
    if id(value) not in known:
        known[id(value)] = MOST_VALUES + 1
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = min(1 + sum(_count(part, known) for part in parts), MOST_VALUES + 1)
    return known[id(value)]
