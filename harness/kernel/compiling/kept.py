"""Compiled loops on disk: a folder of them for each version of their sources, of Python and numba, and each processor.

They lie below the cache folder (``BENCH_CACHE``). A file says by a digest that it is whole; whatever else cannot be
used is compiled again and replaced. A process that finds its folder removed goes on with what it has in memory.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import re
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from harness.basics.files import take_place
from harness.basics.host import CACHE, cache_folder
from harness.basics.leftovers import own_file, own_name, sweep

log = logging.getLogger("bench")

rebuilt: Any = CompileResult._rebuild  # these functions have no types
dumped: Any = dumps

FOLDER = "compiled"
"""Below the cache folder."""

SETS = 8
"""The most folders that stay when a new one is made, itself among them."""

UNUSED = 14 * 86400
"""Seconds after which a folder that no process has used is removed, when a new one is made."""

NAME = re.compile("[0-9a-f]{16}")
"""The names of these folders."""

DIGEST = 32
"""Bytes of the SHA-256 that a file begins with."""

MOST = 1 << 26
"""The most bytes of a file that is read; the largest loop takes half a megabyte."""


class Kept(NullCache):
    """What numba asks for a loop that was compiled before, and gives one that it has compiled.

    It does not prepare numba for compiling, as numba's own does before it looks; a compilation prepares for itself.

    Args:
        function: the loop.
        sources: a digest of everything that its machine code depends on besides its own file.
    """

    def __init__(self, function: Callable[..., Any], sources: str) -> None:
        self.function = function
        self.sources = sources

    @property
    def cache_path(self) -> str | None:
        """The folder of all sets, or None if it cannot be written."""
        folder = cache_folder() / FOLDER
        there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)
        return str(folder) if there.is_dir() and os.access(there, os.W_OK) else None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the loop as compiled before for these types, or None."""
        path = self._path(sig, target_context.codegen())
        content = _read(path)
        if content is None:
            return None
        try:
            found = rebuilt(target_context, *pickle.loads(content))  # noqa: S301 - our own, see _ours
        except Exception as problem:  # whatever rebuilding raises: the loop is compiled again
            log.debug("%s is compiled again: %s", path, problem)
            return None
        _mark_used(path.parent)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled loop; if its folder cannot be written, say so once."""
        if data.library.has_dynamic_globals:  # addresses of this process
            return
        path = self._path(sig, data.library.codegen)
        try:
            _write(path, dumped(data._reduce()))
        except OSError as problem:
            _say_once(path.parent.parent, problem.strerror or str(problem))

    def _path(self, sig: Any, codegen: Any) -> Path:
        """Return the file of the loop for these types on this processor."""
        about = self.function
        version = (self.sources, sys.implementation.cache_tag, numba.__version__, llvmlite.__version__)
        types = (about.__qualname__, _file_digest(about.__code__.co_filename), str(sig))
        name = f"{about.__module__.rpartition('.')[2]}.{about.__name__}-{_digest(types)}"
        return cache_folder() / FOLDER / _digest((version, codegen.magic_tuple())) / name


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


@cache
def _file_digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _read(path: Path) -> bytes | None:
    """Return what was written to a file, or None if there is none, it is damaged, or others may have written it."""
    with suppress(OSError):
        if _ours(path.parent) and path.stat().st_size <= MOST:
            content = path.read_bytes()
            if hashlib.sha256(content[DIGEST:]).digest() == content[:DIGEST]:
                return content[DIGEST:]
    return None


def _ours(folder: Path) -> bool:
    """Say whether a folder is this user's and nobody else may write into it: what lies there is executed."""
    if not hasattr(os, "getuid"):  # Windows, where the cache folder is below the user's own
        return True
    found = folder.lstat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def _write(path: Path, content: bytes) -> None:
    """Write a file of a set in one step; the first of a set removes sets that are no longer used."""
    folder = path.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(0o700)
        remove_unused(folder)
    if not _ours(folder):
        raise PermissionError(0, "another user may write there", str(folder))
    with own_file(path) as temporary:
        temporary.write_bytes(hashlib.sha256(content).digest() + content)
        take_place(temporary, path)


def remove_unused(folder: Path) -> None:
    """Remove the sets beside a new one that were not used for long, and all but those used last.

    A process that still uses one of them has its loops in memory, and compiles others again. A set is renamed before
    it is removed, so that nobody reads half of one.
    """
    sweep(folder.parent)
    used: dict[Path, float] = {}
    for path in folder.parent.iterdir():
        with suppress(OSError):
            if NAME.fullmatch(path.name) and path != folder and path.is_dir() and not path.is_symlink():
                used[path] = path.stat().st_mtime
    latest = sorted(used, key=lambda path: (-used[path], path))
    oldest = time.time() - UNUSED
    for place, path in enumerate(latest):
        if place >= SETS - 1 or used[path] < oldest:
            with suppress(OSError):
                removed = path.rename(own_name(path, "old"))
                shutil.rmtree(removed, ignore_errors=True)


@cache  # once for each folder and process
def _mark_used(folder: Path) -> None:
    with suppress(OSError):
        os.utime(folder)


@cache  # once
def _say_once(folder: Path, problem: str) -> None:
    log.warning(
        "compiled loops cannot be kept in %s (%s), and every process compiles them again; name another folder in %s",
        folder,
        problem,
        CACHE,
    )
