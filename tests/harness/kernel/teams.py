"""A team of threads, for tests that need several processes."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

from harness.compute.team import Team


class Together(Team):
    """A team whose processes are threads of this one."""

    def __init__(self, index, count, shared):
        self.index, self.count, self.shared = index, count, shared

    @classmethod
    def of(cls, count):
        shared = {"barrier": threading.Barrier(count), "values": [None] * count}
        return [cls(index, count, shared) for index in range(count)]

    def _summed(self, values):
        every = self._everybody(values)
        return sum(every[1:], every[0])

    def _error_of(self, error, source):
        return pickle.loads(pickle.dumps(self._everybody(error)[source]))  # noqa: S301 - as if from a process

    def _everybody(self, values):
        self.shared["values"][self.index] = values
        self.shared["barrier"].wait(60)
        every = list(self.shared["values"])
        self.shared["barrier"].wait(60)
        return every


def in_threads(count, work):
    """Call ``work`` with each process of a team at once, and return the results, or the errors raised."""
    with ThreadPoolExecutor(count) as pool:
        tasks = [pool.submit(work, team) for team in Together.of(count)]
    return [task.exception() or task.result() for task in tasks]
