"""Reading mutants in child processes, and telling how each ends, also when it ends the child."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from harness.errors import BenchError
from tests.campaigns.mutants.changes import changed
from tests.campaigns.mutants.subjects import Subject

FAULTS = ("traceback", "hang", "memory", "wrong", "crash", "executed", "escaped")
OUTCOMES = ("refused", "as before", "other content", *FAULTS)

SECONDS = 20
"""Seconds of the processor after which a reader hangs."""

WAITING = 180
"""Seconds of the clock after which a reader that uses no processor hangs."""

MEMORY = 2 << 30
"""Bytes more than before the campaign's first mutant."""

RUNNING = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "socket.connect", "pty.spawn")
"""Events of Python's audit that no reader may cause; a process of our own is started by subprocess.Popen."""

CHANGING = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link")
"""Events of changing a folder; the last argument is the open folder that the path is relative to, or -1."""

OPENING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
OURS = ("__pycache__", "/dev/null", "/bench-", "/compiled/")


@dataclass(frozen=True)
class Outcome:
    """How reading one mutant ended: a word of ``OUTCOMES``, and for a fault what there was to see."""

    subject: str
    number: int
    word: str
    note: str = ""


def run(subject: Subject, numbers: Sequence[int], seed: int) -> Iterator[Outcome]:
    """Yield the outcome of each mutant of one subject; a child that dies or hangs is replaced by another.

    The original is read first, in this process: a subject that cannot be read would find nothing.
    """
    if not subject.never:
        subject.read(_put(subject, subject.content))
    left = list(numbers)
    while left:
        reader, writer = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if not child:
            _child(subject, left, seed, writer)
        os.close(writer)
        for outcome in _heard(subject, left, reader, child):
            left = left[left.index(outcome.number) + 1 :]
            yield outcome
        os.close(reader)


def _heard(subject: Subject, left: Sequence[int], reader: int, child: int) -> Iterator[Outcome]:
    """Yield what a child says, and how the mutant ended that it was at when it stopped saying anything."""
    kept, at, began, used = b"", left[0], time.monotonic(), 0.0
    while True:
        ready, _, _ = select.select([reader], [], [], 5)
        said = os.read(reader, 1 << 16) if ready else b""
        if ready and not said:
            break
        kept += said
        *lines, kept = kept.split(b"\n")
        for line in lines:
            number, word, note = json.loads(line)
            if word != "begins":
                yield Outcome(subject.name, number, word, note)
            at, began, used = number, time.monotonic(), _processor(child)
        if not said and (_processor(child) - used > SECONDS or time.monotonic() - began > WAITING):
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            yield Outcome(subject.name, at, "hang", f"{time.monotonic() - began:.0f} s")
            return
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        yield Outcome(subject.name, at, "crash", f"status {status}")


def _processor(child: int) -> float:
    try:
        times = psutil.Process(child).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _child(subject: Subject, numbers: Sequence[int], seed: int, writer: int) -> None:
    """Read the mutants one by one, and say how each ended; this process then ends."""
    status = 1
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        passing = subject.path.parent / "temporary"
        passing.mkdir(exist_ok=True)
        os.environ["TMPDIR"], tempfile.tempdir = str(passing), None
        original = subject.read(_put(subject, subject.content)) if not subject.never else None
        seen = Watch(subject.path.parent)
        used = psutil.Process().memory_info()
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (used.vms + 2 * MEMORY, resource.RLIM_INFINITY))
        for number in numbers:
            _say(writer, number, "begins", "")
            _say(writer, number, *_read(subject, original, number, seed, seen))
            if _peak() > used.rss + MEMORY:
                break  # the peak never falls: another child goes on
        _put(subject, subject.content)
        status = 0
    finally:
        os._exit(status)


def _say(writer: int, number: int, word: str, note: str) -> None:
    os.write(writer, json.dumps([number, word, note[:1000]]).encode() + b"\n")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _put(subject: Subject, content: bytes) -> Path:
    subject.path.write_bytes(content)
    return subject.path


def _read(subject: Subject, original: Any, number: int, seed: int, seen: Watch) -> tuple[str, str]:
    path = _put(subject, changed(subject.content, seed * 1_000_003 + number, text=subject.text))
    before = _peak()
    try:
        with seen:
            found = subject.read(path)
        word, note = ("as before", "") if not subject.never and found == original else ("other content", "")
    except BenchError as problem:
        word, note = ("refused", "") if problem.what and str(problem) else ("traceback", "a message without words")
    except MemoryError:
        word, note = "memory", "MemoryError"
    except BaseException as problem:  # a fault of the project, which the caller reports
        word, note = "traceback", _where(problem)
    if seen.ran:
        return "executed", "; ".join(seen.ran)
    left = [f"left: {found.name}" for found in (subject.path.parent / "temporary").iterdir()]
    if seen.written or left or (subject.path.parent / "executed").exists():
        return "escaped", "; ".join(seen.written + left)
    if _peak() > before + MEMORY:
        return "memory", f"{(_peak() - before) >> 20} MiB more"
    if word == "other content" and subject.never:
        return "wrong", "a harmful file was read"
    if word == "other content" and subject.checked:
        return "wrong", "another content, though the file has checksums"
    return word, note


def _where(problem: BaseException) -> str:
    trace = problem.__traceback__
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{Path(code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(problem).__name__}: {str(problem)[:200]} at {' '.join(places[-6:])}"


class Watch:
    """Sees what Python is asked to run, and which files outside of a folder it is asked to write, within a block."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.ran: list[str] = []
        self.written: list[str] = []
        self._on = False
        sys.addaudithook(self._hook)

    def __enter__(self) -> Watch:
        self.ran, self.written, self._on = [], [], True
        return self

    def __exit__(self, *_raised: object) -> None:
        self._on = False

    def _hook(self, event: str, given: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event in RUNNING:
            self.ran.append(f"{event} {str(given)[:200]}")
        elif event == "subprocess.Popen":
            if "harness.basics.child" not in str(given):
                self.ran.append(f"{event} {str(given)[:200]}")
        elif event in CHANGING:
            if given[-1] == -1:  # else the path is relative to a folder that is open
                self._note(str(given[0]))
        elif event == "open" and isinstance(given[2], int) and given[2] & OPENING:
            self._note(str(given[0]))

    def _note(self, path: str) -> None:
        place = os.path.abspath(path)  # noqa: PTH100 - within an audit, which Path would disturb
        if not path.isdecimal() and not place.startswith(self.folder) and not any(one in place for one in OURS):
            self.written.append(place)
