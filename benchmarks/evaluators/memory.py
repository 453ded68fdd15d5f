"""The peak of this process's resident memory, as Linux counts it."""

from __future__ import annotations

from pathlib import Path


def reset_peak() -> int:
    """Reset the peak of the resident memory, and return the present value in bytes."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")
    return peak()


def peak() -> int:
    """Return the peak of the resident memory since then, in bytes; 0 if the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
