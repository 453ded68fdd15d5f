"""A finished query-by-gallery matrix of another program, brought into the order of the protocol's lists."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.data.images import ImageTable, IntArray
from harness.errors import FeatureError, first_of
from harness.exchange.contents import Array, Contents
from harness.exchange.lists import check_labels
from harness.exchange.matching import match
from harness.exchange.reading import read, read_names
from harness.exchange.selecting import keys_of, labels_of
from harness.exchange.words import DISTANCES, ROLES, SIMILARITIES, found

HASHED = 1 << 24
"""Numbers of the matrix that are digested at once."""


@dataclass(frozen=True)
class MatrixRequest:
    """What a user gives to import.

    Attributes:
        file: of the matrix.
        name: of the matrix in the file; empty to go by the usual names.
        lists: of the names of rows and columns, by role; empty if the file has them, or they are those of the lists.
        similar: whether the greater number is the nearer; None to go by the matrix's name, else distances.
    """

    file: Path
    name: str = ""
    lists: tuple[tuple[str, Path], ...] = ()
    similar: bool | None = None


@dataclass(frozen=True, eq=False)
class GivenMatrix:
    """A matrix whose rows are the queries of a list, and whose columns its gallery.

    Attributes:
        values: the numbers as they are in the file, or its transpose.
        rows: (q,) the row of each query.
        columns: (g,) the column of each gallery image, or None for all in their order.
        similar: whether the greater number is the nearer.
        notes: how the axes were matched, one sentence each.
    """

    values: Array
    rows: IntArray
    columns: IntArray | None
    similar: bool
    notes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Queries and gallery images."""
        return len(self.rows), self.values.shape[1] if self.columns is None else len(self.columns)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        return self.values.dtype

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        """Return some rows in the order of the list."""
        own = self.rows[rows]
        follow = len(own) > 0 and bool((np.diff(own) == 1).all())
        block = np.asarray(self.values[int(own[0]) : int(own[-1]) + 1] if follow else self.values[own])
        return block if self.columns is None else block[:, self.columns]

    def digest(self) -> str:
        """Return the SHA-256 of the numbers in the order of the lists, their type and their number."""
        kind = self.dtype.newbyteorder("<")
        hasher = hashlib.sha256(f"matrix {self.shape[0]} {self.shape[1]} {kind.name} {self.similar}\n".encode())
        step = max(HASHED // self.shape[1], 1)
        for first in range(0, self.shape[0], step):
            hasher.update(np.ascontiguousarray(self[first : first + step], dtype=kind).tobytes())
        return hasher.hexdigest()


def read_matrix(request: MatrixRequest, query: ImageTable, gallery: ImageTable, held: ExitStack) -> GivenMatrix:
    """Return a file's matrix in the order of two lists; its numbers last until ``held`` is closed.

    Raises:
        FeatureError: the file has no such matrix, or it has more or fewer rows or columns than the lists; names that
            are not those of the lists; labels that differ from the lists'.
    """
    contents = read(request.file, held)
    name, similar = _named(contents, request)
    values = contents.arrays[name]
    where = f"{request.file}: {name}" if name else str(request.file)
    lists = dict(request.lists)
    keys = {
        role: read_names(lists[role])
        if role in lists
        else keys_of(contents, role, naming=f"give the names with --{role}-keys FILE")
        for role in ROLES
    }
    tables = {"query": query, "gallery": gallery}
    wanted = tuple(len(keys[role] or tables[role]) for role in ROLES)
    notes = []
    if values.ndim == 2 and values.shape != wanted and values.shape == wanted[::-1]:
        values = values.T
        notes.append("rows are gallery images and columns queries in the file; they were exchanged")
    if values.shape != wanted:
        raise FeatureError(
            "the matrix does not fit the protocol's lists",
            where=where,
            found=f"shape {values.shape}",
            expected=f"{wanted}: a row for each of the queries, a column for each gallery image",
            next_step="name one task with --protocol NAME/TASK; 'bench protocols keys' prints its lists",
        )
    axes: dict[str, IntArray | None] = {}
    for role, table in tables.items():
        own = keys[role]
        if own is None:
            axes[role] = None
            notes.append(f"{len(table)} {role} images in the order of the list")
        else:
            paths = list(dict.fromkeys(table.paths))
            placed = match(own, paths, where=f"{where}, {role}")
            row_of = dict(zip(paths, placed.rows.tolist(), strict=True))
            axes[role] = np.array([row_of[path] for path in table.paths], dtype=np.int64)
            notes.append(f"{placed.matched} {role} images by {placed.way}")
        notes += check_labels(labels_of(contents, role), table, where=f"{request.file}: {role}", rows=axes[role])
    rows = axes["query"]
    return GivenMatrix(values, np.arange(len(query)) if rows is None else rows, axes["gallery"], similar, tuple(notes))


def _named(contents: Contents, request: MatrixRequest) -> tuple[str, bool]:
    """Return the matrix's name, and whether it holds similarities."""
    usual = {False: found(contents.arrays, "", DISTANCES), True: found(contents.arrays, "", SIMILARITIES)}
    names: Sequence[str] = [*usual[False], *usual[True]]
    if request.name:
        names = [name for name in contents.arrays if name == request.name]
    elif not names:
        names = [name for name, array in contents.arrays.items() if array.ndim == 2 and min(array.shape) > 1]
    if len(names) != 1:
        raise FeatureError(
            "the file has several arrays that may be the matrix" if names else "the file has no such matrix",
            where=contents.path,
            found=first_of(names) if names else contents.listed(),
            expected="distmat, or one matrix of queries by gallery",
            next_step="name it with --name NAME",
        )
    if contents.arrays[names[0]].dtype.kind not in "fiu":
        raise FeatureError("the matrix holds truth values", where=contents.path, expected="numbers")
    return names[0], names[0] in usual[True] if request.similar is None else request.similar
