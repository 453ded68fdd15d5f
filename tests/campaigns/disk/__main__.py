"""Full disks: every command that writes meets a small file system that fills up, at a random point of its work.

``python -m tests.campaigns.disk --seed 0 --count 20`` tries each stage so many times and prints one table. A trial lets
a command write into a file system with too little room, and looks at its one message, its exit status and what it left;
then it makes room, gives the same command again, and compares every file with those of a command that was never
stopped. Where no file system may be mounted, the size of each file is limited instead, and the table says so.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import io
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import torch
from tabulate import tabulate

from tests.campaigns.disk.stages import STAGES, Place, Stage

PAGE = 4096
ROOMY = 256 << 20
"""Bytes of a file system with room."""

IMPORTED = (
    "harness.cli.verbs.run",
    "harness.cli.verbs.evaluate",
    "harness.cli.verbs.data",
    "harness.cli.verbs.features",
    "harness.extraction.extract",
    "harness.kernel.ranking",
    "harness.training.engine",
    "leaderboard.commands.leaderboard",
    "leaderboard.commands.report",
    "protocols.synthetic",
)
"""What the commands need, so that each begins with it."""

MESSAGE = re.compile(r"^bench: ", re.MULTILINE)
FAULTS = ("traceback", "no message", "unclear", "wrong status", "half-written", "left over", "not resumed", "differs")
COLUMNS = ("stage", "trials", "full", "fitted", *FAULTS)


class Mounted:
    """A file system in memory, whose size can be changed."""

    limited = "mounted file systems (tmpfs)"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _quietly("mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "none", str(folder))

    def used(self) -> int:
        """Return the bytes in use."""
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def resize(self, size: int) -> None:
        """Give it another size, not below what is in use."""
        _quietly("mount", "-o", f"remount,size={size}", str(self.folder))

    def limit(self, _size: int) -> None:
        """Do nothing in the process of the command, for which the file system has its size."""

    def close(self) -> None:
        """Take the file system away with all that is in it."""
        _quietly("umount", str(self.folder))


class Limited:
    """A folder in which no file may be longer than a limit, where nothing may be mounted."""

    limited = "limits of a file's size (RLIMIT_FSIZE), since nothing may be mounted here"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def used(self) -> int:
        """Return the size of the largest file; below it, a limit is met."""
        return max((path.stat().st_size for path in self.folder.rglob("*") if path.is_file()), default=0)

    def resize(self, size: int) -> None:
        """Do nothing outside the process of the command."""

    def limit(self, size: int) -> None:
        """Limit the files of this process."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    def close(self) -> None:
        """Remove what is in the folder."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()


def _quietly(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own words


def may_mount() -> bool:
    """Return whether this process may mount a file system."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            Mounted(Path(folder)).close()
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


