"""Kills processes at random moments of their work, and lets them go on: nothing is lost, half-written or left.

Run as ``python -m tests.campaigns.kills --seed 1 --count 100``. Each trial does one kind of work in a new folder, kills
the process (and not what it has started) at a random moment, one time in four once more while it goes on, and then
lets it end. Afterwards everything must be what a call gives that was never killed.
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
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.campaigns.parts.forked import GRACE, IMPORTED, Forked, fork
from tests.campaigns.parts.report import finish
from tests.campaigns.parts.standing import content, leftovers, shared_memory
from tests.campaigns.parts.work import WORK, Given, prepare

FAULTS = ("lost", "half-written", "blocked", "orphans", "shared memory", "left over")
HEADS = ("trials", "kills", "ended before", *FAULTS)
STANDS = "the folder to write into is not empty"
"""What drawing into a folder says if all was done before the signal came; what stands is compared all the same."""

AGAIN = 0.25
"""How often a process is killed a second time."""


class Kills:
    """The counts of a campaign, by kind of work."""

    def __init__(self, given: Given, place: Path, seed: int) -> None:
        self.given = given
        self.place = place
        self.random = random.Random(seed)  # noqa: S311 - the moments need no secret
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in WORK}
        self.notes: list[str] = []
        self.seconds: dict[str, float] = {}
        self.expected: dict[str, Mapping[str, str]] = {}

    def learn(self, name: str) -> None:
        """Do one kind of work undisturbed: how long it takes, and what it gives."""
        folder = self._folder(name)
        begun = time.monotonic()
        done = fork(WORK[name](self.given, folder), folder.with_suffix(".log"), folder)
        if done.wait() != 0:
            raise SystemExit(f"{name} fails undisturbed:\n{done.said}")
        self.seconds[name] = time.monotonic() - begun
        self.expected[name] = content(folder)
        shutil.rmtree(folder)

    def trial(self, name: str) -> None:
        """Kill one kind of work, let it go on, and compare."""
        folder = self._folder(name)
        work, log, counts = WORK[name](self.given, folder), folder.with_suffix(".log"), self.counts[name]
        killed = self._killed(name, work, log, folder)
        while killed and self.random.random() < AGAIN and self._killed(name, work, log, folder):
            pass
        log.unlink(missing_ok=True)
        done = fork(work, log, folder)
        if not done.ended_within(60 + 20 * self.seconds[name]):
            done.kill()
            self._fault(name, "blocked", "it does not end")
        elif done.wait() != 0 and STANDS not in done.said:
            self._fault(name, "blocked" if "another bench" in done.said else "lost", done.said[-2000:])
        elif (found := self._content(name, folder)) is not None and found != self.expected[name]:
            differ = {path for path, _ in found.items() ^ self.expected[name].items()}
            self._fault(name, "lost", f"differs in {sorted(differ)}")
        if left := leftovers(folder):
            self._fault(name, "left over", f"{left}")
        counts["trials"] += 1
        shutil.rmtree(folder, ignore_errors=True)

    def _killed(self, name: str, work: Callable[[], object], log: Path, folder: Path) -> bool:
        """Do the work, kill it at a random moment, and return whether it had not ended before."""
        process = fork(work, log, folder)
        if process.ended_within(self.random.uniform(0, self.seconds[name])):
            self.counts[name]["ended before"] += 1
            return False
        numbers = process.kill()
        self.counts[name]["kills"] += 1
        if self.random.random() < 0.5:  # else it goes on at once, whatever the killed one has left running
            self._look(name, process, numbers, folder)
        return True

    def _look(self, name: str, process: Forked, numbers: list[int], folder: Path) -> None:
        if orphans := process.orphans():
            self._fault(name, "orphans", f"{orphans} still run after {GRACE:.0f} seconds", orphans)
        if segments := shared_memory(numbers):
            self._fault(name, "shared memory", f"{segments}", len(segments))
        self._content(name, folder, finished=False)

    def _content(self, name: str, folder: Path, *, finished: bool = True) -> dict[str, str] | None:
        try:
            return content(folder, finished=finished)
        except Exception as problem:
            self._fault(name, "half-written", f"{type(problem).__name__}: {problem}")
            return None

    def _fault(self, name: str, kind: str, what: str, count: int = 1) -> None:
        self.counts[name][kind] += count
        self.notes.append(f"{name}, {kind}: {what}")

    def _folder(self, name: str) -> Path:
        folder = self.place / f"{name}-{self.random.getrandbits(40):010x}"
        folder.mkdir()
        return folder

    def rows(self) -> list[list[object]]:
        """Return the counts, a line a kind of work and one of all."""
        whole: Counter[str] = sum(self.counts.values(), Counter())
        return [[name, *map(found.__getitem__, HEADS)] for name, found in {**self.counts, "all": whole}.items()]


def campaign(seed: int, count: int, only: list[str], seconds: float) -> int:
    """Kill until ``count`` kills are reached or the time is over, print the table, and return the exit status."""
    begun = time.monotonic()
    for module in IMPORTED:
        importlib.import_module(module)
    with tempfile.TemporaryDirectory(prefix="bench-kills-") as place:
        given = prepare(Path(place) / "given")
        kills = Kills(given, Path(place), seed)
        names = only or list(WORK)
        for name in names:
            kills.learn(name)
        number = 0
        while sum(found["kills"] for found in kills.counts.values()) < count and time.monotonic() - begun < seconds:
            kills.trial(names[number % len(names)])
            number += 1
    return finish(("work", *HEADS), kills.rows(), seed=seed, begun=begun, notes=kills.notes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100, help="kills")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further trial after these")
    parser.add_argument("--only", action="append", default=[], choices=list(WORK), help="only this kind of work")
    words = parser.parse_args()
    sys.exit(campaign(words.seed, words.count, words.only, words.seconds))
