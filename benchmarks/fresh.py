"""What a command takes in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MEASURED = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
status = subprocess.run(sys.argv[1:]).returncode
seconds, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, seconds, used.ru_maxrss]))
sys.exit(status)
"""
"""Runs a command from a small process, since the peak of a child is at least the memory of its parent."""


@dataclass(frozen=True)
class Spent:
    """What a process took: seconds of the processor and of the clock, and its peak of memory in bytes."""

    processor: float
    clock: float
    memory: int


def spent(words: Sequence[str], **options: Any) -> tuple[Spent, subprocess.CompletedProcess[str]]:
    """Run Python with some words; return what it took, and how it ended, with what it printed.

    Args:
        words: of Python's command line.
        options: of ``subprocess.run``.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "-c", MEASURED, sys.executable, *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **options)
    printed, _, figures = done.stdout.rstrip().rpartition("\n")
    processor, clock, memory = json.loads(figures)
    done.stdout = printed
    return Spent(processor, clock, memory * (1 if sys.platform == "darwin" else 1024)), done
