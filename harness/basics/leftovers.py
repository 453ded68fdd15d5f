"""Temporary files and folders of a process's own; the next process removes those of a killed one.

Each has a name that no other process takes, and is locked (``flock``) for as long as its process lives. Whoever gets
the lock of another's therefore knows that nobody writes it any more. Where a system or a drive has no such locks, as
Windows and folders on NFS, nothing is removed, since nobody can tell.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = re.compile(r"\..+\.[0-9]+-[0-9a-f]{8}\.(part|old)", re.DOTALL)
"""What a temporary name looks like: ``.features.h5.4711-0123abcd.part``."""

STEM = 40
"""How many characters of the final name stand in it; names may be no longer than 255 bytes."""

TEMPORARY = "vehicle-reid-bench"
"""How the names of temporary folders in the system's own folder for them begin."""


@contextmanager
def own_file(path: Path) -> Iterator[Path]:
    """Yield an empty new file beside ``path``, whose folder is made; it is removed if it is still there at the end.

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    with _held(path, _touch) as temporary:
        try:
            yield temporary
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def own_folder(path: Path, mode: int = 0o777) -> Iterator[Path]:
    """Yield an empty new folder beside ``path``; it is removed with all that is in it if it is still there at the end.

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    with _held(path, lambda found: found.mkdir(mode)) as temporary:
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def temporary_folder(word: str) -> Iterator[Path]:
    """Yield an empty new folder of this user alone, where the system keeps temporary files; it is removed at the end.

    Raises:
        OSError: it cannot be made.
    """
    import tempfile

    place = Path(tempfile.gettempdir())
    sweep(place, f".{TEMPORARY}-")
    with _held(place / f"{TEMPORARY}-{word}", lambda found: found.mkdir(0o700)) as temporary:
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def own_name(path: Path, ending: str = "part") -> Path:
    """Return a name beside a path that no other process takes, nor this one again."""
    return path.with_name(f".{path.name[:STEM]}.{os.getpid()}-{os.urandom(4).hex()}.{ending}")


def sweep(folder: Path, start: str = ".") -> None:
    """Remove the temporary files and folders in a folder that killed processes have left; errors are ignored.

    Args:
        folder: the folder; those below it are not looked at.
        start: what the names begin with.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(start) and NAME.fullmatch(entry.name):
                with suppress(OSError):
                    _remove_abandoned(Path(entry.path))


def sweep_below(folder: Path) -> None:
    """Remove what ``sweep`` removes from a folder and from all folders below it."""
    for place, folders, _ in os.walk(folder):
        folders[:] = [name for name in folders if not NAME.fullmatch(name)]
        sweep(Path(place))


@contextmanager
def _held(path: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """Make a temporary file or folder, and keep it locked in the block."""
    while True:
        temporary = own_name(path)
        make(temporary)
        if fcntl is None:
            yield temporary
            return
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            if _taken(descriptor, temporary):
                continue
            yield temporary
            return
        finally:
            os.close(descriptor)


def _taken(descriptor: int, temporary: Path) -> bool:
    """Lock a new temporary file, and return whether another process took it for a killed one's just before."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a drive without locks, on which nobody removes anything
        return False
    try:
        return not os.path.samestat(os.fstat(descriptor), temporary.stat())
    except FileNotFoundError:
        return True


def _remove_abandoned(path: Path) -> None:
    """Remove a temporary file or folder, unless a living process holds it; raise an OSError if nobody can tell."""
    if fcntl is None:
        return
    found = path.lstat()
    folder = stat.S_ISDIR(found.st_mode)
    if found.st_uid != os.getuid() or not (folder or stat.S_ISREG(found.st_mode)):
        return
    # Over NFS an exclusive lock needs a file that is open for writing, which a folder cannot be.
    descriptor = os.open(path, (os.O_RDONLY if folder else os.O_RDWR) | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            shutil.rmtree(path, ignore_errors=True) if folder else path.unlink()
    finally:
        os.close(descriptor)


def _touch(path: Path) -> None:
    path.touch(exist_ok=False)
