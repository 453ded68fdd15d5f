"""JSON out of files that strangers may have written, read within limits of depth and of digits."""

from __future__ import annotations

import json
import math
import re
from typing import Any

DEEPEST = 64
"""The most brackets that may be open at once; nothing that bench writes has more than 10."""

MOST_DIGITS = 19
"""The most digits of an integer, as many as the greatest int64 has; longer ones overflow in arrays."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A string, whose end may be missing so that no text is scanned twice, or a bracket."""


def read_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is no JSON, is nested too deeply, has an integer of too many digits, NaN or an infinity, names
            one thing twice in an object, or has half of a surrogate pair, which has no UTF-8; the message says which.

    Example:
        >>> read_json('{"a": [1, 2.5]}')
        {'a': [1, 2.5]}
    """
    _refuse_deep(text)
    value = json.loads(
        text, parse_int=_integer, parse_float=_finite, parse_constant=_refuse_constant, object_pairs_hook=_once
    )
    if "\\" in text:  # an escape can write half a pair
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse_deep(text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")


def _integer(word: str) -> int:
    if len(word.lstrip("-")) > MOST_DIGITS:
        raise ValueError(f"an integer has {len(word.lstrip('-'))} digits, more than {MOST_DIGITS}")
    return int(word)


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word[:20]} is not a finite number")
    return value


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return content
