"""Canonical JSON and its digests: equal values give equal bytes on every machine."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def canonical_json(value: object) -> str:
    """Return a value as JSON in ASCII with sorted keys and no spaces; floats are written by ``repr``.

    Args:
        value: made of None, bool, int, finite float, str, lists, tuples and mappings with str keys.

    Raises:
        TypeError: it contains another type, such as a path or an array.
        ValueError: it contains NaN or an infinity.

    Example:
        >>> canonical_json({"b": 0.1, "a": (1, None)})
        '{"a":[1,null],"b":0.1}'
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value: object) -> Any:
    """Return the value in JSON's types; subclasses such as enums and NumPy floats are refused."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        if not math.isfinite(value):
            raise ValueError(f"{value} has no canonical form")
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        odd = [key for key in value if type(key) is not str]
        if odd:
            raise TypeError(f"a key must be a str, not {type(odd[0]).__name__}: {odd[0]!r}")
        return {key: _plain(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no canonical form: {value!r}")
