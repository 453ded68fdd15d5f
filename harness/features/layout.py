"""The contents of a feature file in schema 1.

Attributes: ``schema``, and as fixed-length texts ``provenance`` (canonical JSON), ``provenance_digest``, and ``digest``
once the file is complete. Data sets, all contiguous and without filters: ``keys`` (n,) fixed-length UTF-8;
``features`` (n, d) little-endian float32 or float16; ``checksums`` (ceil(n / 256), 32) uint8, the SHA-256 of each block
of 256 rows, zero for blocks that are not written yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from harness.errors import FeatureError, first_of

SCHEMA = 1
VERSIONS = ("v108", "v108")
"""Version of HDF5's own structures: the first with checksums. A flipped bit in older ones can make the library loop or
crash, and newer ones cannot be opened again after the writing process was killed."""

BLOCK = 256
"""Rows per checksum; part of the schema, because the digest covers the checksums."""

LONGEST_KEY = 1024
"""Limit of a key in bytes."""

DTYPES: dict[str, np.dtype[Any]] = {"float32": np.dtype("<f4"), "float16": np.dtype("<f2")}

Array = npt.NDArray[Any]


class Provenance(BaseModel):
    """The origin of features; only the names of the method and the data set are required.

    Attributes:
        method: its name.
        variant: of the method, empty for the method as published.
        recipe: named set of options, empty for the defaults.
        options: all resolved options.
        seed: of the run.
        code: digest of the method's source.
        checkpoint: SHA-256 of the checkpoint file.
        train_on: protocol of the training data.
        train_data: digest of the training lists.
        dataset: name of the protocol.
        train_boxes: digest of the boxes used in training, by kind.
        images: digest of the images' names and sizes.
        boxes: digest of the boxes given to the method besides the images, by kind.
        input_size: height and width in pixels.
        parameters: number of trainable parameters of the network.
        needs: labels and boxes used in training.
        test_needs: inputs of the method besides the images.
        control: whether the method is a baseline for comparison only.
        metric: distance that the method expects between its features.
        precision: as lightning-fabric names it.
        device: ``cpu`` or ``cuda``.
        versions: of Python and packages.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    dataset: str
    variant: str = ""
    recipe: str = ""
    options: dict[str, Any] = {}
    seed: int | None = None
    code: str | None = None
    checkpoint: str | None = None
    train_on: str | None = None
    train_data: str | None = None
    train_boxes: dict[str, str] = {}
    images: str | None = None
    boxes: dict[str, str] = {}
    input_size: tuple[int, int] | None = None
    parameters: int | None = None
    needs: tuple[str, ...] = ()
    test_needs: tuple[str, ...] = ()
    control: bool = False
    metric: str | None = None
    precision: str | None = None
    device: str | None = None
    versions: dict[str, str] = {}


def encode_keys(keys: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """Return keys as fixed-length UTF-8.

    Raises:
        FeatureError: there is no key, or a key is repeated, empty, too long, or contains a NUL or half a character.
    """
    if not len(keys):
        raise FeatureError("a feature file needs at least one image")
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            twice = [name for name in dict.fromkeys(keys) if list(keys).count(name) > 1] if len(keys) < 5000 else [key]
            raise FeatureError("a key is repeated", found=first_of(twice))
        seen.add(key)
    try:
        encoded = [key.encode() for key in keys]
    except UnicodeEncodeError as problem:
        raise FeatureError("a key is not text", found=repr(problem.object)) from None
    for stored in encoded:
        if not 0 < len(stored) <= LONGEST_KEY or b"\0" in stored:
            raise FeatureError(
                "a key cannot be stored", found=repr(stored[:80]), expected=f"1 to {LONGEST_KEY} bytes, no NUL"
            )
    return np.array(encoded, dtype=np.bytes_)


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def blocks(rows: int) -> int:
    """Return the number of checksums for a number of rows."""
    return -(-rows // BLOCK)


def checksum(block: Array) -> Array:
    """Return the SHA-256 of up to 256 rows as (32,) uint8."""
    return np.frombuffer(hashlib.sha256(np.ascontiguousarray(block).tobytes()).digest(), dtype=np.uint8)


def content_digest(keys: npt.NDArray[np.bytes_], width: int, dtype: np.dtype[Any], checksums: Array) -> str:
    """Return the digest of a file's keys and features, independent of their provenance."""
    hasher = hashlib.sha256(f"{SCHEMA} {len(keys)} {width} {dtype.name}\n".encode())
    for key in keys.tolist():
        hasher.update(len(key).to_bytes(4, "little") + key)
    hasher.update(np.ascontiguousarray(checksums).tobytes())
    return hasher.hexdigest()
