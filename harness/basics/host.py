"""This machine as the operating system describes it: free memory, the processor, the folder for what is kept."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

PROCESSORS = Path("/proc/cpuinfo")
GROUP = Path("/sys/fs/cgroup")
CACHE = "BENCH_CACHE"
"""The environment variable that names the folder for what is made once and kept."""


def free_memory(unknown: int) -> int:
    """Return the free bytes of memory within the control group's limit, or ``unknown`` if the system does not say."""
    import psutil

    known = _left_by_group()
    with suppress(OSError):  # /proc is not mounted
        known.append(int(psutil.virtual_memory().available))
    return min(known, default=unknown)


def _left_by_group() -> list[int]:
    """Return the bytes that the control group leaves, if it limits memory at all."""
    limit, used = ("".join(_lines(GROUP / f"memory.{name}")[:1]).strip() for name in ("max", "current"))
    return [max(int(limit) - int(used), 0)] if limit.isdigit() and used.isdigit() else []


def cache_folder() -> Path:
    """Return the folder named by ``BENCH_CACHE``, or the platform's cache folder."""
    named = os.environ.get(CACHE)
    if named:
        return Path(named)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("vehicle-reid-bench"))


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        with suppress(OSError):
            return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def processor_flags() -> frozenset[str]:
    """Return the processor's flags and its vendor; empty if the system does not say."""
    values = [value for key, value in _processor_fields() if key.startswith(("flags", "vendor_id"))]
    return frozenset(" ".join(values[:2]).split())


def multiplies_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 in hardware."""
    return bool(processor_flags() & {"avx512_bf16", "amx_bf16"})


def processor_model() -> str:
    """Return the processor's model name; empty if the system does not say."""
    return next((value for key, value in _processor_fields() if key.strip() == "model name"), "")


def _processor_fields() -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (line.partition(":") for line in _lines(PROCESSORS))]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux, or not readable
        return []
