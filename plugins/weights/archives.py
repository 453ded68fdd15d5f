"""The two forms of torch.save: a zip archive, and the older sequence of pickles; sizes are checked before reading."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from plugins.weights.pickles import read_pickle
from plugins.weights.values import Array, Damaged, Kind, Storage, Stored

MAX_PICKLE = 1 << 28
"""The largest ``data.pkl`` in bytes; that of a ResNet-152 with its optimiser takes 300 kB."""

MAX_REPEATED = 4
"""How often the bytes of a file may occur in its tensors, which may share storages."""

MAGIC = 0x1950A86A20F9469CFC6C
"""The number with which the older form begins."""


class Contents:
    """What a file of torch.save holds: the value, with tensors as ``Stored`` or ``Array``, and their numbers."""

    def __init__(self, value: Any, blocks: Mapping[str, NDArray[np.uint8]], size: int) -> None:
        self.value = value
        self._blocks = blocks
        self._left = MAX_REPEATED * size + (1 << 20)

    def numbers(self, tensor: Stored | Array) -> tuple[Kind | None, NDArray[Any]]:
        """Return a tensor's numbers in its own shape, and their type; None for that of a numpy array.

        Raises:
            Damaged: the file does not hold as many, or its tensors are together much larger than the file.
        """
        if isinstance(tensor, Array):
            return None, tensor.numbers()
        storage = tensor.storage
        block = self._blocks.get(storage.key)
        if block is None or storage.count * storage.kind.size > block.nbytes:
            found = "none" if block is None else f"{block.nbytes:,} bytes"
            raise Damaged(f"a storage of {storage.count:,} numbers, of which the file holds {found}")
        numbers = block[: storage.count * storage.kind.size].view(storage.kind.code)
        found_tensor = tensor.within(numbers)
        if found_tensor.dtype == np.bool_:  # a byte of the file may be neither 0 nor 1
            found_tensor = found_tensor.view(np.uint8) != 0
        self._left -= found_tensor.nbytes
        if self._left < 0:
            raise Damaged("tensors that together are much larger than the file")
        return storage.kind, found_tensor


@contextmanager
def open_contents(path: Path, *, zipped: bool, inert: bool = False) -> Iterator[Contents]:
    """Yield what a file of torch.save holds.

    Raises:
        Damaged: sizes, pickle or bytes contradict each other.
        WantsCode: the pickle names something that only code could make, and ``inert`` is False.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if zipped:
            with _opened(file) as archive:
                yield _of_zip(archive, size, inert=inert)
        else:
            yield _of_sequence(Bounded(file, size), size, inert=inert)


class Bounded:
    """A file that is never asked for more than it still holds, whatever length a pickle declares."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.left = size

    def read(self, size: int = -1) -> bytes:
        """Return at most the next ``size`` bytes."""
        wanted = self.left if size is None or size < 0 else min(size, self.left)
        found = self._file.read(wanted)
        self.left -= len(found)
        return found

    def readline(self, size: int | None = -1) -> bytes:
        """Return the rest of a line, at most ``MAX_LINE`` bytes."""
        found = self._file.readline(MAX_LINE if size is None or size < 0 else min(size, MAX_LINE))
        self.left -= len(found)
        return found


MAX_LINE = 1 << 16
"""A line of a pickle is a name or a number."""


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as problem:
        raise Damaged(str(problem)) from None


def check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse compressed members and members that together declare more bytes than the file has."""
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in members):
        raise Damaged("compressed or encrypted members, which torch.save does not write")
    declared = sum(member.file_size for member in members)
    if declared > size:
        raise Damaged(f"members of {declared:,} bytes in a file of {size:,} bytes")


def _of_zip(archive: zipfile.ZipFile, size: int, *, inert: bool) -> Contents:
    check_sizes(archive, size)
    names = archive.namelist()
    first = next((name for name in names if name.endswith("/data.pkl")), None)
    if first is None:
        raise Damaged("no data.pkl")
    folder = first.removesuffix("data.pkl")
    if folder + "byteorder" in names and _member(archive, folder + "byteorder", 16).strip() != b"little":
        raise Damaged("numbers in big endian")
    pickled = _member(archive, first, MAX_PICKLE)
    value = read_pickle(io.BytesIO(pickled), inert=inert)
    return Contents(value, _Members(archive, folder + "data/"), size)


class _Members(Mapping[str, NDArray[np.uint8]]):
    """The storages of an archive by key, each read once, when it is asked for."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        self._archive = archive
        self._names = {name.removeprefix(folder): name for name in archive.namelist() if name.startswith(folder)}
        self._read: dict[str, NDArray[np.uint8]] = {}

    def __getitem__(self, key: str) -> NDArray[np.uint8]:
        if key not in self._read:
            name = self._names[key]
            self._read[key] = np.frombuffer(_member(self._archive, name), np.uint8)
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _member(archive: zipfile.ZipFile, name: str, limit: int | None = None) -> bytes:
    declared = archive.getinfo(name).file_size
    if limit is not None and declared > limit:
        raise Damaged(f"a member {name.rpartition('/')[2]} of {declared:,} bytes")
    try:
        with archive.open(name) as member:
            found = member.read(declared)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, RuntimeError) as problem:
        raise Damaged(str(problem)) from None
    if len(found) != declared:
        raise Damaged(f"a member of {len(found):,} in place of {declared:,} bytes")
    return found


def _of_sequence(file: Bounded, size: int, *, inert: bool) -> Contents:
    """Read the form before torch 1.6: magic number, version, system, value, keys of storages, storages."""
    begins = read_pickle(file, inert=inert)
    if begins != MAGIC:
        return Contents(begins, {}, size)  # a pickle by itself, whose arrays are numpy's
    read_pickle(file, inert=inert)
    system = read_pickle(file, inert=inert)
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise Damaged("numbers in big endian")
    value = read_pickle(file, inert=inert)
    keys = read_pickle(file, inert=inert)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise Damaged("no list of storages")
    sizes = _sizes(value)
    blocks: dict[str, NDArray[np.uint8]] = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        one = sizes.get(key)
        if one is None:
            raise Damaged("a storage that no tensor uses")
        if count * one > file.left:
            raise Damaged(f"a storage of {count:,} numbers, of which the file holds {file.left:,} bytes")
        blocks[key] = np.frombuffer(file.read(count * one), np.uint8)
    return Contents(value, blocks, size)


def _sizes(value: Any) -> dict[str, int]:
    """Return the bytes of a number of each storage that a value's tensors use."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Stored):
            found[one.storage.key] = one.kind.size
        elif isinstance(one, Storage):
            found[one.key] = one.kind.size
        elif id(one) not in seen:
            seen.add(id(one))
            waiting.extend(_parts(one))
    return found


def _parts(value: Any) -> list[Any]:
    from plugins.weights.pickles import Placeholder

    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Placeholder):
        return [value.given, value.state, value.items]
    return []
