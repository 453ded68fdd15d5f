"""Where an image's file is, and whether links out of a data set's folder are followed; only the user can allow it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PurePosixPath

from harness.errors import DataError

LEADS_OUT = "the path leads out of the data set's folder by a link"
ALLOW = "if you trust the data set, allow it with --follow-links, or with follow_links = true in your protocol's file"

_FOLLOWING: ContextVar[bool] = ContextVar("follow_links", default=False)


def following() -> bool:
    """Return whether data sets that are loaded now may have images outside of their folder."""
    return _FOLLOWING.get()


@contextmanager
def follow_links(allowed: bool | None = True) -> Iterator[None]:
    """Let data sets that are loaded in the block have images outside of their folder; None changes nothing.

    A link in a stranger's data set can lead to any file that the user can read, so nothing else allows this but the
    option ``--follow-links``, and in the file of one's own protocol ``follow_links = true``.
    """
    before = _FOLLOWING.set(following() if allowed is None else allowed)
    try:
        yield
    finally:
        _FOLLOWING.reset(before)


def locate(root: Path, key: str, *, follow_links: bool) -> Path:
    """Return the file of a key.

    Raises:
        DataError: the key leads out of the root, by ``..`` or a link, or is not a regular file.
    """
    parts = PurePosixPath(key)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise DataError("the path leads out of the data set's folder", where=root, found=key)
    path = root / parts
    if not follow_links and not path.resolve().is_relative_to(root.resolve()):
        raise DataError(
            LEADS_OUT,
            where=path,
            found=path.resolve(),
            next_step=ALLOW,
        )
    if not path.is_file():
        raise DataError("no such image", where=path)
    return path
