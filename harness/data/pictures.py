"""Decoding image files to uint8 pixels of one size, and reporting the unreadable ones."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from harness.basics.host import processors
from harness.basics.progress import Advance, progress
from harness.basics.reading import read_whole
from harness.data.dataset import Dataset
from harness.data.links import ALLOW, LEADS_OUT, NO_PARTS, locate
from harness.data.resizing import STRETCHED, Resizing
from harness.errors import BenchError, DataError, first_of

Pixels = npt.NDArray[np.uint8]

Change = Callable[[str, Pixels], Pixels]
"""Takes an image's key and its (height, width, 3) uint8 pixels at its own size, and returns others of that shape."""

MAX_PIXELS = 1 << 26
"""Limit of an image (67 million pixels, 200 MB); no vehicle crop is nearly as large."""

MAX_BYTES = 1 << 28
"""Limit of an image's file; without any compression, the largest image takes 200 million bytes."""

SCAN, MAX_SCANS, MAX_SCANNED = b"\xff\xda", 100, 1 << 30
"""The marker of a JPEG's scan (ITU-T T.81, table B.1), and the limits of scans and of their pixels."""
GREY = 128
"""The shade with which libjpeg fills what a file lacks."""

END_OF_JPEG = b"\xff\xd9"
FILLING = bytes(range(1, 255)) * 4
"""Bytes that decode to something other than grey."""

ORIENTATION = 0x0112
"""The EXIF tag that tells viewers to turn or mirror an image."""

TURNED = "turned or mirrored by their EXIF data, which is ignored: the pixels are read as they are stored"
DEEP = "of 16 bits, of which the upper eight are read"

CACHE_BYTES = 2 << 30
"""Size up to which decoded images stay in memory, which spares later epochs from reading files."""

log = logging.getLogger("bench.pictures")


def decode(
    path: Path,
    size: tuple[int, int],
    formats: Sequence[str] = ("JPEG",),
    resizing: Resizing = STRETCHED,
    change: Callable[[Pixels], Pixels] | None = None,
    *,
    reduced: bool = False,
) -> Pixels:
    """Return a resized RGB image; the EXIF orientation is ignored, as in all published results.

    Of 16 bits the upper eight are taken: 65,535 becomes 255, and 255 becomes 0, whatever the image's darkest and
    brightest values are.

    Args:
        path: the file.
        size: height and width in pixels.
        formats: accepted formats, as Pillow names them.
        resizing: the way to this size.
        change: what changes the (height, width, 3) uint8 pixels before they are resized, or None.
        reduced: let the decoder shrink a JPEG to a half, a quarter or an eighth, as long as it stays at least as large
            as it will be. It leaves out high frequencies, which is faster and gives other pixels.

    Returns:
        (3, height, width) uint8.

    Raises:
        DataError: the file is missing, truncated, damaged, in another format, larger than ``MAX_PIXELS`` or
            ``MAX_BYTES``, or a JPEG of too many scans; or its values are neither of 8 nor of 16 bits.
    """
    try:
        content = read_whole(path, MAX_BYTES, "the image")
        with Image.open(io.BytesIO(content), formats=tuple(formats)) as image:
            _check_pixels(path, image.size)
            if image.format == "JPEG":
                _check_scans(path, content, image.size)
            if reduced:
                image.draft(None, resizing.scaled(image.size, size))
            whole = _eight_bits(path, image)
            whole = whole if whole.mode == "RGB" else whole.convert("RGB")  # which would copy it
            if image.format in ("JPEG", "MPO") and whole.getpixel((whole.width - 1, whole.height - 1)) == (GREY,) * 3:
                _refuse_missing_rows(path, content, None if reduced else image, formats)
            if change is not None:
                whole = Image.fromarray(change(np.asarray(whole)))
            pixels = resizing(whole, size)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise DataError("the image is too large to be a vehicle", where=path, found=problem) from None
    except UnidentifiedImageError:
        raise DataError("the image is not of an expected format", where=path, expected=" or ".join(formats)) from None
    except BenchError:
        raise
    except Exception as problem:  # Pillow's decoders can raise any exception for a damaged file
        raise DataError("the image cannot be read", where=path, found=problem) from None
    return np.ascontiguousarray(np.asarray(pixels).transpose(2, 0, 1))


def _eight_bits(path: Path, image: Image.Image) -> Image.Image:
    """Return an image with the upper eight bits of 16; Pillow would turn all values above 255 white."""
    if not image.mode.startswith(("I", "F")):
        return image
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
    values = np.asarray(image)
    if not sixteen or values.min() < 0 or values.max() > 65_535:
        raise DataError(
            "the image's values have no scale",
            where=path,
            found=f"values from {values.min():g} to {values.max():g} in Pillow's mode {image.mode}",
            expected="8 or 16 bits a pixel",
            next_step="store it as a PNG of 8 or 16 bits, scaled alike for all images",
        )
    return Image.fromarray((values >> 8).astype(np.uint8))


