"""Files that options name, such as weights: told by their digests and base names, wherever a user keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.basics.digests import digest, file_digest
from harness.methods.method import Options

ABSOLUTE = re.compile(r"/|[A-Za-z]:[/\\]|\\\\|~[/\\]")
"""How a path begins that says where on a machine something is."""


def named_files(options: Options) -> dict[str, str]:
    """Return the SHA-256 of each file that an option names, by the option; of several in one option, with a number."""
    return {
        name: file_digest(Path(value).expanduser())
        for option, of in _values(options).items()
        for name, value in _files(option, of)
    }


def portable(options: Options) -> dict[str, Any]:
    """Return the options as JSON values; of a file or folder only its base name, since the rest is of one machine.

    A text that begins like an absolute path, where nothing is, gets a digest too, so that two of them stay apart.
    """
    return {name: _told(value) for name, value in _values(options).items()}


def _values(options: Options) -> dict[str, Any]:
    return options.model_dump(mode="json")


def _files(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield the files among an option's values."""
    if isinstance(value, str) and _is_file(value):
        yield name, value
    elif isinstance(value, list | dict):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for part, inner in parts:
            yield from _files(f"{name}.{part}", inner)


def _told(value: Any) -> Any:
    """Return an option's value without the folders of a machine, at any depth."""
    if isinstance(value, list):
        return [_told(part) for part in value]
    if isinstance(value, dict):
        return {name: _told(part) for name, part in value.items()}
    if not isinstance(value, str):
        return value
    base = re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    if _is_there(value):
        return base or value
    return f"{base}#{digest(value)[:8]}" if base and ABSOLUTE.match(value) else value


def _is_there(value: str) -> bool:
    """Return whether a text is the path of a file, or of a folder in another; a word may be a folder's name."""
    try:
        return _is_file(value) or (value != Path(value).name and Path(value).expanduser().is_dir())
    except (OSError, ValueError, RuntimeError):
        return False


def _is_file(value: str) -> bool:
    try:
        return Path(value).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # a text that no path can be, or no home folder
        return False
