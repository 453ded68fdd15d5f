"""Keys and features as people hold them in Python, taken as text and arrays or refused in one message."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from os import PathLike
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import FeatureError, in_one_line

Array = npt.NDArray[Any]

Keys = Iterable[str | bytes | PurePath]
"""Image paths in the order of their features."""

PATHS = "a list of image paths as the protocol names them, in the order of the features"

SHAPE = "an array or tensor of numbers, (n, d)"

LONGEST = 80
"""Characters of a wrong key that a message shows."""


def as_keys(keys: Keys) -> list[str]:
    """Return keys as a list of texts: paths with slashes, bytes as UTF-8.

    Raises:
        FeatureError: one text, a set, nothing that can be gone through, or a key that is no text.

    Example:
        >>> as_keys([PurePath("image_query/0001.jpg"), b"0002.jpg"])
        ['image_query/0001.jpg', '0002.jpg']
    """
    if isinstance(keys, str | bytes | PathLike):
        raise FeatureError("the keys are one text", found=_shown(keys), expected=PATHS, next_step=f"give [{keys!r}]")
    if isinstance(keys, set | frozenset):
        raise FeatureError(
            "the keys are a set, which has no order",
            found=f"{len(keys)} keys in a set",
            expected=PATHS,
            next_step="keep a list of the keys in the order in which the features were computed",
        )
    if not isinstance(keys, Iterable) or getattr(keys, "ndim", 1) != 1:
        raise FeatureError("the keys are no list", found=_shown(keys), expected=PATHS)
    return [key if isinstance(key, str) else _text(key, row) for row, key in enumerate(keys)]


def _text(key: object, row: int) -> str:
    if isinstance(key, PurePath):
        return key.as_posix()
    if isinstance(key, bytes):
        try:
            return key.decode()
        except UnicodeDecodeError:
            pass
    raise FeatureError(
        "a key is not text",
        where=f"key {row + 1}",
        found=_shown(key),
        expected="the path of an image as the protocol names it, in UTF-8 if it is bytes",
        next_step="write each key as the list of the data set does: 'image_query/0001.jpg'",
    )


def _shown(value: object) -> str:
    return f"{in_one_line(repr(value), LONGEST)}, {type(value).__name__}"


def as_array(features: object) -> Array:
    """Return features as an array of numbers: from arrays, tables and lists, and from tensors wherever they are.

    Gradients are left behind, sparse features filled with zeros, and small floats that numpy lacks widened to float32;
    none of it changes a number.

    Raises:
        FeatureError: these are no numbers, some are masked, or rows differ in width.
    """
    try:
        array = _array(features)
    except FeatureError:
        raise
    except Exception as problem:
        # Any library's array may end up here, and fail in its own way.
        raise FeatureError(
            "features cannot be read as an array",
            found=f"{type(features).__name__}: {in_one_line(problem)}",
            expected=SHAPE,
        ) from None
    if array.dtype.name == "bfloat16":  # a type that other libraries add to numpy
        array = array.astype(np.float32)
    if not np.issubdtype(array.dtype, np.floating) and not np.issubdtype(array.dtype, np.integer):
        raise FeatureError(
            "features are not numbers",
            found=f"{type(features).__name__} of {array.dtype}",
            expected=SHAPE,
            next_step="stack the rows into one array: numpy.stack(list(features))" if array.dtype == object else None,
        )
    return array


def _array(features: Any) -> Array:
    if isinstance(features, Mapping):
        raise FeatureError(
            "features are a mapping",
            found=f"{len(features)} keys in a {type(features).__name__}",
            expected=SHAPE,
            next_step="give list(features) as the keys and numpy.stack(list(features.values())) as the features",
        )
    if isinstance(features, Iterator | Set):
        raise FeatureError(
            "features have no rows in order",
            found=type(features).__name__,
            expected=SHAPE,
            next_step="stack the rows into one array: numpy.stack(list(features))",
        )
    if isinstance(features, np.ma.MaskedArray) and np.ma.is_masked(features):
        raise FeatureError(
            "some numbers of the features are masked",
            found=f"{int(np.ma.getmaskarray(features).sum())} of {features.size}",
            expected="a number everywhere",
            next_step="fill them, or leave these images out",
        )
    if isinstance(features, list | tuple):
        try:
            return np.asarray([_of_tensor(row) if _is_tensor(row) else row for row in features])
        except ValueError:
            raise FeatureError("features differ in width", expected=SHAPE) from None
    elif _is_tensor(features):
        return _of_tensor(features)
    elif callable(getattr(features, "toarray", None)):
        features = features.toarray()  # SciPy's sparse arrays
    return np.asarray(features)


def _is_tensor(value: object) -> bool:
    """Say whether a value is a tensor of torch, which is imported if there is one."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _of_tensor(tensor: Any) -> Array:
    import torch

    values = tensor.detach()
    if values.layout is not torch.strided:
        values = values.to_dense()
    known = {torch.float16, torch.float32, torch.float64}
    if values.is_floating_point() and values.dtype not in known:
        values = values.float()
    return np.asarray(values.cpu().resolve_conj().resolve_neg().numpy())
