"""Files that options name, such as weights: told by their digests and base names, wherever a user keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.basics.digests import file_digest
from harness.methods.method import Options


def named_files(options: Options) -> dict[str, str]:
    """Return the SHA-256 of each file that an option names, by the option."""
    return {name: file_digest(value) for name, value in _values(options).items() if _is_file(value)}


def portable(options: Options) -> dict[str, Any]:
    """Return the options as JSON values; of a file or folder only its base name, since the rest is of one machine."""
    return {name: Path(value).name if _is_there(value) else value for name, value in _values(options).items()}


def _values(options: Options) -> dict[str, Any]:
    return options.model_dump(mode="json")


def _is_there(value: object) -> bool:
    """Return whether a value is the path of a file, or of a folder in another; a word may be a folder's name."""
    try:
        return _is_file(value) or (isinstance(value, str) and value != Path(value).name and Path(value).is_dir())
    except (OSError, ValueError):
        return False


def _is_file(value: object) -> bool:
    try:
        return isinstance(value, str) and Path(value).is_file()
    except (OSError, ValueError):  # a text that no path can be
        return False
