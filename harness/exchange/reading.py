"""Reading a file of any known format, told by its first bytes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from harness.data.lists import lines_of, read_bytes
from harness.errors import FeatureError
from harness.exchange.apart import read_apart
from harness.exchange.contents import LONGEST_TEXT, Contents, unreadable
from harness.exchange.numpy_files import read_npy, read_npz
from harness.exchange.tables import read_csv
from harness.exchange.torch_files import read_torch
from harness.features.kinds import kind_of

READERS: dict[str, Callable[[Path], Contents]] = {
    "npy": read_npy,
    "npz": read_npz,
    "csv": read_csv,
    "torch": read_torch,
}
FORMATS = ".npy, .npz, .mat, .csv, .tsv, .parquet, .pt, .pth or HDF5"


def read(path: Path, held: ExitStack) -> Contents:
    """Return what a file holds, until ``held`` is closed.

    Raises:
        FeatureError: the file is missing, damaged, too large or of no known format.
    """
    if not path.is_file():
        raise FeatureError("the file is missing", where=path, expected=f"a file: {FORMATS}")
    try:
        found = kind_of(path)
    except OSError as problem:
        raise FeatureError("the file cannot be read", where=path, found=problem.strerror) from None
    if found is None:
        raise FeatureError(
            "the file is of no format that can be imported",
            where=path,
            expected=FORMATS,
            next_step="save it as .npz: np.savez(file, features=features, keys=np.array(names))",
        )
    kind = found[0]
    return READERS[kind](path) if kind in READERS else held.enter_context(read_apart(path, kind))


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names of a list, one a line; the empty lines at its end are no names.

    Raises:
        DataError: the list is missing or too large.
        FeatureError: the list is not UTF-8, or has an empty or very long line.
    """
    content = read_bytes(path, "list of names", "name an existing list")
    try:
        lines = lines_of(content.decode())
    except UnicodeDecodeError as problem:
        raise unreadable(path, "a list of names", problem, instead="save it as UTF-8, one name a line") from None
    while lines and not lines[-1]:
        lines.pop()
    wrong = [number for number, line in enumerate(lines, 1) if not 0 < len(line.strip()) <= LONGEST_TEXT]
    if wrong or not lines:
        raise FeatureError(
            "a line of the list is no name" if lines else "the list of names is empty",
            where=f"{path}:{wrong[0]}" if wrong else path,
            expected="one name a line, each for one row of the features",
        )
    return tuple(line.strip() for line in lines)
