"""What stands in a folder: the content of every file that has its final name, and whether it is whole."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from pathlib import Path

import torch
from PIL import Image

from harness.basics.digests import file_digest
from harness.basics.leftovers import NAME
from harness.boxes.store import read_store
from harness.features import FeatureFile
from harness.features.changing import verify
from harness.methods.checkpoint import load_checkpoint
from harness.scoring.per_query import read_per_query
from harness.scoring.record import read_record

LEFT = re.compile(r".*\.partial|\.turn\.lock|\..*\.h5\.lock")
"""Names that no finished call leaves, besides those of temporary files."""

UNCOMPARED = {"run.log", ".lock", "cost.json", "temporary"}
"""Files that hold times, and a lock that a folder keeps."""

UNFINISHED = {"state.pt", "validation.csv", "validation.png"}
"""Files that grow from epoch to epoch."""


def content(folder: Path, *, finished: bool = True) -> dict[str, str]:
    """Return a digest of every file with its final name, which is read and checked completely.

    Args:
        folder: the folder.
        finished: whether the work in it is done; else files that grow are checked, and not returned.

    Raises:
        Exception: a file is not whole.
    """
    found = {}
    for path in _files(folder):
        if path.name in UNCOMPARED or is_left(path):
            continue
        value = _checked(path)
        if finished or path.name not in UNFINISHED:
            found[path.relative_to(folder).as_posix()] = value
    return found


def leftovers(folder: Path) -> list[str]:
    """Return the temporary files and folders below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if is_left(path))


def is_left(path: Path) -> bool:
    """Return whether a path has a temporary name."""
    return bool(NAME.fullmatch(path.name) or LEFT.fullmatch(path.name))


def shared_memory(numbers: Iterable[int]) -> list[str]:
    """Return the segments of shared memory that torch has named after some processes."""
    place = Path("/dev/shm")  # noqa: S108 - where Linux keeps them
    starts = tuple(f"torch_{number}_" for number in numbers)
    return [path.name for path in place.iterdir() if path.name.startswith(starts)] if place.is_dir() else []


def _files(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir():
            if path.name not in UNCOMPARED and not is_left(path):
                yield from _files(path)
        else:
            yield path


def _checked(path: Path) -> str:
    if path.name.startswith("record-"):
        record = read_record(path)
        if record.per_query is not None:
            read_per_query(path.with_name(record.per_query.name), expected=record.per_query.digest)
        return record.model_copy(update={"cost": None}).digest
    if path.name.startswith("boxes-") or (path.parent.name == "boxes" and path.suffix == ".h5"):
        return read_store(path).digest
    if path.suffix == ".h5":
        with FeatureFile.open(path) as file:
            verify(file)
            return file.digest
    if path.suffix == ".safetensors":
        load_checkpoint(path)
    if path.suffix == ".pt":
        torch.load(path, weights_only=True)
    if path.suffix == ".json":
        json.loads(path.read_text())
    if path.suffix in {".png", ".jpg"}:
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            picture.load()
    return file_digest(path)