@dataclass
class Result:
    """What the trials of a stage came to, and a line for each fault."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def fault(self, kind: str, about: str) -> None:
        """Count a fault."""
        self.counts[kind] += 1
        self.faults.append(f"{kind}: {about}")


@dataclass(frozen=True)
class Reference:
    """An unlimited run of a stage: the bytes in use before and at most, and the digests of its results."""

    before: int
    most: int
    digests: dict[str, str]


def called(call: Callable[[], None], prepare: Callable[[], None] = lambda: None) -> tuple[int, str]:
    """Run a call in a fork of this process, and return its exit status (70 for a traceback) and what it printed."""
    log = Path(tempfile.mkstemp(prefix="bench-disk-")[1])
    child = os.fork()
    if child == 0:
        status = 70
        try:
            for stream in (1, 2):
                os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND), stream)
            sys.stdout = sys.stderr = io.TextIOWrapper(os.fdopen(1, "wb", 0), write_through=True)
            os.environ["OMP_NUM_THREADS"] = "1"  # a fork would wait for the threads that its parent has started
            torch.set_num_threads(1)
            prepare()
            call()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        except BaseException:
            with contextlib.suppress(OSError):
                traceback.print_exc()
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said = log.read_text(errors="replace")
    log.unlink()
    return status, said


def digests(stage: Stage, place: Place) -> dict[str, str]:
    """Return the digest of each result of a stage, by its path."""
    return {
        str(path.relative_to(place.disk)): hashlib.sha256(stage.content(path)).hexdigest()
        for pattern in stage.results
        for path in sorted(place.disk.glob(pattern))
        if path.is_file()
    }


@contextlib.contextmanager
def disk(place: Place, kind: type[Mounted | Limited], stage: Stage) -> Iterator[Mounted | Limited]:
    """Yield a file system in which a stage has been prepared."""
    there = kind(place.disk)
    try:
        status, said = called(lambda: stage.prepare(place))
        if status != 0:
            raise RuntimeError(f"{stage.name} cannot be prepared: {said}")
        yield there
    finally:
        there.close()


def reference(stage: Stage, place: Place, kind: type[Mounted | Limited]) -> Reference:
    """Return an unlimited run of a stage."""
    with disk(place, kind, stage) as there:
        before = there.used()
        status, said = called(lambda: stage.work(place))
        if status != 0:
            raise RuntimeError(f"{stage.name} fails with room: {said}")
        return Reference(before, there.used(), digests(stage, place))


def trial(
    stage: Stage, place: Place, kind: type[Mounted | Limited], expected: Reference, chance: random.Random
) -> Result:
    """Let a stage meet too little room, then give it room, and return what came of it."""
    result = Result(Counter(trials=1))
    least = expected.before if kind is Mounted else 0
    size = max(PAGE, least + PAGE * chance.randint(0, max(0, (expected.most - least) // PAGE - 1)))
    with disk(place, kind, stage) as there:
        there.resize(size)
        status, said = called(lambda: stage.work(place), lambda: there.limit(size))
        about = f"{stage.name}, {size:,} bytes, status {status}: {said[-600:]!r}"
        result.counts["full" if status else "fitted"] += 1
        _judge(result, place, status, said, about)
        for name, found in digests(stage, place).items():
            if found != expected.digests.get(name):
                result.fault("half-written", f"{name} after {about}")
        there.resize(ROOMY)
        stage.again(place)
        again, said = called(lambda: stage.work(place))
        if again != 0:
            result.fault("not resumed", f"{said[-600:]!r} after {about}")
        elif digests(stage, place) != expected.digests:
            result.fault("differs", f"{digests(stage, place)} for {expected.digests} after {about}")
        _look_for_leftovers(result, place, about)
    return result


def _judge(result: Result, place: Place, status: int, said: str, about: str) -> None:
    """Judge what a command that met a full disk said."""
    if status == 0:
        return
    if status == 70 or "Traceback" in said:
        result.fault("traceback", about)
    elif status != 1:
        result.fault("wrong status", about)
    if len(MESSAGE.findall(said)) != 1:
        result.fault("no message", about)
    elif str(place.disk) not in said or not re.search(r"bytes are free|No space|File too large", said):
        result.fault("unclear", about)


def _look_for_leftovers(result: Result, place: Place, about: str) -> None:
    left = [path.name for path in place.disk.rglob("*") if path.name.endswith((".part", ".partial", ".old"))]
    if left:
        result.fault("left over", f"{left} after {about}")


def campaign(seed: int, count: int, stages: list[Stage], kind: type[Mounted | Limited]) -> dict[str, Result]:
    """Return the results of all stages, each tried ``count`` times."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-disk-") as folder:
        place = Place(Path(folder))
        for name in IMPORTED:
            importlib.import_module(name)
        status, said = called(place.make)  # in another process, so that no thread is lost in a fork of this one
        if status != 0:
            raise RuntimeError(f"the campaign cannot be prepared: {said}")
        for stage in stages:
            chance, total = random.Random(f"{seed} {stage.name}"), Result()  # noqa: S311 - no secret
            expected = reference(stage, place, kind)
            for _ in range(count):
                one = trial(stage, place, kind, expected, chance)
                total.counts += one.counts
                total.faults += one.faults
            found[stage.name] = total
    return found


def main() -> int:
    """Run the campaign, print its table, and return 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=20, help="Trials of each stage.")
    parser.add_argument("--stage", action="append", choices=[stage.name for stage in STAGES], help="Only this stage.")
    words = parser.parse_args()
    began, kind = time.monotonic(), Mounted if may_mount() else Limited
    chosen = [stage for stage in STAGES if not words.stage or stage.name in words.stage]
    found = campaign(words.seed, words.count, chosen, kind)
    rows = [[name, *(result.counts[column] for column in COLUMNS[1:])] for name, result in found.items()]
    click.echo(tabulate(rows, COLUMNS, tablefmt="github"))
    click.echo(f"by {kind.limited}; seed {words.seed}, {words.count} trials each, {time.monotonic() - began:.0f} s")
    faults = [fault for result in found.values() for fault in result.faults]
    click.echo("\n".join(faults))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
