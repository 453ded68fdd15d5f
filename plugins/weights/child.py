"""What the process of ``bench weights convert`` does: reads one file inertly, and writes one of safetensors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.basics.files import cannot_write
from harness.errors import CheckpointError, RunError
from plugins.weights.archives import open_contents
from plugins.weights.states import others_in, state_in
from plugins.weights.values import Damaged, Kind

SAFE = {
    "float32": "F32", "float64": "F64", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL", "uint16": "U16", "uint32": "U32", "uint64": "U64",
}  # fmt: skip
"""The types of numbers as safetensors writes them."""

LEFT_OUT = 5
"""How many of the objects that are left out are named."""


def convert(words: list[str]) -> dict[str, Any]:
    """Return what was written: the number of tensors, of their numbers, and what was left out.

    Args:
        words: the file, the output, and ``zip`` or ``pickle``.

    Raises:
        CheckpointError: the file is damaged, or holds no tensors that safetensors can hold.
        RunError: the file cannot be read, or the output not be written.
    """
    path, out, form = Path(words[0]), Path(words[1]), words[2]
    try:
        with path.open("rb") as file:
            source = hashlib.file_digest(file, "sha256").hexdigest()
        with open_contents(path, zipped=form == "zip", inert=True) as contents:
            found = state_in(contents.value)
            if isinstance(found, str):
                raise CheckpointError("the file holds no state dict", where=path, found=found)
            left = others_in(contents.value)
            tensors = {name: contents.numbers(one) for name, one in sorted(found.items())}
    except Damaged as problem:
        raise CheckpointError("the file is damaged", where=path, found=problem) from None
    except OSError as problem:
        raise RunError("the file cannot be read", where=path, found=problem.strerror) from None
    header = _header(path, tensors, source)
    try:
        with out.open("wb") as written:
            written.write(len(header).to_bytes(8, "little") + header)
            for _, numbers in tensors.values():
                written.write(np.ascontiguousarray(numbers).tobytes())
    except OSError as problem:
        raise cannot_write(out, problem) from None
    count = sum(int(numbers.size) for _, numbers in tensors.values())
    return {"tensors": len(tensors), "numbers": count, "left_out": left[:LEFT_OUT]}


def _header(path: Path, tensors: dict[str, tuple[Kind | None, NDArray[Any]]], source: str) -> bytes:
    """Return the JSON in front of the numbers, filled up to a multiple of eight bytes."""
    header: dict[str, Any] = {"__metadata__": {"converted": json.dumps({"from": path.name, "sha256": source})}}
    offset = 0
    for name, (kind, numbers) in tensors.items():
        word = kind.word if kind is not None else numbers.dtype.name
        if word not in SAFE:
            raise CheckpointError(
                "the file holds numbers that safetensors cannot hold", where=path, found=f"{name}: {word}"
            )
        header[name] = {
            "dtype": SAFE[word],
            "shape": list(numbers.shape),
            "data_offsets": [offset, offset + numbers.nbytes],
        }
        offset += numbers.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)
