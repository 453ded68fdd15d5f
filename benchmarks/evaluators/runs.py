"""Run a command as a process of its own, with a limit of time, and tell what it took.

The process that starts others should stay small: what it holds itself counts as memory of each that it starts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """What one process took.

    Attributes:
        seconds: of the clock, from its start to its end.
        processor: seconds of the processor, of the process and those that it started.
        peak: bytes of its resident memory at the most.
        failure: why it has no answer, in words; empty if it has one.
        answer: what it wrote.
    """

    seconds: float
    processor: float
    peak: int
    failure: str = ""
    answer: Any = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes that a process may take."""

    seconds: float
    memory: int

    @property
    def late(self) -> str:
        """What is said of a process that takes too long."""
        return f"did not finish in {self.seconds:g} s"

    @property
    def full(self) -> str:
        """What is said of a process that needs more memory."""
        return f"did not finish in {self.memory / 1e9:.3g} GB"


def run(words: list[str], limits: Limits, answer: Path, *, printed: bool = False, keep: bool = False) -> Run:
    """Run a Python module with words, and read its answer, a file of JSON.

    Args:
        words: the module and its words.
        limits: of time and memory; a process keeps the latter by itself, if it does.
        answer: the file; an earlier one is removed.
        printed: whether the process prints its answer, which then goes to the file.
        keep: whether an earlier answer stays where it is.

    Raises:
        ChildProcessError: it failed for another reason than its limits; the message has its last line.
    """
    answer.parent.mkdir(parents=True, exist_ok=True)
    if not keep:
        answer.unlink(missing_ok=True)
    errors = answer.with_suffix(".log")
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with errors.open("w") as log, (answer if printed else Path(os.devnull)).open("w") as out:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, env=environment, stdout=out, stderr=log)
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limits.seconds, stop)
        timer.start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    took = seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
    said = errors.read_text(errors="replace")
    if late.is_set():
        return Run(*took, limits.late)
    if process.returncode == -signal.SIGKILL or (process.returncode and "bad_alloc" in said):
        return Run(*took, limits.full)
    if process.returncode:
        last = said.strip().splitlines()[-1:] or ["nothing"]
        raise ChildProcessError(f"{' '.join(words[:3])} failed with {process.returncode}, saying: {last[0]}")
    found = json.loads(answer.read_text(encoding="utf-8"))
    if "missing" in found:
        return Run(*took, f"not at hand: no module {found['missing']}")
    return Run(*took, limits.full if "full" in found else "", found)
