"""Calls in processes of their own that begin with everything imported, so that a signal meets work, not imports."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from harness.errors import BenchError

IMPORTED = (
    "harness.cli.verbs.run",
    "harness.cli.verbs.evaluate",
    "harness.cli.verbs.data",
    "harness.extraction.extract",
    "harness.kernel.ranking",
    "harness.detection.train",
    "harness.training.engine",
    "leaderboard.commands.leaderboard",
    "leaderboard.commands.submit",
    "plugins.detectors.command",
    "protocols.synthetic",
)
"""What the commands of a campaign need; they import the rest themselves."""

TRACEBACK = 70
"""The exit status of a call that raised something other than the command line's own message."""

GRACE = 15.0
"""Seconds that what a killed process has started has to end by itself."""


@dataclass
class Forked:
    """A running call, which leads a session of its own, and the file of what it prints."""

    number: int
    log: Path
    status: int | None = None

    def wait(self) -> int:
        """Wait for the end, and return the exit status, negative for a signal."""
        if self.status is None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.number, 0)[1])
        return self.status

    def ended_within(self, seconds: float) -> bool:
        """Return whether it ends within some seconds."""
        end = time.monotonic() + seconds
        while self.status is None:
            found, status = os.waitpid(self.number, os.WNOHANG)
            if found:
                self.status = os.waitstatus_to_exitcode(status)
                return True
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def kill(self) -> list[int]:
        """Kill the process, but not what it has started, and return the numbers of all of them."""
        numbers = [self.number, *self.others()]
        with suppress(ProcessLookupError):
            os.kill(self.number, signal.SIGKILL)
        self.wait()
        return numbers

    def others(self) -> list[int]:
        """Return the numbers of the living processes that it has started."""
        found = []
        for process in psutil.process_iter(["status"]):
            with suppress(OSError, psutil.Error):
                same = os.getsid(process.pid) == self.number and process.pid != self.number
                if same and process.info["status"] != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
        return found

    def orphans(self) -> int:
        """Wait for what a killed process has started; kill and count what does not end by itself."""
        end = time.monotonic() + GRACE
        while (left := self.others()) and time.monotonic() < end:
            time.sleep(0.1)
        for number in left:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        return len(left)

    @property
    def said(self) -> str:
        """What it printed."""
        return self.log.read_text(errors="replace")


def fork(call: Callable[[], object], log: Path, folder: Path) -> Forked:
    """Begin a call in a process of its own.

    Args:
        call: what to call; its exit status is that of a SystemExit, or 0.
        log: the file that receives what it prints.
        folder: the current folder; temporary files are put into its folder ``temporary``.
    """
    place = folder / "temporary"
    place.mkdir(parents=True, exist_ok=True)
    number = os.fork()
    if number:
        return Forked(number, log)
    status: object = TRACEBACK
    try:
        os.setsid()
        for stream in (1, 2):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), stream)
        os.chdir(folder)
        os.environ |= {"TMPDIR": str(place), "OMP_NUM_THREADS": "1"}
        torch.set_num_threads(1)  # the threads that the parent has started are not there, and would be waited for
        tempfile.tempdir = None
        call()
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
    except BenchError as problem:  # of a call from Python
        print(problem)  # noqa: T201 - into the log
        status = 1
    except BaseException:
        traceback.print_exc()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)


def bench(*words: object) -> Callable[[], object]:
    """Return a call of the command ``bench``."""
    from harness.cli import main

    return lambda: main([str(word) for word in words], prog_name="bench")


def in_order(calls: Sequence[Callable[[], object]]) -> Callable[[], object]:
    """Return a call of several, each of which ends with status 0 unless the first to fail ends all."""

    def all_of_them() -> None:
        for call in calls:
            try:
                call()
            except SystemExit as ended:
                if ended.code:
                    raise

    return all_of_them
