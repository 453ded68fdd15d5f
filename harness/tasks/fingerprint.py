"""Digests of what decides a number, and of what a method was trained on.

A fingerprint is the SHA-256 of UTF-8 lines. The first is canonical JSON (``harness.basics.digests``): the schema, the
protocol's name and version, the task's name, rule and measures, the definition of the draws. Then, for the queries and
for the gallery, one line of the role, and one line an image, sorted by path: path, vehicle, camera and track as a JSON
list. A camera stands there only where the rule looks at cameras, and a track only where it ranks tracks, as the least
path among the track's images, since a track's number means nothing. Paths have forward slashes. Two data sets whose
lists differ only in the order of their rows, in other labels or in files that no task reads have one fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from harness.basics.digests import canonical_json
from harness.data.dataset import Dataset
from harness.data.images import LABELS, ImageTable
from harness.tasks.draws import DEFINITION
from harness.tasks.protocol import Protocol
from harness.tasks.task import Rule, Task

SCHEMA = 1
"""Raised when the lines change; no fingerprint of one schema equals one of another."""


def fingerprint(protocol: Protocol | type[Protocol], task: Task, dataset: Dataset) -> str:
    """Return the digest of what decides a task's numbers, except the features: 64 hexadecimal digits.

    Raises:
        DataError: the data set lacks a split of the task.
    """
    about = {
        "schema": SCHEMA,
        "protocol": protocol.name,
        "version": protocol.version,
        "task": task.name,
        "rule": _rule(task.rule),
        "measures": sorted(task.measures),
    }
    lines = [canonical_json(about)]
    for role, split in (("query", task.query), ("gallery", task.gallery)):
        lines.append(f"{role}\n" + "\n".join(_images(dataset.split(split), task.rule)))
    return _digest(lines)


def dataset_digest(dataset: Dataset, splits: Iterable[str]) -> str:
    """Return the digest of some splits with all their labels: 64 hexadecimal digits.

    Rows stand in the lists' order, since the order of training batches follows from it.

    Raises:
        DataError: the data set lacks one of the splits.
    """
    lines = []
    for split in sorted(splits):
        table = dataset.split(split)
        columns = [_column(table, name) for name in ("vehicle", *LABELS)]
        known = {name: table.label(name) is not None for name in LABELS}
        rows = zip(_paths(table), *columns, strict=True)
        lines += [canonical_json([SCHEMA, split, known]), *map(json.dumps, rows)]
    return _digest(lines)


def contents_digest(dataset: Dataset, splits: Iterable[str]) -> str:
    """Return the digest of the names and the sizes in bytes of the image files of some splits.

    A file that is missing has no size. The files are not opened.

    Raises:
        DataError: the data set lacks one of the splits.
    """
    lines = []
    for split in sorted(splits):
        table = dataset.split(split)
        lines.append(canonical_json([SCHEMA, split]))
        lines += sorted(
            json.dumps([key, _size(dataset, path)]) for key, path in zip(_paths(table), table.paths, strict=True)
        )
    return _digest(lines)


def _rule(rule: Rule) -> dict[str, Any]:
    """Return a rule as canonical JSON takes it, with the draws' definition."""
    values = asdict(rule)
    values["ignore"] = sorted(rule.ignore)
    if rule.draws is not None:
        values["draws"]["definition"] = DEFINITION
    return values


def _images(table: ImageTable, rule: Rule) -> Iterator[str]:
    """Yield the lines of one role, sorted by path."""
    paths = _paths(table)
    by_camera = any("camera" in ignored for ignored in rule.ignore)
    cameras = _column(table, "camera" if by_camera else None)
    tracks: list[Any] = _column(table, "track" if rule.unit == "track" else None)
    least: dict[Any, str] = {}
    for path, track in zip(paths, tracks, strict=True):
        if track is not None:
            least[track] = min(path, least.get(track, path))
    rows = zip(paths, table.vehicle.tolist(), cameras, [least.get(track) for track in tracks], strict=True)
    return map(json.dumps, sorted(rows, key=lambda row: row[0]))


def _paths(table: ImageTable) -> list[str]:
    return [path.replace("\\", "/") for path in table.paths]


def _column(table: ImageTable, name: str | None) -> list[Any]:
    """Return a column as Python's numbers, or as many times None where it is unknown or not asked for."""
    column = table.label(name) if name is not None else None
    return [None] * len(table) if column is None else column.tolist()


def _size(dataset: Dataset, path: str) -> int | None:
    try:
        return (dataset.root / path).stat().st_size
    except OSError:
        return None


def _digest(lines: Iterable[str]) -> str:
    hasher = hashlib.sha256()
    for line in lines:
        hasher.update(line.encode() + b"\n")
    return hasher.hexdigest()
