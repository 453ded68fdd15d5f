"""What a pickle of weights is made of: names, storages, tensors and arrays, none of them read or allocated yet."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_DIMENSIONS = 16


class Damaged(ValueError):  # noqa: N818 - it is a finding, which becomes a message
    """The bytes of a file contradict each other or the format."""


class Name(NamedTuple):
    """A name in a pickle, such as ``torch`` and ``FloatStorage``; nothing is imported."""

    module: str
    attribute: str


class Kind(NamedTuple):
    """A type of numbers.

    Attributes:
        word: as safetensors and torch name it.
        code: the numpy type with the same bits, in little endian; bfloat16 is read as uint16.
    """

    word: str
    code: str

    @property
    def size(self) -> int:
        """The bytes of a number."""
        return np.dtype(self.code).itemsize


KINDS = {
    kind.word: kind
    for kind in (
        Kind("float32", "<f4"),
        Kind("float64", "<f8"),
        Kind("float16", "<f2"),
        Kind("bfloat16", "<u2"),
        Kind("int64", "<i8"),
        Kind("int32", "<i4"),
        Kind("int16", "<i2"),
        Kind("int8", "|i1"),
        Kind("uint8", "|u1"),
        Kind("bool", "|b1"),
    )
}
"""The types that are read; complex and quantised numbers are not."""

STORAGES: Mapping[str, str] = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


@dataclass(frozen=True)
class Storage:
    """A block of numbers that lies elsewhere in the file.

    Attributes:
        kind: their type.
        key: the block's name.
        count: how many numbers it holds, by the pickle.
        first: the first number that this view of the block begins at.
    """

    kind: Kind
    key: str
    count: int
    first: int = 0

    @classmethod
    def of(cls, kind: object, key: object, count: object, view: object = None) -> Storage:
        """Return a storage as a pickle describes it, or raise Damaged."""
        if not isinstance(kind, Name) or kind.attribute not in STORAGES:
            raise Damaged("a storage of an unknown type")
        if not isinstance(key, str | int) or not _is_count(count):
            raise Damaged("a storage without a size")
        first = view[1] if isinstance(view, tuple) and len(view) == 3 else 0  # of files before torch 1.6
        if not _is_count(first):
            raise Damaged("a storage that begins nowhere")
        return cls(KINDS[STORAGES[kind.attribute]], str(key), _number(count), _number(first))


@dataclass(frozen=True, eq=False)
class Stored:
    """A tensor by its place in a storage, in numbers; checked against the storage's size, so that none is larger."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, storage: object, offset: object, shape: object, strides: object, *_other: object) -> Stored:
        """Return a tensor as ``torch._utils._rebuild_tensor_v2`` receives it, or raise Damaged."""
        if not isinstance(storage, Storage) or not _is_count(offset):
            raise Damaged("a tensor without a storage")
        sides, steps = _counts(shape), _counts(strides)
        if sides is None or steps is None or len(sides) != len(steps):
            raise Damaged("a tensor without a shape")
        start = _number(offset) + storage.first
        last = start + sum((side - 1) * stride for side, stride in zip(sides, steps, strict=True))
        count = math.prod(sides)
        if count and (last >= storage.count or count > storage.count):
            raise Damaged(f"a tensor of {'x'.join(map(str, sides))} in a storage of {storage.count} numbers")
        return cls(storage, start, sides, steps)

    @property
    def kind(self) -> Kind:
        """The type of its numbers."""
        return self.storage.kind

    def within(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return the tensor's numbers, given those of its storage (count,)."""
        size = block.itemsize
        strides = tuple(stride * size for stride in self.strides)
        return np.lib.stride_tricks.as_strided(block[self.offset :], self.shape, strides, writeable=False)


@dataclass(eq=False)
class NumpyType:
    """A type of numpy, by its code: ``f4``."""

    code: str

    def build(self, state: object) -> None:
        """Take the order of bytes from a pickled state."""
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "="):
            self.code = f"{state[1]}{self.code.lstrip('<>|=')}"

    @property
    def type(self) -> np.dtype[Any]:
        """The type, or Damaged if it is not one of plain numbers."""
        if not re.fullmatch(r"[<>|=]?[biuf](1|2|4|8)", self.code):
            raise Damaged("an array of objects")
        return np.dtype(self.code)

    @classmethod
    def of(cls, code: object, *_other: object) -> NumpyType:
        """Return the type as ``numpy.dtype`` receives it."""
        return cls(code if isinstance(code, str) else "O")


