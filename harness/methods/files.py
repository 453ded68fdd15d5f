"""Files that options name, such as weights: told by their digests and base names, wherever a user keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.basics.digests import file_digest
from harness.features.places import is_file, without_folders
from harness.methods.method import Options


def named_files(options: Options) -> dict[str, str]:
    """Return the SHA-256 of each file that an option names, by the option; of several in one option, with a number."""
    return {
        name: file_digest(Path(value).expanduser())
        for option, of in _values(options).items()
        for name, value in _files(option, of)
    }


def portable(options: Options) -> dict[str, Any]:
    """Return the options as JSON values; of a file or folder only its base name, since the rest is of one machine."""
    return {name: without_folders(value) for name, value in _values(options).items()}


def _values(options: Options) -> dict[str, Any]:
    return options.model_dump(mode="json")


def _files(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield the files among an option's values."""
    if isinstance(value, str) and is_file(value):
        yield name, value
    elif isinstance(value, list | dict):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for part, inner in parts:
            yield from _files(f"{name}.{part}", inner)
