"""Many processes at once on one thing: all end well or with the one message, files are whole, digits are equal.

Run as ``python -m tests.campaigns.crowd --seed 1 --count 5``: so many rounds, each with every kind of crowd. The
processes of a crowd begin within a random part of a second of each other.
"""

from __future__ import annotations

import argparse
import importlib
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tests.campaigns.parts.forked import IMPORTED, TRACEBACK, bench, fork
from tests.campaigns.parts.report import finish
from tests.campaigns.parts.standing import content, leftovers
from tests.campaigns.parts.work import WORK, Given, prepare

SPREAD = 0.5
"""Seconds within which the processes of a crowd begin."""

TOLD = (
    "another bench is using this run's folder",
    "another bench is training this detector",
    "another process is writing this feature file",
    "the folder to write into is not empty",
)
"""The messages with which a process may end because another one does its work."""

FAULTS = ("failed", "damaged", "other digits", "left over")
HEADS = ("processes", "told", *FAULTS)

Call = Callable[[], object]
Members = Callable[[Given, Path], Sequence[Call]]


def _of(name: str, number: int) -> Members:
    """Return a crowd of several processes that do the same work."""
    return lambda given, folder: [WORK[name](given, folder) for _ in range(number)]


def _measures(given: Given, folder: Path) -> Sequence[Call]:
    """Evaluate one feature file into one folder, with and without a further measure."""
    return [WORK[name](given, folder) for name in ("evaluate", "add a measure") * 4]


def _leaderboard_beside_submit(given: Given, folder: Path) -> Sequence[Call]:
    (folder / "records").mkdir(exist_ok=True)
    words = ("--no-shipped", "--records", folder / "records", "--out", folder / "pages" / "LEADERBOARD.md")
    return [WORK["submit"](given, folder), bench("leaderboard", *words)] * 3


def _features(_given: Given, folder: Path) -> Sequence[Call]:
    def write(number: int) -> None:
        from harness import write_features

        rows = 20_000
        values = np.full((rows, 64), number + 1, np.float32)
        write_features(folder / "f.h5", [f"{row}.jpg" for row in range(rows)], values, dataset="d", method="m")

    return [lambda number=number: write(number) for number in range(4)]


CROWDS: dict[str, tuple[Members, str]] = {
    "eight evaluations into one folder": (_of("evaluate", 8), "evaluate"),
    "eight evaluations with other measures": (_measures, ""),
    "two runs of one identity": (_of("run", 2), "run"),
    "two trainings of one detector": (_of("train a detector", 2), "train a detector"),
    "leaderboard beside submit": (_leaderboard_beside_submit, ""),
    "eight drawings into one cache": (_of("draw into the cache", 8), "draw into the cache"),
    "eight drawings into one folder": (_of("draw", 8), "draw"),
    "four writers of one feature file": (_features, ""),
    "four resumable writers of one feature file": (_of("FeatureWriter", 4), "FeatureWriter"),
}
"""The members of each crowd, and the work that tells what must stand afterwards; empty if several things may."""


class Crowd:
    """The counts of a campaign, by crowd."""

    def __init__(self, given: Given, place: Path, seed: int) -> None:
        self.given = given
        self.place = place
        self.random = random.Random(seed)  # noqa: S311 - the moments need no secret
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in CROWDS}
        self.notes: list[str] = []
        self.expected: dict[str, dict[str, str]] = {}

    def round(self, name: str) -> None:
        """Let one crowd do its work, and look at what stands."""
        members, alone = CROWDS[name]
        folder = self._folder()
        calls = members(self.given, folder)
        processes = []
        for number, call in enumerate(calls):
            processes.append(fork(call, folder.with_name(f"{folder.name}-{number}.log"), folder))
            time.sleep(self.random.uniform(0, SPREAD / len(calls)))
        for process in processes:
            status = process.wait()
            self.counts[name]["processes"] += 1
            told = status in {1, 2} and any(words in process.said for words in TOLD)
            self.counts[name]["told"] += told
            if status != 0 and (not told or status == TRACEBACK or "Traceback" in process.said):
                self._fault(name, "failed", process.said[-1500:])
        try:
            found = content(folder)
        except Exception as problem:
            self._fault(name, "damaged", f"{type(problem).__name__}: {problem}")
        else:
            if not found:
                self._fault(name, "failed", "nothing stands")
            if alone and found != self._alone(alone):
                differ = {path for path, _ in found.items() ^ self._alone(alone).items()}
                self._fault(name, "other digits", f"{sorted(differ)}")
        if left := leftovers(folder):
            self._fault(name, "left over", f"{left}")
        shutil.rmtree(folder, ignore_errors=True)

    def _alone(self, name: str) -> dict[str, str]:
        """Return what one process that does the work by itself leaves."""
        if name not in self.expected:
            folder = self._folder()
            done = fork(WORK[name](self.given, folder), folder.with_suffix(".log"), folder)
            if done.wait() != 0:
                raise SystemExit(f"{name} fails alone:\n{done.said}")
            self.expected[name] = content(folder)
            shutil.rmtree(folder)
        return self.expected[name]

    def _folder(self) -> Path:
        folder = self.place / f"{self.random.getrandbits(40):010x}"
        folder.mkdir()
        return folder

    def _fault(self, name: str, kind: str, what: str) -> None:
        self.counts[name][kind] += 1
        self.notes.append(f"{name}, {kind}: {what}")

    def rows(self) -> list[list[object]]:
        """Return the counts, a line a crowd."""
        return [[name, *map(found.__getitem__, HEADS)] for name, found in self.counts.items()]


def campaign(seed: int, count: int, only: list[str]) -> int:
    """Hold ``count`` rounds, print the table, and return the exit status."""
    begun = time.monotonic()
    for module in IMPORTED:
        importlib.import_module(module)
    with tempfile.TemporaryDirectory(prefix="bench-crowd-") as place:
        crowd = Crowd(prepare(Path(place) / "given"), Path(place), seed)
        for _ in range(count):
            for name in only or CROWDS:
                crowd.round(name)
    return finish(("crowd", *HEADS), crowd.rows(), seed=seed, begun=begun, notes=crowd.notes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=5, help="rounds")
    parser.add_argument("--only", action="append", default=[], choices=list(CROWDS), help="only this crowd")
    words = parser.parse_args()
    sys.exit(campaign(words.seed, words.count, words.only))
