"""Decoding image files to uint8 pixels of one size, and reporting the unreadable ones."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from harness.basics.host import processors
from harness.basics.progress import Advance, progress
from harness.basics.reading import read_whole
from harness.data.resizing import STRETCHED, Resizing
from harness.errors import DataError, first_of

Pixels = npt.NDArray[np.uint8]

MAX_PIXELS = 1 << 26
"""Limit of an image (67 million pixels, 200 MB); no vehicle crop is nearly as large."""

MAX_BYTES = 1 << 28
"""Limit of an image's file; without any compression, the largest image takes 200 million bytes."""

SCAN, MAX_SCANS, MAX_SCANNED = b"\xff\xda", 100, 1 << 30
"""The marker of a JPEG's scan (ITU-T T.81, table B.1), and the limits of scans and of their pixels."""

CACHE_BYTES = 2 << 30
"""Size up to which decoded images stay in memory, which spares later epochs from reading files."""

log = logging.getLogger("bench.pictures")


def locate(root: Path, key: str) -> Path:
    """Return the file of a key.

    Raises:
        DataError: the key leads out of the root, by ``..`` or a link, or is not a regular file.
    """
    parts = PurePosixPath(key)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise DataError("the path leads out of the data set's folder", where=root, found=key)
    path = root / parts
    if not path.resolve().is_relative_to(root.resolve()):
        raise DataError("the path leads out of the data set's folder by a link", where=path, found=path.resolve())
    if not path.is_file():
        raise DataError("no such image", where=path)
    return path


def decode(
    path: Path, size: tuple[int, int], formats: Sequence[str] = ("JPEG",), resizing: Resizing = STRETCHED
) -> Pixels:
    """Return a resized RGB image; the EXIF orientation is ignored, as in all published results.

    Args:
        path: the file.
        size: height and width in pixels.
        formats: accepted formats, as Pillow names them.
        resizing: the way to this size.

    Returns:
        (3, height, width) uint8.

    Raises:
        DataError: the file is missing, truncated, damaged, in another format, larger than ``MAX_PIXELS`` or
            ``MAX_BYTES``, or a JPEG of too many scans.
    """
    try:
        content = read_whole(path, MAX_BYTES, "the image")
        with Image.open(io.BytesIO(content), formats=tuple(formats)) as image:
            _check_pixels(path, image.size)
            if image.format == "JPEG":
                _check_scans(path, content, image.size)
            pixels = resizing(image.convert("RGB"), size)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise DataError("the image is too large to be a vehicle", where=path, found=problem) from None
    except UnidentifiedImageError:
        raise DataError("the image is not of an expected format", where=path, expected=" or ".join(formats)) from None
    except DataError:
        raise
    except Exception as problem:  # Pillow's decoders can raise any exception for a damaged file
        raise DataError("the image cannot be read", where=path, found=problem) from None
    return np.ascontiguousarray(np.asarray(pixels).transpose(2, 0, 1))


def size_on_disk(path: Path, formats: Sequence[str] = ("JPEG",)) -> tuple[int, int]:
    """Return an image's width and height in pixels from its header, or raise a DataError if that cannot be read."""
    try:
        with Image.open(path, formats=tuple(formats)) as image:
            return image.size
    except Exception as problem:  # as in ``decode``
        raise DataError("the image's size cannot be read", where=path, found=problem) from None


def _check_pixels(path: Path, size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise DataError(
            "the image is too large to be a vehicle",
            where=path,
            found=f"{size[0]} x {size[1]} pixels",
            expected=f"at most {MAX_PIXELS} pixels",
        )


def _check_scans(path: Path, content: bytes, size: tuple[int, int]) -> None:
    """Refuse a JPEG whose scans would take minutes to decode: each may change every pixel again."""
    scans = content.count(SCAN)
    if scans > MAX_SCANS or scans * size[0] * size[1] > MAX_SCANNED:
        raise DataError(
            "the image has too many scans",
            where=path,
            found=f"{scans:,} scans of {size[0]} x {size[1]} pixels",
            expected=f"at most {MAX_SCANS}, and {MAX_SCANNED:,} pixels in all; a progressive JPEG has about 10",
        )


class Pictures:
    """Images at one size, height and width in pixels, kept in memory once decoded if they fit."""

    def __init__(
        self,
        root: Path,
        keys: Sequence[str],
        size: tuple[int, int],
        formats: Sequence[str] = ("JPEG",),
        *,
        resizing: Resizing = STRETCHED,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.root = root
        self.keys = tuple(keys)
        self.size = size
        self.formats = tuple(formats)
        self.resizing = resizing
        self._cache_bytes = cache_bytes
        self._cache: Pixels | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, row: int) -> Pixels:
        """Return (3, height, width) uint8."""
        if self._cache is not None:
            pixels: Pixels = self._cache[row]
            return pixels
        return decode(locate(self.root, self.keys[row]), self.size, self.formats, self.resizing)

    @property
    def cached(self) -> bool:
        """Whether the decoded images are in memory."""
        return self._cache is not None

    def check(self, report: Advance | None = None, rows: npt.NDArray[np.integer] | None = None) -> dict[int, DataError]:
        """Decode every image once, keep all of them if they fit, and return the errors by row.

        With ``rows``, only these images are decoded, and only these may be used afterwards.
        """
        fits = len(self) * 3 * self.size[0] * self.size[1] <= self._cache_bytes
        cache = np.zeros((len(self), 3, *self.size), np.uint8) if fits else None

        def read(row: int) -> DataError | None:
            try:
                pixels = self[row]
            except DataError as error:
                return error
            if cache is not None:
                cache[row] = pixels
            return None

        broken: dict[int, DataError] = {}
        pool = ThreadPoolExecutor(processors())
        try:
            with progress("reading images") as advance:
                chosen = range(len(self)) if rows is None else rows.tolist()
                for done, (row, error) in enumerate(zip(chosen, pool.map(read, chosen), strict=True), 1):
                    if error is not None:
                        broken[row] = error
                    (report or advance)(done, len(chosen))
        finally:
            pool.shutdown(cancel_futures=True)  # lets Ctrl-C end without decoding the queued images
        self._cache = cache
        return broken

    def take(self, rows: npt.NDArray[np.integer]) -> Pictures:
        """Return the pictures of some rows, in their order, with their decoded pixels."""
        keys = [self.keys[row] for row in rows]
        root, size, formats = self.root, self.size, self.formats
        taken = Pictures(root, keys, size, formats, resizing=self.resizing, cache_bytes=self._cache_bytes)
        taken._cache = None if self._cache is None else self._cache[rows]
        return taken


def refuse_broken(errors: Iterable[DataError], *, images: int, root: Path) -> DataError:
    """Return one error that counts and names all unreadable images."""
    listed = list(errors)
    return DataError(
        f"{len(listed)} of {images} images cannot be read",
        where=root,
        found=first_of(f"{_relative(error.where, root)} ({error.what})" for error in listed),
        next_step="restore them, or skip them with --skip-broken (the result is then not official)",
    )


def log_broken(errors: Iterable[DataError], root: Path) -> None:
    """Log the skipped images, one per line."""
    for error in errors:
        log.warning("skipped: %s (%s)", _relative(error.where, root), error.what)


def _relative(path: object, root: Path) -> str:
    return path.relative_to(root).as_posix() if isinstance(path, Path) and path.is_relative_to(root) else str(path)
