"""Reads a YAML that was released with weights, as plain values: nothing in it is executed, and its size is limited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from harness.errors import in_one_line

MAX_BYTES = 1 << 20


def read_plain_yaml(path: Path) -> dict[str, Any] | str:
    """Return what a YAML says by name, or in words what is there instead."""
    if not path.is_file():
        return "no such file"
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        return f"more than {MAX_BYTES:,} bytes"
    try:
        content = yaml.safe_load(raw)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        return in_one_line(problem)
    return content if isinstance(content, dict) else f"a {type(content).__name__}"
