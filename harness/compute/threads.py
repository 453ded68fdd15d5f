"""The threads that training computes with: as many as there are processors that nothing else is using.

A training step meets thousands of points at which all threads wait for the slowest. If one of them shares its processor
with another program, all wait for it: beside one busy process two threads train at less than half the speed of one (see
docs/training.md).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from lightning_fabric import Fabric

log = logging.getLogger("bench")

WATCHED = 0.5
"""Seconds for which the processors are watched."""

ALMOST = 0.3
"""Share of a processor that other programs may use while it still counts as idle."""


@contextmanager
def fitting_threads(fabric: Fabric) -> Iterator[int]:
    """Let torch compute with at most as many threads as there are idle processors while the block runs.

    The block receives the number, which can move the last digits of a training, and is therefore stored with its
    result. The environment variable ``OMP_NUM_THREADS`` has precedence. On a GPU, and in one of several processes,
    nothing changes.
    """
    before = chosen = torch.get_num_threads()
    alone = fabric.device.type == "cpu" and fabric.world_size == 1
    if alone and before > 1 and "OMP_NUM_THREADS" not in os.environ:
        chosen = min(before, max(1, idle_processors()))
    if chosen < before:
        log.info("other programs are using the processor: training with %d of %d threads", chosen, before)
    torch.set_num_threads(chosen)
    try:
        yield chosen
    finally:
        torch.set_num_threads(before)


def idle_processors() -> int:
    """Return how many of the processors of this process are idle; programs of low priority do not count as busy."""
    import psutil

    try:
        shares = psutil.cpu_times_percent(interval=WATCHED, percpu=True)
    except OSError:  # /proc is not mounted
        return os.cpu_count() or 1
    own: list[int] = list(range(len(shares)))
    with suppress(AttributeError, psutil.Error):  # not known on every system
        own = [number for number in psutil.Process().cpu_affinity() if number < len(shares)]
    busy = sum(shares[number].user + shares[number].system + getattr(shares[number], "steal", 0.0) for number in own)
    return int(len(own) - busy / 100 + ALMOST)
