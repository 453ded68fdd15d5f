"""A lock on a file that also works on drives that know no locks; used like ``filelock.FileLock``."""

from __future__ import annotations

import errno
import logging
import warnings
from pathlib import Path

import filelock
from filelock import Timeout

log = logging.getLogger("bench")

REFUSED = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL})
"""What a drive answers that knows no locks."""

SOFT = ".held"
"""The end of the name of the file that stands for a lock on such a drive, and exists only while it is held."""


class FileLock:
    """A lock that one process holds at a time, for a ``with`` block or from ``acquire`` to ``release``.

    Args:
        path: the locked file; its folder must exist.
        timeout: seconds to wait if another process holds it; -1 for ever.
    """

    def __init__(self, path: str | Path, timeout: float = -1) -> None:
        path = Path(path)
        self._real: filelock.BaseFileLock = filelock.FileLock(path, timeout=timeout)
        self._soft: filelock.BaseFileLock = filelock.SoftFileLock(path.with_name(path.name + SOFT), timeout=timeout)
        self._held: filelock.BaseFileLock = self._real

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            Timeout: another process holds it.
            OSError: the file cannot be made.
        """
        try:
            with warnings.catch_warnings():
                # filelock's own stand-in has the name of the lock, and takes a file without a holder for a held lock.
                warnings.filterwarnings("error", "flock not supported")
                self._real.acquire()
            self._held = self._real
        except (OSError, NotImplementedError, UserWarning) as problem:
            if isinstance(problem, OSError) and problem.errno not in REFUSED:
                raise
            self._acquire_soft()

    def _acquire_soft(self) -> None:
        try:
            self._soft.acquire()
        except Timeout:
            log.warning("%s stands for a lock on a drive without locks: remove it if its process was killed", self.soft)
            raise
        self._held = self._soft

    @property
    def soft(self) -> str:
        """The file that stands for the lock on a drive without locks."""
        return self._soft.lock_file

    def release(self) -> None:
        """Give the lock back."""
        self._held.release()

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(self, *_problem: object) -> None:
        self.release()
