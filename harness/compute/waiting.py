"""How threads wait for one another: in a loop on a quiet machine, asleep beside other work.

OpenMP's threads, with which torch computes on a processor, wait some milliseconds in a loop before they sleep. On a
quiet machine the next piece of work finds them awake. Beside other programs the loop takes the processor from the very
thread that all wait for (see docs/training.md). The runtime reads its settings when torch is imported, so the choice
comes before. It changes no digit.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from harness.basics.host import processors

POLICY = "OMP_WAIT_POLICY"
"""The variable of OpenMP's standard: ``active`` or ``passive``."""

SETTINGS = (POLICY, "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
"""Variables by which a user decides how threads wait."""

LOAD = Path("/proc/loadavg")
SPARE = 0.5
"""How many more threads than processors may be busy before that counts as crowded: a little is always going on."""

LOOKS, PAUSE = 5, 0.002
"""How often the threads that run now are counted, and the seconds in between."""


@cache
def choose_waiting() -> str:
    """Let threads sleep while they wait if other programs need the processor; return the choice in words.

    Nothing changes if one of ``SETTINGS`` is set, or if torch has been imported already.
    """
    own = [name for name in SETTINGS if name in os.environ]
    if own:
        return f"as {own[0]}={os.environ[own[0]]} says"
    if "torch" in sys.modules:
        return "as OpenMP does by itself: torch was imported before bench could choose"
    beside, count = others(), threads()
    words = f"{count} threads beside {beside:.1f} other busy ones, on {os.cpu_count()} processors"
    if count > 1 and count + beside > (os.cpu_count() or 1) + SPARE:
        os.environ[POLICY] = "passive"
        return f"passive: {words}"
    return f"active: {words}"


def threads() -> int:
    """Return how many threads torch will compute with."""
    named = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(named) if named.isdecimal() and int(named) > 0 else processors()


def others() -> float:
    """Return how many threads of other programs are busy on this machine; 0 if the system does not say.

    It is the smaller of the load of the last minute, which forgets no short pause, and of what runs now, which knows
    that an earlier command has ended.
    """
    try:
        minute = os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows, or /proc is not mounted
        return 0.0
    if minute < SPARE:
        return minute
    running = []
    with suppress(OSError, ValueError, IndexError):  # not Linux
        for look in range(LOOKS):
            time.sleep(PAUSE if look else 0)
            running.append(int(LOAD.read_text().split()[3].partition("/")[0]) - 1)  # without this thread
    return min([minute, *sorted(running)[len(running) // 2 : len(running) // 2 + 1]])
