"""Locks between processes: one writes, and the others wait or are told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import Timeout

from harness.basics.file_lock import FileLock
from harness.basics.files import FORBIDDEN, cannot_write
from harness.errors import RunError

NAME = ".lock"
"""The file that is locked in a folder of its own, such as a run's."""

TURN = ".turn.lock"
"""The file that is locked while files that belong together are written into a folder of anybody's."""


@contextmanager
def alone(lock: Path, taken: RunError, *, passing: bool = False) -> Iterator[None]:
    """Hold a lock in the block, whose file's folder is made.

    Args:
        lock: the file that is locked.
        taken: what is raised if another process holds it.
        passing: remove the file at the end, where nothing else would explain it.

    Raises:
        RunError: ``taken``.
        OSError: the lock's file cannot be written.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise taken from None
    try:
        yield
    finally:
        if passing:
            with suppress(OSError):
                lock.unlink()  # while it is held, so that nobody else has got it
        held.release()


@contextmanager
def locked(folder: Path, taken: RunError) -> Iterator[None]:
    """Hold the lock of a folder, which is made, in the block.

    Raises:
        RunError: ``taken``, if another process holds it, or the folder cannot be written.
    """
    with ExitStack() as held:
        try:
            held.enter_context(alone(folder / NAME, taken))
        except OSError as problem:
            raise cannot_write(folder, problem) from None
        yield


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Hold a lock in a folder, which is made, for a short while; other processes wait. Nothing is left of it.

    Raises:
        RunError: the folder cannot be written.
    """
    lock = folder / TURN
    held = FileLock(lock)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held.acquire()
    except OSError as problem:
        raise cannot_write(folder, problem) from None
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()  # while it is held, so that nobody else has got it
        held.release()


def is_held(lock: Path) -> bool:
    """Return whether a process holds a lock; where no lock can be written, none does."""
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def is_read_only(problem: OSError) -> bool:
    """Return whether a lock could not be written because nothing can be written there."""
    return problem.errno in FORBIDDEN
