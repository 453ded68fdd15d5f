"""The compiled loops as plain Python, which notices an index out of range, and made-up arguments for them."""

from __future__ import annotations

from types import FunctionType

import numpy as np

from harness.kernel.native.tuples import Ask, Block, Query, RowBuffer, Scratch, Tile, UnitLists
from tests import reference

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


def floats(*values):
    return np.array(values, dtype=np.float32)


def lists(*rows):
    return UnitLists(
        np.cumsum([0, *map(len, rows)]).astype(np.int64),
        np.array([unit for row in rows for unit in row], dtype=np.int64),
    )


def block_of(rows, starts=None, first=0):
    norms = np.array([reference.ordered_sum(row * row) for row in rows.astype(np.float64)])
    return Block(rows, norms, np.arange(len(rows) + 1) if starts is None else np.array(starts), first)


def query_of(row):
    return Query(row, reference.ordered_sum(row.astype(np.float64) ** 2))


def tile_of(product, *, bias=None, half=False, **more):
    product = np.asarray(product, dtype=np.float32)
    bits = (product.view(np.uint32) >> 16).astype(np.uint16)
    bias = np.zeros(product.shape[1], np.float32) if bias is None else floats(*bias)
    empty = {"begin": 0, "end": len(product), "penalties": np.empty((0, product.shape[1]), np.float32)}
    wide, narrow = np.empty((0, 0), np.float32), np.empty((0, 0), np.uint16)
    given_ = {"wide": wide if half else product, "narrow": bits if half else narrow, "half": half, "bias": bias}
    return Tile(**{"block": None, "queries": None, "errors": None, "bound": None} | empty | given_ | more)


def buffer_of(width):
    images = np.empty(width, np.float32)
    return RowBuffer(images, images.view(np.uint32), np.empty(width, np.float32))


def ask_of(values, widths=()):
    return Ask(0, len(values), np.array(values, dtype=np.float64), np.array(widths, dtype=np.float64))


def scratch_of(units, positives):
    flags = np.zeros(-(-units // 8) * 8, np.uint8)
    return Scratch(
        bands=np.empty((positives, 2), np.float32),
        kept=np.empty(units, np.float32),
        places=np.empty(units, np.int32),
        flags=flags,
        words=flags.view(np.uint64),
        found=np.empty(units + 8, np.int64),
        guesses=np.full(units, np.nan),
        exacts=np.full(units, np.nan),
        touched=np.zeros(units + 2, np.int64),
        acc=np.empty(32),
        finer=np.empty((positives, 2), np.float32),
    )
