"""The compiled loops as plain Python, which notices an index out of range, and can call those that only loops call."""

from __future__ import annotations

from types import FunctionType

PREFETCH = "prefetch"


def plain(function):
    """Return a loop as it is written, with all that it calls."""
    written = getattr(function, "py_func", function)
    names = dict(written.__globals__)
    for name in written.__code__.co_names:
        if name == PREFETCH:
            names[name] = lambda _table, _row: None
        elif hasattr(names.get(name), "py_func"):
            names[name] = plain(names[name])
    return FunctionType(written.__code__, names, written.__name__, written.__defaults__)
