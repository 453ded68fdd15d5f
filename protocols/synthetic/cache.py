"""The default data set's place: drawn on first use, checked on every later one, drawn again where damaged."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from harness.basics.digests import digest, file_digest
from harness.errors import RunError
from protocols.synthetic.description import damage

VARIABLE = "BENCH_CACHE"

log = logging.getLogger("bench.synthetic")


def cache_folder() -> Path:
    """Return the folder that ``BENCH_CACHE`` names, else the platform's for caches."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("vehicle-reid-bench"))


def kept(parameters: Mapping[str, int]) -> Path:
    """Return the folder of the data set with these parameters, whole; of several processes, one draws it.

    Raises:
        RunError: the cache cannot be written, or drawing failed.
    """
    expected = dict(parameters)
    root = cache_folder() / f"synthetic-{digest([expected, _code()])[:12]}"
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
            next_step=f"name a folder that can be written in the environment variable {VARIABLE}",
        ) from None
    return root


def _code() -> list[str]:
    """Return digests of the drawing code: another code's pictures are never taken for this one's."""
    return [file_digest(path) for path in sorted(Path(__file__).parent.glob("*.py"))]


def _mend(root: Path, expected: dict[str, int]) -> None:
    """Draw what is missing or damaged; the lock is held."""
    from harness.basics.progress import progress
    from protocols.synthetic.making import make

    for left in root.parent.glob(f".{root.name}.*.part"):  # by a process that was killed while it drew
        shutil.rmtree(left, ignore_errors=True)
    if root.exists():
        wrong = damage(root, expected)
        if wrong is None:
            return
        log.warning("the synthetic data set in %s is damaged (%s); it is drawn again", root, wrong)
        aside = root.with_name(f".{root.name}.{secrets.token_hex(4)}.part")
        root.rename(aside)
        shutil.rmtree(aside)
    log.info("drawing the synthetic data set into %s", root)
    sizes = {name: value for name, value in expected.items() if name != "drawing"}
    with progress("drawing vehicles") as advance:
        make(root, progress=advance, **sizes)