@dataclass(eq=False)
class Array:
    """An array of numpy, whose bytes lie in the pickle."""

    shape: tuple[int, ...] = ()
    kind: NumpyType | None = None
    fortran: bool = False
    data: bytes = b""

    def build(self, state: object) -> None:
        """Take shape, type and bytes from a pickled state, or raise Damaged."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise Damaged("an array without a state")
        _version, shape, kind, fortran, data = state
        sides = _counts(shape)
        if sides is None or not isinstance(kind, NumpyType):
            raise Damaged("an array without a shape")
        self.shape, self.kind, self.fortran = sides, kind, bool(fortran)
        self.data = data if isinstance(data, bytes) else b""

    @classmethod
    def of(cls, data: object, kind: object, shape: object, order: object = "C", *_other: object) -> Array:
        """Return an array as numpy's ``_frombuffer`` receives it, or raise Damaged."""
        found = cls()
        raw = bytes(data) if isinstance(data, bytes | bytearray) else None
        found.build((1, shape, kind, order == "F", raw))
        return found

    def numbers(self) -> NDArray[Any]:
        """Return the array, or raise Damaged if its bytes do not fit its shape."""
        if self.kind is None:
            raise Damaged("an array without a type")
        kind = self.kind.type
        if math.prod(self.shape) * kind.itemsize != len(self.data):
            raise Damaged("an array whose bytes do not fit its shape")
        found: NDArray[Any] = np.frombuffer(self.data, kind).reshape(self.shape, order="F" if self.fortran else "C")
        return found.astype(kind.newbyteorder("<"))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _counts(values: object) -> tuple[int, ...] | None:
    """Return sides or steps; None if they are none, or more than any tensor has."""
    if not isinstance(values, tuple | list) or len(values) > MAX_DIMENSIONS or not all(map(_is_count, values)):
        return None
    return tuple(values)


def _scalar(kind: object, data: object = b"", *_other: object) -> int | float | None:
    if not isinstance(kind, NumpyType) or not isinstance(data, bytes):
        return None
    found: int | float = np.frombuffer(data, kind.type, 1)[0].item()
    return found


def _encoded(text: object, encoding: object = "latin1", *_other: object) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Damaged("text in place of bytes")
    return text.encode("latin1")


def _ordered(items: object = (), *_other: object) -> dict[Any, Any]:
    if isinstance(items, dict):
        return items
    if not isinstance(items, list | tuple):
        raise Damaged("a dictionary of no items")
    return {key: value for key, value in items if isinstance(key, str | int | float | bytes)}


def _of_type(function: object, _kind: object, given: object, *_state: object) -> Any:
    if not isinstance(function, Name) or function not in KNOWN or not isinstance(given, tuple):
        raise Damaged("a tensor of an unknown class")
    return KNOWN[function](*given)


def _first(value: object = None, *_other: object) -> Any:
    return value


def _sequence(kind: Callable[..., Any]) -> Callable[..., Any]:
    def build(values: object = (), *_other: object) -> Any:
        if not isinstance(values, list | tuple | set):
            raise Damaged("a sequence of no values")
        return kind(value for value in values if kind is not set or isinstance(value, str | int | float))

    return build


_BUILTINS = {"set": _sequence(set), "frozenset": _sequence(set), "list": _sequence(list), "tuple": _sequence(tuple)}

KNOWN: dict[Name, Callable[..., Any]] = {
    Name("collections", "OrderedDict"): _ordered,
    Name("collections", "Counter"): _ordered,
    Name("collections", "defaultdict"): lambda *_given: {},
    Name("torch._utils", "_rebuild_tensor"): Stored.of,
    Name("torch._utils", "_rebuild_tensor_v2"): Stored.of,
    Name("torch._utils", "_rebuild_parameter"): _first,
    Name("torch._utils", "_rebuild_parameter_with_state"): _first,
    Name("torch._tensor", "_rebuild_from_type_v2"): _of_type,
    Name("torch", "Size"): _sequence(tuple),
    Name("torch", "device"): lambda *given: ":".join(str(word) for word in given if isinstance(word, str | int)),
    Name("_codecs", "encode"): _encoded,
    Name("numpy", "dtype"): NumpyType.of,
    **{
        Name(f"numpy.{core}.multiarray", word): function
        for core in ("core", "_core")
        for word, function in (("scalar", _scalar), ("_reconstruct", lambda *_given: Array()))
    },
    **{Name(f"numpy.{core}.numeric", "_frombuffer"): Array.of for core in ("core", "_core")},
    **{Name(module, word): function for module in ("builtins", "__builtin__") for word, function in _BUILTINS.items()},
}
"""What a pickle may call: functions of this module in place of those that it names."""

VALUES: frozenset[Name] = frozenset(
    {Name("numpy", "ndarray")}
    | {Name("torch", word) for word in (*STORAGES, *KINDS, "float", "half", "double", "long")}
    | {Name("torch.nn.parameter", "Parameter"), Name("torch", "Tensor")}
    | {Name(module, word) for module in ("builtins", "__builtin__") for word in ("int", "float", "str", "bool", "dict")}
)
"""What a pickle may name without calling it."""
