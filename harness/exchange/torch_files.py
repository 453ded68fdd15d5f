"""Files of torch.save with nothing but tensors, numbers and texts; anything that would execute code is refused."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import FeatureError
from harness.exchange.contents import Array, Contents, refuse_number, refuse_size, unreadable
from harness.exchange.words import is_known

if TYPE_CHECKING:
    from torch import Tensor

DEEPEST = 3
"""Limit of dicts within dicts."""

KIND = "a file of torch.save"
AS_TENSORS = (
    "save tensors and texts alone: torch.save({'features': features.cpu(), 'keys': list_of_names}, file); "
    "arrays of NumPy with np.savez"
)
MOST_ITEMS = 20_000_000
"""Limit of the entries of lists and dicts."""


def read_torch(path: Path) -> Contents:
    """Return the tensors and lists of a file, by name; those of a dict in a dict as ``outer.inner``.

    A dict of one vector an image becomes ``features`` and ``keys``.

    Raises:
        FeatureError: the file is damaged, holds more than tensors and plain values, or is too large.
    """
    import torch

    _check_sizes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of files that it then reads or refuses
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        raise FeatureError(
            "the file holds more than tensors and plain values, and reading it could execute code",
            where=path,
            found=_wanted(str(problem)),
            expected="tensors, and lists of texts and numbers",
            next_step=f"where it was made, {AS_TENSORS}",
        ) from None
    except Exception as problem:  # the unpickler fails on damaged bytes in a dozen ways
        raise unreadable(path, KIND, f"{type(problem).__name__}: {problem}".partition("\n")[0]) from None
    return _contents(path, loaded)


def _wanted(problem: str) -> str:
    """Return what a file asks for, from torch's message, whose advice is to trust the file."""
    named = re.search(r"GLOBAL ([\w.]{1,100})", problem)
    return f"it asks for {named[1]}" if named else "it asks for more than tensors"


def _check_sizes(path: Path) -> None:
    """Refuse a zip that unpacks to more than itself: torch packs nothing."""
    refuse_size(path, path.stat().st_size)
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":  # an older file, which is no zip
            return
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as problem:
        raise unreadable(path, KIND, problem) from None
    if any(member.file_size > member.compress_size for member in members):
        raise unreadable(path, KIND, "it is compressed, which torch.save never does")


def _contents(path: Path, loaded: object) -> Contents:
    keyed = _by_image(path, loaded)
    if keyed is not None:
        return Contents(path, {"features": keyed[1]}, {"keys": keyed[0]})
    arrays: dict[str, Array] = {}
    texts: dict[str, tuple[str, ...]] = {}
    unusable: dict[str, str] = {}
    for name, value in _flat("", loaded, 0):
        refuse_number(path, len(arrays) + len(texts) + len(unusable))
        try:
            read = _value(path, name, value)
        except (ValueError, TypeError, RuntimeError, OverflowError, NotImplementedError, MemoryError) as problem:
            unusable[name] = " ".join(str(problem).split())[:100]
            continue
        if isinstance(read, tuple):
            texts[name] = read
        else:
            arrays[name] = read
            refuse_size(path, sum(array.nbytes for array in arrays.values()))
    return Contents(path, arrays, texts, unusable)


def _flat(name: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and depth < DEEPEST:
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key)[:200], inner, depth + 1)
    else:
        yield name, value


def _by_image(path: Path, loaded: object) -> tuple[tuple[str, ...], Array] | None:
    """Return the keys and rows of a dict of one vector an image, or None if it is something else."""
    from torch import Tensor

    if not isinstance(loaded, Mapping) or not loaded or len(loaded) > MOST_ITEMS:
        return None
    values = list(loaded.values())
    if not all(isinstance(key, str) and isinstance(value, Tensor) for key, value in loaded.items()):
        return None
    width = values[0].numel()
    plain = all(value.numel() == width == value.shape[-1:].numel() and value.dim() in (1, 2) for value in values)
    if not plain or width < 1 or any(map(is_known, loaded)):
        return None
    _refuse_tensors(path, "", values)
    return tuple(loaded), np.stack([_numbers(value).reshape(width) for value in values])


def _value(path: Path, name: str, value: object) -> Array | tuple[str, ...]:
    """Return numbers or texts, or raise a ValueError that says why a value is unusable."""
    from torch import Tensor

    if isinstance(value, Tensor):
        _refuse_tensors(path, name, [value])
        return _numbers(value)
    if isinstance(value, (bool, int, float)):
        return _plain(value)
    if isinstance(value, (list, tuple)) and 0 < len(value) <= MOST_ITEMS:
        if all(isinstance(item, str) for item in value):
            return tuple(value)
        return _stacked(path, name, value)
    raise ValueError(
        f"a list of {len(value)} values" if isinstance(value, (list, tuple)) else f"a value of {type(value).__name__}"
    )


def _stacked(path: Path, name: str, value: Sequence[object]) -> Array:
    """Return a list of tensors, of numbers or of lists of numbers as one array."""
    from torch import Tensor

    tensors = [item for item in value if isinstance(item, Tensor)]
    if len(tensors) == len(value):
        _refuse_tensors(path, name, tensors)
        rows = [_numbers(item) for item in tensors]
        return np.concatenate(rows) if rows[0].ndim > 1 else np.stack(rows)
    lists = [item for item in value if isinstance(item, (list, tuple))]
    numbers = [number for item in lists for number in item] if len(lists) == len(value) else value
    if not all(isinstance(number, (bool, int, float)) for number in numbers) or len(set(map(len, lists))) > 1:
        raise ValueError("a list of values of several types or lengths")
    return _plain(value)


def _refuse_tensors(path: Path, name: str, tensors: Sequence[Tensor]) -> None:
    """Refuse tensors that are too much in memory: those of a short file may all be views of one number."""
    refuse_size(path, sum(tensor.numel() * max(tensor.element_size(), 4) for tensor in tensors), name)


def _plain(value: object) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise ValueError("numbers that are too large")
    return array


def _numbers(tensor: Tensor) -> Array:
    """Return a tensor as an array; bfloat16 becomes float32, which is exact."""
    import torch

    dense: Any = tensor.detach()
    if dense.layout != torch.strided or dense.is_quantized or dense.is_complex():
        raise ValueError(f"a tensor of {str(dense.layout).removeprefix('torch.')} {dense.dtype}")
    if dense.dtype.is_floating_point and dense.dtype not in (torch.float16, torch.float32, torch.float64):
        dense = dense.to(torch.float32)
    array: Array = dense.numpy()
    return array
