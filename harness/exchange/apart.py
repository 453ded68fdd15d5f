"""Reading a format whose library may crash or loop on damaged files, in a process of its own.

A flipped bit in an HDF5 file without checksums can end the process that reads it, or keep it busy for ever. The reading
process hands numbers over as .npy files in a temporary folder, and everything else as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import FeatureError
from harness.exchange.contents import Array, Contents, unreadable

FORMATS = {
    "hdf5": ("HDF5", "harness.exchange.hdf5", "read_hdf5"),
    "mat": ("a MATLAB file", "harness.exchange.matlab", "read_matlab"),
}
LEAST, PER_SECOND = 30, 5_000_000
"""Seconds that the smallest file may take, and the bytes a second of a larger one."""

ANSWER = "answer.json"


@contextmanager
def read_apart(path: Path, kind: str) -> Iterator[Contents]:
    """Yield the contents of a file that another process reads; its arrays last as long as the block.

    Raises:
        FeatureError: as its reader, or the reader crashed or did not end in time.
    """
    name = FORMATS[kind][0]
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        limit = LEAST + path.stat().st_size // PER_SECOND
        try:
            done = subprocess.run(  # noqa: S603 - this very interpreter and a module of our own
                [sys.executable, "-m", "harness.exchange.apart", str(path), kind, folder],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_search_path()), "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise unreadable(path, name, f"the file was not read within {limit} seconds") from None
        answer = Path(folder) / ANSWER
        if done.returncode != 0 or not answer.is_file():
            end = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise unreadable(path, name, f"its reader ended with status {done.returncode}. {end}".strip())
        yield _handed_over(path, json.loads(answer.read_text(encoding="utf-8")), Path(folder))


def _search_path() -> list[str]:
    """Return where the other process finds the modules of this one."""
    own = str(Path(__file__).parents[2])
    return list(dict.fromkeys([own, *(entry for entry in sys.path if entry)]))


def _handed_over(path: Path, answer: dict[str, Any], folder: Path) -> Contents:
    if "error" in answer:
        raise FeatureError(**answer["error"])
    arrays: dict[str, Array] = {
        name: np.load(folder / file, mmap_mode="r" if size else None, allow_pickle=False)
        for name, (file, size) in answer["arrays"].items()
    }
    texts = {name: tuple(words) for name, words in answer["texts"].items()}
    return Contents(path, arrays, texts, answer["unusable"])


def hand_over(path: Path, kind: str, folder: Path) -> None:
    """Read a file and write what it holds into a folder, or the error."""
    import importlib

    _, module, function = FORMATS[kind]
    answer: dict[str, Any]
    try:
        contents: Contents = getattr(importlib.import_module(module), function)(path)
        arrays = {}
        for number, (name, array) in enumerate(contents.arrays.items()):
            np.save(folder / f"{number}.npy", array, allow_pickle=False)
            arrays[name] = (f"{number}.npy", array.size)
        answer = {"arrays": arrays, "texts": dict(contents.texts), "unusable": dict(contents.unusable)}
    except FeatureError as problem:
        fields = ("what", "where", "found", "expected", "next_step")
        stated = {field: getattr(problem, field) for field in fields}
        answer = {"error": {field: None if value is None else str(value) for field, value in stated.items()}}
    (folder / ANSWER).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    hand_over(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