def _refuse_missing_rows(path: Path, content: bytes, image: Image.Image | None, formats: Sequence[str]) -> None:
    """Raise a DataError if a JPEG ends before its last row, which the decoder then fills with grey without a word.

    An image can end in this grey, too. Only one whose data end too early changes with more of them before their end.

    Args:
        path: the file, for messages.
        content: its bytes.
        image: the decoded image, or None if it was reduced: one of fewer frequencies may not change.
        formats: accepted formats.
    """
    end = content.rfind(END_OF_JPEG)
    if end < 0:
        return
    if image is None:
        with Image.open(io.BytesIO(content), formats=tuple(formats)) as whole:
            whole.load()
        image = whole
    longer = content[:end] + FILLING + content[end:]
    with Image.open(io.BytesIO(longer), formats=tuple(formats)) as other:
        if image.tobytes() != other.tobytes():
            raise DataError(
                "the image ends before its last row",
                where=path,
                found="grey in place of the rest",
                expected=f"{image.width} x {image.height} pixels, as its header says",
            )


def oddity(path: Path, formats: Sequence[str] = ("JPEG",)) -> str:
    """Return how an image is read otherwise than a viewer may show it, by its header; empty for most images."""
    try:
        with Image.open(path, formats=tuple(formats)) as image:
            if image.getexif().get(ORIENTATION, 1) in range(2, 9):
                return TURNED
            return DEEP if image.mode.startswith("I") else ""
    except Exception:  # as in ``decode``, which names the file
        return ""


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

    @classmethod
    def of(
        cls, dataset: Dataset, keys: Sequence[str], size: tuple[int, int], *, resizing: Resizing = STRETCHED
    ) -> Pictures:
        """Return images of a data set, which may consist of several joined ones."""
        pictures = cls(dataset.root, keys, size, dataset.formats, resizing=resizing, follow_links=dataset.follow_links)
        pictures.parts = dataset.roots
        return pictures

    def __init__(
        self,
        root: Path,
        keys: Sequence[str],
        size: tuple[int, int],
        formats: Sequence[str] = ("JPEG",),
        *,
        resizing: Resizing = STRETCHED,
        follow_links: bool = False,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.root = root
        self.keys = tuple(keys)
        self.size = size
        self.formats = tuple(formats)
        self.resizing = resizing
        self.follow_links = follow_links
        self.parts = NO_PARTS
        self.change: Change | None = None
        self.reducing = False
        self._cache_bytes = cache_bytes
        self._cache: Pixels | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, row: int) -> Pixels:
        """Return (3, height, width) uint8."""
        if self._cache is not None:
            pixels: Pixels = self._cache[row]
            return pixels
        path = locate(self.root, self.keys[row], follow_links=self.follow_links, parts=self.parts)
        change = None if self.change is None else partial(self.change, self.keys[row])
        return decode(path, self.size, self.formats, self.resizing, change, reduced=self.reducing)

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

    def reduced(self) -> Pictures:
        """Return the pictures as a decoder gives them that shrinks large ones (see ``decode``); none is in memory."""
        others = copy(self)
        others.reducing, others._cache = True, None
        return others

    def changed(self, change: Change) -> Pictures:
        """Return the pictures with a change that is made to each after decoding; none of them is in memory."""
        others = copy(self)
        others.change, others._cache = change, None
        return others

    def take(self, rows: npt.NDArray[np.integer]) -> Pictures:
        """Return the pictures of some rows, in their order, with their decoded pixels."""
        keys = [self.keys[row] for row in rows]
        taken = copy(self)
        taken.keys = tuple(keys)
        taken._cache = None if self._cache is None else self._cache[rows]
        return taken


def refuse_broken(errors: Iterable[DataError], *, images: int, root: Path) -> DataError:
    """Return one error that counts and names all unreadable images."""
    listed = list(errors)
    if listed and all(error.what == LEADS_OUT for error in listed):
        return outside(len(listed), images, root, [_relative(error.where, root) for error in listed])
    return DataError(
        f"{len(listed)} of {images} images cannot be read",
        where=root,
        found=first_of(f"{_relative(error.where, root)} ({error.what})" for error in listed),
        next_step="restore them, or skip them with --skip-broken (the result is then not official)",
    )


def outside(count: int, images: int, root: Path, names: Sequence[str]) -> DataError:
    """Return the error for images that all lie behind links out of the data set's folder."""
    return DataError(
        f"{count} of {images} images lie outside of the data set's folder, behind a link",
        where=root,
        found=first_of(names, 3),
        next_step=ALLOW,
    )


def log_broken(errors: Iterable[DataError], root: Path) -> None:
    """Log the skipped images, one per line."""
    for error in errors:
        log.warning("skipped: %s (%s)", _relative(error.where, root), error.what)


def _relative(path: object, root: Path) -> str:
    return path.relative_to(root).as_posix() if isinstance(path, Path) and path.is_relative_to(root) else str(path)
