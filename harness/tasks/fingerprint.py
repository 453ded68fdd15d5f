"""Digests of everything that determines a result except the features, and of training data.

A fingerprint is the SHA-256 of UTF-8 lines. The first line is canonical JSON (``harness.basics.digests``) of the
schema, the protocol's name and version, the task's name, rule and measures, and the definition of the draws. Then
follow, for the queries and for the gallery, one line with the role and one line per image, sorted by path: path,
vehicle, camera and track as a JSON list. The camera is included only if the rule uses cameras. The track is included
only if the rule ranks tracks, and is identified by the smallest path among its images, because track numbers are
arbitrary. Paths have forward slashes. Data sets that differ only in the order of their rows, in other labels or in
unused files have the same fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from json.encoder import encode_basestring_ascii as quoted
from operator import itemgetter
from typing import Any

from harness.basics.digests import canonical_json
from harness.data.dataset import Dataset
from harness.data.images import LABELS, ImageTable
from harness.tasks.draws import DEFINITION
from harness.tasks.protocol import Protocol
from harness.tasks.task import Rule, Task

SCHEMA = 1
"""Increased when the lines change, so that fingerprints of different schemas never match."""


def fingerprint(protocol: Protocol | type[Protocol], task: Task, dataset: Dataset) -> str:
    """Return the digest of everything that determines a task's results except the features: 64 hexadecimal digits.

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


def with_distractors(task: str, keys: str) -> str:
    """Return the fingerprint of a task whose gallery has further images, from its own and the digest of their keys."""
    return _digest([canonical_json({"fingerprint": task, "distractors": keys})])


def dataset_digest(dataset: Dataset, splits: Iterable[str]) -> str:
    """Return the digest of some splits with all their labels: 64 hexadecimal digits.

    The rows keep the order of the lists, because it determines the order of training batches.

    Raises:
        DataError: the data set lacks one of the splits.
    """
    lines = []
    for split in sorted(splits):
        table = dataset.split(split)
        # Without views the digest is that of the releases that knew none.
        labels = [name for name in LABELS if name != "view" or table.view is not None]
        columns = [_column(table, name) for name in ("vehicle", *labels)]
        known = {name: table.label(name) is not None for name in labels}
        rows = zip(_paths(table), *columns, strict=True)
        lines += [canonical_json([SCHEMA, split, known]), *map(json.dumps, rows)]
    return _digest(lines)


def contents_digest(dataset: Dataset, splits: Iterable[str]) -> str:
    """Return the digest of the names and file sizes of the images of some splits.

    A missing file has no size. The files are not opened.

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
    """Return a rule in types that canonical JSON accepts, with the definition of the draws."""
    values = asdict(rule)
    values["ignore"] = sorted(rule.ignore)
    if rule.unanswered == "left out":
        del values["unanswered"]  # as in the fingerprints of the releases that knew no other way
    if rule.draws is not None:
        values["draws"]["definition"] = DEFINITION
    return values


def _images(table: ImageTable, rule: Rule) -> Iterator[str]:
    """Yield the lines of the queries or of the gallery, sorted by path: what ``json.dumps`` makes of their rows."""
    paths = _paths(table)
    by_camera = any("camera" in ignored for ignored in rule.ignore)
    columns = [map(str, table.vehicle.tolist()), _texts(_column(table, "camera" if by_camera else None))]
    tracks: list[Any] = _column(table, "track" if rule.unit == "track" else None)
    least: dict[Any, str] = {}
    for path, track in zip(paths, tracks, strict=True):
        if track is not None:
            least[track] = min(path, least.get(track, path))
    named = {track: quoted(path) for track, path in least.items()}
    rows = zip(paths, *columns, [named.get(track, "null") for track in tracks], strict=True)
    for path, vehicle, camera, track in sorted(rows, key=itemgetter(0)):
        yield f"[{quoted(path)}, {vehicle}, {camera}, {track}]"


def _texts(column: list[Any]) -> Iterator[str]:
    return ("null" if value is None else str(value) for value in column)


def _paths(table: ImageTable) -> list[str]:
    return [path.replace("\\", "/") for path in table.paths]


def _column(table: ImageTable, name: str | None) -> list[Any]:
    """Return a column as Python numbers, or a list of None if it is unknown or not used."""
    column = table.label(name) if name is not None else None
    return [None] * len(table) if column is None else column.tolist()


def _size(dataset: Dataset, path: str) -> int | None:
    try:
        return dataset.place(path).stat().st_size
    except OSError:
        return None


def _digest(lines: Iterable[str]) -> str:
    hasher = hashlib.sha256()
    for line in lines:
        hasher.update(line.encode() + b"\n")
    return hasher.hexdigest()
