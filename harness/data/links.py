"""Where an image's file is, and whether links out of a data set's folder are followed; only the user can allow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PurePosixPath

from harness.errors import DataError

LEADS_OUT = "the path leads out of the data set's folder by a link"
ALLOW = "if you trust the data set, allow it with --follow-links, or with follow_links = true in your protocol's file"

Parts = Mapping[str, tuple[Path, bool]]
"""The folders of joined data sets by the first part of their keys, and whether links out of each are followed."""

NO_PARTS: Parts = {}

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


def locate(root: Path, key: str, *, follow_links: bool, parts: Parts = NO_PARTS) -> Path:
    """Return the file of a key; of joined data sets, the first part of the key says in which folder it is.

    Raises:
        DataError: the key leads out of the root, by ``..`` or a link, or is not a regular file.
    """
    if parts:
        name, _, rest = key.partition("/")
        if name not in parts:
            raise DataError("no such image", where=root, found=key)
        folder, follow = parts[name]
        return locate(folder, rest, follow_links=follow)
    path = PurePosixPath(key)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise DataError("the path leads out of the data set's folder", where=root, found=key)
    return _inside(root, root / path, follow_links=follow_links)


def _inside(root: Path, path: Path, *, follow_links: bool) -> Path:
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
