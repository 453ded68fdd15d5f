"""The default data set in the cache: drawn on first use, checked on every later one, drawn again if damaged."""

from __future__ import annotations

import atexit
import logging
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from harness.basics.digests import digest, file_digest
from harness.basics.files import FORBIDDEN
from harness.basics.host import CACHE, cache_folder
from harness.basics.leftovers import own_name, sweep, temporary_folder
from harness.errors import RunError
from protocols.synthetic.description import damage

log = logging.getLogger("bench.synthetic")


def kept(parameters: Mapping[str, int]) -> Path:
    """Return the folder of the complete data set with these parameters; of several processes, one draws it.

    Where the cache cannot be written, each process draws a set of its own, which goes when the process ends.

    Raises:
        RunError: the disk is full, or a drawing process failed.
    """
    expected = dict(parameters)
    root = cache_folder() / f"synthetic-{digest([expected, code_digests()])[:12]}"
    if root.is_dir() and damage(root, expected) is None:
        return root
    from harness.basics.file_lock import FileLock

    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(root.with_name(f"{root.name}.lock")):
            _mend(root, expected)
    except OSError as problem:
        if problem.errno in FORBIDDEN:
            return _kept_by_this_process(tuple(expected.items()), f"{root.parent}: {problem.strerror}")
        raise RunError(
            "the cache cannot be written",
            where=problem.filename or root.parent,
            found=problem.strerror or str(problem),
            next_step=f"set a writable folder in the environment variable {CACHE}",
        ) from None
    return root


@cache
def _kept_by_this_process(parameters: tuple[tuple[str, int], ...], why: str) -> Path:
    """Return the folder of a set in a temporary folder, drawn for this process alone."""
    log.warning(
        "the cache cannot be written (%s): the data set is drawn for this process alone; a writable folder in %s would "
        "keep it",
        why,
        CACHE,
    )
    held = ExitStack()
    atexit.register(held.close)
    root = held.enter_context(temporary_folder("synthetic")) / "synthetic"
    _mend(root, dict(parameters))
    return root


def code_digests(folder: Path = Path(__file__).parent) -> dict[str, str]:
    """Return the digest of each file of the drawing code, so that a set drawn by other code is never reused."""
    files = {path.relative_to(folder).as_posix(): path for end in ("py", "toml") for path in folder.rglob(f"*.{end}")}
    return {name: file_digest(files[name]) for name in sorted(files)}


def _mend(root: Path, expected: dict[str, int]) -> None:
    """Draw the data set if it is missing or damaged; the caller holds the lock."""
    from harness.basics.progress import progress
    from protocols.synthetic.making import make

    sweep(root.parent)  # also if nothing has to be drawn
    if root.exists():
        wrong = damage(root, expected)
        if wrong is None:
            return
        log.warning("the synthetic data set in %s is damaged (%s); it is drawn again", root, wrong)
        aside = own_name(root, "old")
        root.rename(aside)
        shutil.rmtree(aside)
    log.info("drawing the synthetic data set into %s", root)
    sizes = {name: value for name, value in expected.items() if name != "drawing"}
    with progress("drawing vehicles") as advance:
        make(root, progress=advance, **sizes)
