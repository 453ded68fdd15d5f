"""From files of another program to a feature file, with the protocol's keys and in the order of its lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import IntArray
from harness.errors import FeatureError, UsageError, first_of
from harness.exchange.contents import Array
from harness.exchange.lists import check_labels, list_of, tables_of, wanted
from harness.exchange.matching import SHOWN, match
from harness.exchange.reading import read, read_names
from harness.exchange.selecting import Names, Part, parts_of
from harness.features import FeatureFile, Provenance
from harness.features.changing import write_blocks
from harness.features.storage import Storage
from harness.tasks.task import Task

BLOCK = 4096
"""Rows that are read and written at once."""


@dataclass(frozen=True)
class ImportRequest:
    """What a user gives to import.

    Attributes:
        files: of features: all images in one, or several parts.
        lists: of names, one for each file without keys; empty if the files have keys, or the order is given.
        order: the splits that the files, or the rows of a single one, belong to, in this order; empty if unknown.
        names: of the arrays in the files.
        skip_missing: import what there is even if images have no feature.
    """

    files: tuple[Path, ...]
    lists: tuple[Path, ...] = ()
    order: tuple[str, ...] = ()
    names: Names = field(default_factory=Names)
    skip_missing: bool = False


@dataclass(frozen=True)
class ImportReport:
    """What was imported.

    Attributes:
        path: the feature file.
        images: their number.
        width: numbers a feature.
        storage: the type in the file.
        digest: of keys and features.
        matched: how keys and rows were brought together, in words, by file or list.
        missing: the number of images without a feature.
        extra: the number of rows that are of no image and were left out.
        notes: what else a reader must know, one sentence each.
    """

    path: str
    images: int
    width: int
    storage: str
    digest: str
    matched: tuple[str, ...]
    missing: int
    extra: int
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Placed:
    """A part, the paths that have a row in it, and these rows."""

    part: Part
    paths: tuple[str, ...]
    rows: IntArray


@dataclass(frozen=True, eq=False)
class _Lists:
    """What a protocol wants."""

    tasks: Sequence[Task]
    dataset: Dataset


def import_features(
    request: ImportRequest, tasks: Sequence[Task], dataset: Dataset, out: Path, provenance: Provenance
) -> ImportReport:
    """Write the features of other programs' files as a feature file.

    float16, float32 and int8 numbers keep their type, truth values become bits, and all others become float32. If
    anything fails, nothing is left at ``out``, and an existing file stays as it was.

    Raises:
        UsageError: the words of the request do not go together.
        FeatureError: a file is damaged, or its rows, keys or labels are not those of the protocol.
        DataError: the copy of the data set lacks a list.
        RunError: the file cannot be written.
    """
    lists = _Lists(tasks, dataset)
    with ExitStack() as held:
        placed, matched, notes, extra = _placed(request, lists, held)
        keys, sources = _together(placed)
        missing = [path for path in wanted(tasks, dataset) if path not in sources]
        if missing and not request.skip_missing:
            raise FeatureError(
                f"{len(missing)} images have no feature",
                where=first_of(request.files),
                found=f"no row for {first_of(missing, SHOWN)}",
                expected="a row for every query and gallery image of the protocol",
                next_step="give the files of both, or import what there is with --skip-missing",
            )
        storage = _storage([one.part for one in placed])
        changed = _check_numbers(placed, storage)
        if changed:
            notes.append(f"{changed} numbers were rounded to float32; images that nearly tie may change places by it")
        blocks = (storage.encode(block) for block in _blocks(placed, sources, keys))
        write_blocks(out, keys, storage, provenance, blocks)
    with FeatureFile.open(out) as file:
        digest = file.digest
    return ImportReport(
        str(out), len(keys), storage.width, storage.word, digest, tuple(matched), len(missing), extra, tuple(notes)
    )


def _placed(request: ImportRequest, lists: _Lists, held: ExitStack) -> tuple[list[_Placed], list[str], list[str], int]:
    """Return the parts with their paths, how they were matched, notes, and the number of rows of no image."""
    parts = _parts(request, held)
    placed, matched, notes, extra = [], [], list[str](), 0
    for role, part in _with_roles(parts, request.order, lists):
        if part.keys is None:
            table = list_of(role, lists.tasks, lists.dataset)
            whole = part.oriented(len(table))
            notes += check_labels(whole.labels, table, where=whole.where)
            placed.append(_Placed(whole, table.paths, np.arange(len(table))))
            matched.append(f"{len(table)} rows in the order of '{role}'")
            continue
        tables = [list_of(role, lists.tasks, lists.dataset)] if role else tables_of(lists.tasks, lists.dataset)
        own = list(dict.fromkeys(path for table in tables for path in table.paths))
        whole = part.oriented()
        several = len(parts) > 1 and not role  # the other parts may have the rest
        found = match(part.keys, own, where=part.where, partly=request.skip_missing or several)
        row_of = dict(zip(own, found.rows.tolist(), strict=True))
        for table in tables:
            of_table = np.array([row_of[path] for path in table.paths], dtype=np.int64)
            notes += check_labels(whole.labels, table, where=whole.where, rows=of_table)
        rows = np.flatnonzero(found.rows >= 0)
        placed.append(_Placed(whole, tuple(own[row] for row in rows), found.rows[rows]))
        matched.append(f"{found.matched} keys by {found.way}")
        extra += len(found.extra)
        if found.extra:
            notes.append(f"{len(found.extra)} rows are of no image and were left out: {first_of(found.extra, SHOWN)}")
    return placed, matched, list(dict.fromkeys(notes)), extra


def _parts(request: ImportRequest, held: ExitStack) -> list[Part]:
    """Return the parts of all files, with the keys of the lists."""
    parts = [part for path in request.files for part in parts_of(read(path, held), request.names)]
    if not request.lists:
        return parts
    if len(request.lists) != len(parts):
        raise UsageError(
            "the lists of names do not fit the files",
            found=f"{len(request.lists)} lists for {len(parts)} parts: {first_of(part.where for part in parts)}",
            expected="one --keys FILE for each",
        )
    return [_named(part, path) for part, path in zip(parts, request.lists, strict=True)]


def _named(part: Part, path: Path) -> Part:
    """Return a part with the names of a list, which must be as many as its images."""
    keys = read_names(path)
    rows, columns = part.features.shape[:2]
    images = {"rows": (rows,), "columns": (columns,)}.get(part.orientation, (rows, columns))
    if len(keys) not in images:
        raise FeatureError(
            "the list of names has another length than the features",
            where=path,
            found=f"{len(keys)} names",
            expected=f"one name for each image of {part.where}, which has {rows} rows and {columns} columns",
            next_step="write one name a line, in the order of the features",
        )
    return replace(part, keys=keys)


def _with_roles(parts: list[Part], order: tuple[str, ...], lists: _Lists) -> list[tuple[str, Part]]:
    """Return each part with the split that it belongs to, which may be unknown if it has keys."""
    tables = {role: list_of(role, lists.tasks, lists.dataset) for role in order}
    if len(tables) < len(order) or len({table.paths for table in tables.values()}) < len(order):
        raise UsageError(
            "--order names one list twice",
            found=",".join(order),
            expected="each list once; query and gallery are one list in tasks with random draws",
        )
    if not order:
        without = [part.where for part in parts if part.keys is None]
        if without:
            raise FeatureError(
                "the rows have no names",
                where=without[0],
                expected="keys in the file, a list of names, or rows in the order of the protocol's lists",
                next_step="give names with --keys FILE or --keys-name NAME; or say --order query,gallery if the rows "
                "are in the order that 'bench protocols keys' prints",
            )
        return [(part.role, part) for part in parts]
    sizes = [len(table) for table in tables.values()]
    if len(parts) == 1 and len(order) > 1 and len(parts[0].keys or range(sum(sizes))) == sum(sizes):
        return list(zip(order, _split(parts[0], sizes), strict=True))
    roles = [part.role for part in parts]
    if sorted(roles) == sorted(order):
        return list(zip(roles, parts, strict=True))
    if len(parts) != len(order) or any(roles):
        raise UsageError(
            "--order does not fit the files",
            found=f"{len(order)} lists for {len(parts)} parts: {first_of(part.where for part in parts)}",
            expected="one list for each part, in the order of the files",
        )
    return list(zip(order, parts, strict=True))


def _split(part: Part, sizes: Sequence[int]) -> list[Part]:
    """Return the parts of rows that follow each other."""
    whole = part.oriented(sum(sizes))
    edges = np.cumsum([0, *sizes]).tolist()
    return [
        replace(
            whole,
            features=whole.features[first:last],
            keys=None if whole.keys is None else whole.keys[first:last],
            labels=tuple(one._replace(texts=one.texts[first:last]) for one in whole.labels),
            orientation="rows",
        )
        for first, last in pairwise(edges)
    ]


def _together(placed: Sequence[_Placed]) -> tuple[list[str], dict[str, tuple[int, int]]]:
    """Return all paths, and for each the number of its part and its row.

    An image may be in several parts, if its features are equal.
    """
    sources: dict[str, tuple[int, int]] = {}
    widths = {one.part.features.shape[1]: one.part.where for one in placed}
    if len(widths) > 1:
        raise FeatureError(
            "the parts have features of different widths",
            found=", ".join(f"{where}: {width} numbers" for width, where in widths.items()),
            expected="one width",
        )
    for number, one in enumerate(placed):
        for path, row in zip(one.paths, one.rows.tolist(), strict=True):
            before = sources.setdefault(path, (number, row))
            if before != (number, row):
                first = placed[before[0]].part
                if not np.array_equal(first.features[before[1]], one.part.features[row]):
                    raise FeatureError(
                        "an image has two different features",
                        where=path,
                        found=f"{first.where} row {before[1] + 1}, and {one.part.where} row {row + 1}",
                        expected="one feature for each image",
                    )
    return list(sources), sources


def _storage(parts: Sequence[Part]) -> Storage:
    """Return the type that keeps every number, or float32."""
    dtypes = {part.features.dtype for part in parts}
    width = parts[0].features.shape[1]
    words = {"f2": "float16", "i1": "int8", "b1": "binary"}
    return Storage(words.get(next(iter(dtypes)).str[1:], "float32") if len(dtypes) == 1 else "float32", width)


def _check_numbers(placed: Sequence[_Placed], storage: Storage) -> int:
    """Return how many numbers the file's type changes.

    Raises:
        FeatureError: a number is NaN or infinite, or too large for float32; all such rows are counted.
    """
    wrong: list[str] = []
    changed = 0
    for one in placed:
        dtype = one.part.features.dtype
        kept = storage.word != "float32" or (dtype.kind == "f" and dtype.itemsize <= storage.dtype.itemsize)
        for first in range(0, len(one.rows), BLOCK):
            rows = one.rows[first : first + BLOCK]
            block = _rows(one.part.features, rows)
            with np.errstate(over="ignore"):
                stored = block if kept else block.astype(storage.dtype)
            if block.dtype.kind == "f":
                bad = np.flatnonzero(~np.isfinite(stored).all(axis=1))
                wrong += [f"{one.paths[first + row]} ({one.part.where} row {rows[row] + 1})" for row in bad.tolist()]
            if not (kept or one.part.decimal):
                changed += int((stored.astype(np.float64) != block.astype(np.float64)).sum())
    if wrong:
        raise FeatureError(
            f"{len(wrong)} features are not finite in {storage.word}",
            found=first_of(wrong, SHOWN),
            expected="finite numbers",
            next_step="check the method that wrote them for a division by zero or an overflow",
        )
    return changed


def _rows(features: Array, rows: IntArray) -> Array:
    """Return some rows, read at one go where they follow each other."""
    if len(rows) and (np.diff(rows) == 1).all():
        return np.asarray(features[int(rows[0]) : int(rows[-1]) + 1])
    return np.asarray(features[rows])


def _blocks(placed: Sequence[_Placed], sources: dict[str, tuple[int, int]], keys: Sequence[str]) -> Iterator[Array]:
    places = np.array([sources[key] for key in keys], dtype=np.int64).reshape(-1, 2)
    for first in range(0, len(places), BLOCK):
        block = places[first : first + BLOCK]
        for part in dict.fromkeys(block[:, 0].tolist()):
            yield _rows(placed[part].part.features, block[block[:, 0] == part, 1])
