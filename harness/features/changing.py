"""Feature files from feature files: the same features in a smaller type, and several files as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from harness.errors import FeatureError, UsageError, first_of
from harness.features.given import Keys
from harness.features.layout import BLOCK, Array, StoredKeys
from harness.features.provenance import Provenance
from harness.features.reader import FeatureFile
from harness.features.storage import FLOATS, Storage, int8_scale
from harness.features.writer import FeatureWriter

READ = 16 * BLOCK
"""Rows that are read and written at once."""

ENVIRONMENT = ("images", "versions", "device")
"""What parts of one file may differ in: digests of their images, and where they were embedded."""


def verify(file: FeatureFile) -> int:
    """Read a whole file, and return the number of its features.

    Raises:
        FeatureError: a block does not match its checksum, or a number is not finite.
    """
    for _ in _blocks(file):
        pass
    return len(file)


def quantise(source: FeatureFile, word: str, out: Path, scale: float | None = None) -> tuple[Storage, float]:
    """Write a file's features in a smaller type.

    A bit says whether a number is above 0.

    Args:
        source: of float32 or float16.
        word: ``float16``, ``int8`` or ``binary``.
        out: the file; an existing one is replaced in one step.
        scale: of int8, such as that of the features to compare with; None to have the greatest magnitude at 127.

    Returns:
        How the numbers are stored, and the share of bits that are 1; of int8 the share of numbers that the scale cuts
        off, 0 for float16.

    Raises:
        UsageError: the source has a smaller type already.
        FeatureError: it is damaged; the features are too large for float16; or all bits of the file would be equal.
        RunError: the file cannot be written.
    """
    if source.storage.word not in FLOATS or source.storage.word == word:
        raise UsageError(
            f"features of {source.storage.word} cannot be turned into {word}",
            where=source.path,
            expected="a file of float32, or one of float16 for int8 and binary",
        )
    width = source.shape[1]
    share = 0.0
    if word == "int8" and scale is None:
        scale = int8_scale(max(float(np.abs(block).max()) for block in _blocks(source)))
    elif scale is not None:
        given = Storage(word, width, scale)
        share = sum(given.cut(block) for block in _blocks(source)) / (len(source) * width)
    if word == "binary":
        share = sum(int((block > 0).sum()) for block in _blocks(source)) / (len(source) * width)
        if share in (0, 1):
            raise FeatureError(
                "every bit of the file would be equal",
                where=source.path,
                found=f"no number is {'at or below' if share else 'above'} 0",
                expected="numbers on both sides of 0",
                next_step="subtract the mean of the training features before they are written",
            )
    storage = Storage(word, width, 1.0 if scale is None else scale)
    write_blocks(
        out,
        source.stored_keys,
        storage,
        source.provenance,
        (storage.encode(block) for block in _checked(source, storage)),
    )
    return storage, share


def _checked(source: FeatureFile, storage: Storage) -> Iterator[Array]:
    """Yield the blocks, whose numbers must stay finite in the new type."""
    for first, block in zip(range(0, len(source), READ), _blocks(source), strict=True):
        wrong = np.flatnonzero(~np.isfinite(storage.encode(block)).all(axis=1))
        if len(wrong):
            raise FeatureError(
                f"features are too large for {storage.word}",
                where=source.path,
                found=first_of(source.stored_keys.texts(first, first + READ)[row] for row in wrong),
                expected=f"numbers up to {np.finfo(storage.dtype).max}",
                next_step="divide each feature by its length before it is written, or use int8",
            )
        yield block


def merge(paths: Sequence[Path], out: Path) -> tuple[int, int]:
    """Write the features of several files, of one method and of one type, as one file.

    An image may be in several files if its features are equal.

    Returns:
        The number of images, and how many were in several files.

    Raises:
        FeatureError: the files differ in type, width or origin, or an image has different features.
        RunError: the file cannot be written.
    """
    with ExitStack() as held:
        files = [held.enter_context(FeatureFile.open(path)) for path in paths]
        _refuse_others(files)
        sources: dict[str, tuple[FeatureFile, int]] = {}
        again = 0
        for file in files:
            for row, key in enumerate(file.keys):
                before, place = sources.setdefault(key, (file, row))
                if before is not file:
                    again += 1
                    if not np.array_equal(before.stored(place, place + 1), file.stored(row, row + 1)):
                        raise FeatureError(
                            "an image has two different features",
                            where=key,
                            found=f"{before.path} and {file.path}",
                            expected="one feature for each image",
                        )
        first = files[0]
        about = first.provenance if len(files) == 1 else first.provenance.model_copy(update={"images": None})
        blocks = (
            rows
            for file in files
            for rows in _stored_rows(file, [row for key, row in _rows(file) if sources[key] == (file, row)])
        )
        write_blocks(out, list(sources), first.storage, about, blocks)
    return len(sources), again


def _rows(file: FeatureFile) -> Iterator[tuple[str, int]]:
    return ((key, row) for row, key in enumerate(file.keys))


def _stored_rows(file: FeatureFile, rows: Sequence[int]) -> Iterator[Array]:
    wanted = np.array(rows, dtype=np.int64)
    for first in range(0, len(file), READ):
        own = wanted[(wanted >= first) & (wanted < first + READ)]
        if len(own):
            yield file.stored(first, min(first + READ, len(file)))[own - first]


def _refuse_others(files: Sequence[FeatureFile]) -> None:
    """Refuse files that are not parts of one."""
    first = files[0]
    own = first.provenance.model_dump(exclude=set(ENVIRONMENT))
    for file in files[1:]:
        if file.storage != first.storage:
            raise FeatureError(
                "the files differ in how their numbers are stored",
                where=file.path,
                found=file.storage.text,
                expected=f"{first.storage.text}, as in {first.path}",
                next_step="merge the float32 files, and quantise what comes of it",
            )
        other = file.provenance.model_dump(exclude=set(ENVIRONMENT))
        differ = sorted(name for name in own if own[name] != other[name])
        if differ:
            raise FeatureError(
                f"the files differ in their {first_of(differ)}",
                where=file.path,
                found=f"{differ[0]} {other[differ[0]]}",
                expected=f"{differ[0]} {own[differ[0]]}, as in {first.path}",
                next_step="merge features of one method and one data set",
            )


def write_blocks(
    out: Path, keys: Keys | StoredKeys, storage: Storage, provenance: Provenance, blocks: Iterator[Array]
) -> None:
    """Write blocks of rows as they are stored; if anything fails, nothing is left and an existing file is unchanged.

    Raises:
        RunError: the file cannot be written.
    """
    with FeatureWriter(out, keys, storage.width, provenance, storage, resumable=False) as writer:
        for block in blocks:
            writer.write_stored(block)


def _blocks(file: FeatureFile) -> Iterator[Array]:
    """Yield all rows, verified, as they are ranked."""
    return (file.between(first, min(first + READ, len(file))) for first in range(0, len(file), READ))
