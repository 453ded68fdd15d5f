"""The messages for settings of a protocol's file that cannot be used; each names the nearest right thing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from harness.errors import BenchError, DataError, nearest, unknown_name

EXPLAINED = "see docs/own-data.md"
EXPECTED = {
    "int_type": "a whole number",
    "string_type": "a text in quotes",
    "list_type": 'a list in brackets, such as ["..."]',
    "dict_type": "a table, such as [tasks.main]",
    "model_type": "a table, such as [tasks.main]",
    "string_too_long": "a single character",
}
"""What was expected, by pydantic's word for the kind of fault."""


def refusal(path: Path, problem: Any, models: Mapping[str, type[BaseModel]]) -> BenchError:
    """Return the error for one of pydantic's findings about a protocol's file.

    Args:
        path: the file.
        problem: the finding, an item of ``ValidationError.errors()``.
        models: the models of the whole file, of a task and of a task's draws: ``file``, ``task``, ``draws``.
    """
    place = tuple(part for part in problem["loc"] if part != "[key]")
    where, kind, found = f"{path}: {'.'.join(map(str, place))}", problem["type"], problem["input"]
    choices = re.findall(r"'([^']*)'", str(problem.get("ctx", {}).get("expected", "")))
    if kind == "extra_forbidden":
        error = _unknown(place, found, models)
    elif "[key]" in problem["loc"]:
        error = unknown_name("column", str(found), choices, error=DataError)
    elif kind == "missing":
        what = "the file defines no task" if place == ("tasks",) else "a setting is missing"
        error = DataError(what, expected="[tasks.main]" if place == ("tasks",) else f"{place[-1]} = ...")
    else:
        near = nearest(str(found), choices)
        single = kind == "list_type" and isinstance(found, str)
        expected = f'a list: ["{found}"]' if single else EXPECTED.get(kind, problem["msg"])
        error = DataError(
            "the protocol's file has an invalid setting" + (f"; did you mean '{near}'?" if near else ""),
            found=found,
            expected=" or ".join(map(repr, choices)) or expected,
        )
    error.where, error.next_step = where, error.next_step or EXPLAINED
    return error


def step_of(problem: str, text: str) -> str:
    """Return what to do about a file that is not TOML, by the parser's words and the file's text."""
    if "\\" in problem or ("\\" in text and "escape" in problem.casefold()):
        return 'write paths with forward slashes: root = "C:/data/cars"'
    if re.search(r"^\s*table\s*:", text, re.MULTILINE):
        return f'write it as TOML, table = "images.csv", not as YAML; {EXPLAINED}'
    return EXPLAINED


def _unknown(place: tuple[Any, ...], found: object, models: Mapping[str, type[BaseModel]]) -> BenchError:
    """Return the error for a setting that does not exist, or not at its place."""
    name = str(place[-1])
    level = "file" if len(place) == 1 else "draws" if "draws" in place[2:] else "task"
    if level == "file" and name in models["task"].model_fields:
        return DataError(
            f"the setting '{name}' is not at its place",
            found=name,
            next_step=f"write it below [tasks.main]; {EXPLAINED}",
        )
    if level == "task" and name in models["file"].model_fields:
        return DataError(
            f"the setting '{name}' is not at its place",
            found=name,
            next_step=f"write it above the first line in brackets; {EXPLAINED}",
        )
    known = models[level].model_fields
    near = nearest(name, known)
    if level == "file" and isinstance(found, dict):  # [task.main], [main]
        inner = next((key for key, value in found.items() if isinstance(value, dict)), None)
        near = f"[tasks.{inner or name}]" if near == "tasks" or inner is None else near
    return unknown_name("setting", name, known, near=near, error=DataError)
