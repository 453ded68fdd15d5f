"""How much memory the kernel may use, and how large its blocks are then."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.basics.host import free_memory

MOST = 1 << 30
"""Bytes used at most unless the user gives a budget."""

LINE = 64
"""Bytes that the processor reads and writes at once."""

SMALLEST, LARGEST = 256, 16384
"""Gallery images in a block."""

LARGEST_ROWS = 32 << 20
"""Bytes of the float32 rows of a block: those of 16,384 images with 512 numbers. Wider rows need no more of them."""


def budget(memory: int | None, processes: int = 1) -> int:
    """Return the bytes that a process may use: those given, else its part of a quarter of the free, up to 1 GiB."""
    return memory if memory is not None else min(free_memory(4 * MOST) // (4 * processes), MOST)


def block_images(memory: int, width: int, *, streamed: bool, means: bool = False) -> int:
    """Return how many gallery images to hold at once in half of a budget.

    Args:
        memory: the budget in bytes.
        width: numbers a row.
        streamed: whether rows are read into memory, one block ahead, or are there already.
        means: whether units answer by their mean: a sum of two float64, of at least one image.
    """
    image = width * (4 + (8 if streamed else 0) + (16 if means else 0)) + 128
    return max(SMALLEST, min(LARGEST, LARGEST_ROWS // (4 * width), memory // 2 // image))


def query_rows(memory: int, width: int) -> int:
    """Return how many queries to hold at once, as stored and prepared, in a quarter of a budget."""
    return max(SMALLEST, memory // 4 // (width * 8 + 128))


def aligned(count: int, kind: npt.DTypeLike = np.float64) -> np.ndarray[tuple[int], np.dtype[Any]]:
    """Return room for numbers that begins where one of the processor's lines does.

    Loops that add to 32 sums take three times as long where several that are added to at once lie across two lines.
    """
    size = np.dtype(kind).itemsize * count
    room = np.empty(size + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    return room[first : first + size].view(kind)
