"""What is stored of places on a machine: names of files, never the folders that they lie in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ABSOLUTE = re.compile(r"/|[A-Za-z]:[/\\]|\\\\|~[/\\]")
"""How a path begins that says where on a machine something is."""


def without_folders(value: Any) -> Any:
    """Return an option's value, at any depth, without the folders of a machine: of a path only its base name."""
    if isinstance(value, list):
        return [without_folders(part) for part in value]
    if isinstance(value, dict):
        return {name: without_folders(part) for name, part in value.items()}
    if not isinstance(value, str):
        return value
    base = re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return base or value if _is_there(value) or ABSOLUTE.match(value) else value


def _is_there(value: str) -> bool:
    """Return whether a text is the path of a file, or of a folder in another; a word may be a folder's name."""
    try:
        return is_file(value) or (value != Path(value).name and Path(value).expanduser().is_dir())
    except (OSError, ValueError, RuntimeError):
        return False


def is_file(value: str) -> bool:
    """Return whether a text is the path of a file."""
    try:
        return Path(value).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # a text that no path can be, or no home folder
        return False
