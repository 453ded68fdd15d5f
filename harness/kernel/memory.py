"""How much memory the kernel may use, and how large its blocks are then."""

from __future__ import annotations

import os
from pathlib import Path

MOST = 1 << 30
"""Bytes that are used at most where the user does not say."""

SMALLEST, LARGEST = 256, 16384
"""Gallery images in a block."""


def budget(memory: int | None, processes: int = 1) -> int:
    """Return the bytes that a process may use: those given, else its part of a quarter of what is free, up to 1 GiB."""
    return memory if memory is not None else min(free() // (4 * processes), MOST)


def free() -> int:
    """Return the bytes of memory that are free, by the system's word and by the container's limit."""
    known = [_system(), *_container()]
    return min([size for size in known if size is not None], default=4 * MOST)


def _system() -> int | None:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _container() -> list[int]:
    """Return what the control group leaves, if it limits at all."""
    words = [_lines(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current")]
    limit, used = (lines[0].strip() if lines else "" for lines in words)
    return [max(int(limit) - int(used), 0)] if limit.isdigit() and used.isdigit() else []


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def block_images(memory: int, width: int, *, streamed: bool) -> int:
    """Return how many gallery images to hold at once in half of a budget.

    Args:
        memory: the budget in bytes.
        width: numbers a row.
        streamed: whether rows are read into memory, one block ahead, or lie there already.
    """
    image = width * (4 + (8 if streamed else 0)) + 128
    return max(SMALLEST, min(LARGEST, memory // 2 // image))


def query_rows(memory: int, width: int) -> int:
    """Return how many queries to hold at once, prepared and as they are, in a quarter of a budget."""
    return max(SMALLEST, memory // 4 // (width * 8 + 128))
