"""The default data set in the cache: drawn on first use, checked on every later one, drawn again if damaged."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from harness.basics.digests import digest, file_digest
from harness.basics.leftovers import own_name, sweep
from harness.errors import RunError
from protocols.synthetic.description import damage

VARIABLE = "BENCH_CACHE"

log = logging.getLogger("bench.synthetic")


def cache_folder() -> Path:
    """Return the folder named by ``BENCH_CACHE``, or the platform's cache folder."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("vehicle-reid-bench"))


def kept(parameters: Mapping[str, int]) -> Path:
    """Return the folder of the complete data set with these parameters; of several processes, one draws it.

    Raises:
        RunError: the cache cannot be written, or a drawing process failed.
    """
    expected = dict(parameters)
    root = cache_folder() / f"synthetic-{digest([expected, code_digests()])[:12]}"
    if root.is_dir() and damage(root, expected) is None:
        return root
    from filelock import FileLock

    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(root.with_name(f"{root.name}.lock")):
            _mend(root, expected)
    except OSError as problem:
        raise RunError(
            "the cache cannot be written",
            where=problem.filename or root.parent,
            found=problem.strerror or str(problem),
            next_step=f"set a writable folder in the environment variable {VARIABLE}",
        ) from None
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
