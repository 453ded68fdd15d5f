"""The process of ``bench weights convert``: reads one file inertly, writes one of safetensors, and answers in JSON."""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from harness.basics.files import replace_file
from harness.errors import RunError
from plugins.weights.archives import open_contents
from plugins.weights.states import others_in, state_in
from plugins.weights.values import Damaged

SAFE = {
    "float32": "F32", "float64": "F64", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL", "uint16": "U16", "uint32": "U32", "uint64": "U64",
}  # fmt: skip
"""The types of numbers as safetensors writes them."""

LEFT_OUT = 5
"""How many of the objects that are left out are named."""


def limit(memory: int, seconds: int, written: int) -> None:
    """Limit this process, where the system can: memory in bytes, time of the processor, size of a written file."""
    try:
        import resource
    except ImportError:  # not on Windows, where only the parent's limit of time holds
        return
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, written),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        with suppress(ValueError, OSError):  # a system may know a limit and not let it be set
            resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def convert(path: Path, out: Path, *, zipped: bool) -> dict[str, Any]:
    """Return the answer for the parent: the number of tensors, or what is wrong."""
    with path.open("rb") as file:
        source = hashlib.file_digest(file, "sha256").hexdigest()
    with open_contents(path, zipped=zipped, inert=True) as contents:
        found = state_in(contents.value)
        if isinstance(found, str):
            return {"error": "the file holds no state dict", "found": found}
        left = others_in(contents.value)
        tensors = {name: contents.numbers(one) for name, one in sorted(found.items())}
    header: dict[str, Any] = {"__metadata__": {"converted": json.dumps({"from": path.name, "sha256": source})}}
    offset = 0
    for name, (kind, numbers) in tensors.items():
        word = kind.word if kind is not None else numbers.dtype.name
        if word not in SAFE:
            return {"error": "the file holds numbers that safetensors cannot hold", "found": f"{name}: {word}"}
        header[name] = {
            "dtype": SAFE[word],
            "shape": list(numbers.shape),
            "data_offsets": [offset, offset + numbers.nbytes],
        }
        offset += numbers.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replace_file(out, "wb") as written:
        written.write(len(text).to_bytes(8, "little") + text)
        for _, numbers in tensors.values():
            written.write(np.ascontiguousarray(numbers).tobytes())
    count = sum(int(numbers.size) for _, numbers in tensors.values())
    return {"tensors": len(tensors), "numbers": count, "left_out": left[:LEFT_OUT]}


def answer(words: list[str]) -> dict[str, Any]:
    """Return the answer to the parent's words: file, output, form, memory, seconds."""
    path, out = Path(words[0]), Path(words[1])
    limit(int(words[3]), int(words[4]), 5 * path.stat().st_size + (1 << 26))
    try:
        return convert(path, out, zipped=words[2] == "zip")
    except Damaged as problem:
        return {"error": "the file is damaged", "found": str(problem)}
    except MemoryError:
        return {"error": "the conversion needs more memory than the file's size allows", "kind": "run"}
    except RunError as problem:
        return {"error": problem.what, "found": str(problem.found), "where": str(problem.where), "kind": "run"}
    except OSError as problem:
        return {"error": "the file cannot be read", "found": problem.strerror, "kind": "run"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(sys.argv[1:])))
