"""Accuracy against bytes: the same features in smaller types and as product codes, all ranked exactly as stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.basics.leftovers import temporary_folder
from harness.errors import FeatureError, UsageError
from harness.features import FeatureFile
from harness.features.added.distractors import open_distractors
from harness.features.changing import quantise
from harness.features.storage import FLOATS
from harness.kernel.gallery import Rows
from harness.kernel.ranking import rank
from harness.measures import heading
from harness.scoring.evaluation import score, scored
from harness.scoring.growth.tasks import OpenTask
from harness.scoring.scores import Scores
from harness.scoring.tables import plain, table
from harness.tasks.rules import relevance
from leaderboard.growth.codes import CodedRows
from leaderboard.statistics.paired import PairedComparison, Side, compare_paired

TYPES = ("float32", "float16", "int8", "binary")
FIRST = ("cmc@1", "hit@1", "cmc_top@1")


@dataclass(frozen=True)
class Codes:
    """The product codes to score.

    Attributes:
        sizes: in bytes.
        learned: the feature file of other images that they are learned from; None for the gallery itself.
    """

    sizes: tuple[int, ...] = ()
    learned: Path | None = None


@dataclass(frozen=True, eq=False)
class Stored:
    """The scores of a gallery that is stored in one way.

    Attributes:
        name: the type, or ``PQ 16`` for product codes.
        size: bytes an image.
        scores: of the stored numbers.
    """

    name: str
    size: int
    scores: Scores


@dataclass(frozen=True, eq=False)
class Storages:
    """One task under every storage, the features as they came first.

    Attributes:
        task: ``protocol/task``.
        method: the name of the run.
        images: of the gallery.
        vehicles: of the gallery.
        stored: at least one.
        notes: what a reader must know, one sentence each.
    """

    task: str
    method: str
    images: int
    vehicles: int
    stored: tuple[Stored, ...]
    notes: tuple[str, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """The measure that tables are sorted by, and the share of queries whose first answer is right."""
        words = list(self.stored[0].scores.mean)
        return tuple(dict.fromkeys([words[0], *(word for word in FIRST if word in words)]))

    def difference(self, other: Stored, measure: str) -> PairedComparison:
        """Return the paired difference of a storage to the features as they came."""
        sides = [_side(other.scores), _side(self.stored[0].scores)]
        return compare_paired(sides, measure)[0]


def _side(scores: Scores) -> Side:
    return Side((scores.table,), (scores.per_draw,) if scores.per_draw else ())


def storages_of(opened: OpenTask, codes: Codes) -> Storages:
    """Return the scores of features of float32 or float16, of all smaller types, and of product codes.

    Args:
        opened: the task and its features.
        codes: the product codes, too.

    Raises:
        UsageError: the features are int8 or binary already, or a size of codes cannot be had.
        FeatureError: product codes cannot be learned from these images.
    """
    file = opened.file
    if file.storage.word not in FLOATS:
        raise UsageError(
            f"the features are {file.storage.word} already",
            where=file.path,
            expected="float32 or float16",
            next_step="give the file that they were made from",
        )
    notes: list[str] = []
    stored = [_scored(opened, file), *_smaller(opened, notes), *_coded(opened, codes)]
    if codes.sizes:
        notes.append("PQ: product codes of the gallery; queries stay as they are.")
        if codes.learned is None:
            notes.append("The codes are learned from the gallery itself, which may raise the numbers (--learn-from).")
    labels = opened.dataset.split(opened.task.gallery)
    return Storages(
        opened.name, opened.method, len(labels), len(set(labels.vehicle.tolist())), tuple(stored), tuple(notes)
    )


def _scored(opened: OpenTask, file: FeatureFile) -> Stored:
    """Return the scores of the features in a file, which are the task's own or smaller ones."""
    scores = score(file, opened.protocol, opened.task, opened.dataset, opened.settings)
    return Stored(file.storage.word, file.storage.columns * file.storage.dtype.itemsize, scores)


def _smaller(opened: OpenTask, notes: list[str]) -> Iterator[Stored]:
    with temporary_folder("smaller") as folder:
        for word in TYPES[TYPES.index(opened.file.storage.word) + 1 :]:
            path = Path(folder) / f"{word}.h5"
            try:
                quantise(opened.file, word, path)
            except FeatureError as problem:
                notes.append(f"{word} is left out: {problem.what} ({problem.found}).")
                continue
            with FeatureFile.open(path) as smaller:
                yield _scored(opened, smaller)


def _coded(opened: OpenTask, codes: Codes) -> Iterator[Stored]:
    task, dataset, kernel = opened.task, opened.dataset, opened.kernel
    queries, gallery = opened.rows
    rule = relevance(task, dataset)
    with ExitStack() as held:
        learned: Rows = gallery
        if codes.learned is not None:
            others = held.enter_context(open_distractors([codes.learned], opened.file))
            others.refuse([*dataset.split(task.query).paths, *dataset.split(task.gallery).paths], task.name)
            learned = others.files[0].rows(others.keys)
        for size in codes.sizes:
            coded = CodedRows(gallery, size, kernel.metric, learned)
            ranks = rank(queries, coded, rule, metric=kernel.metric, machine=kernel.machine)
            scores = scored(ranks, opened.protocol, task, dataset, opened.settings, metric=kernel.metric)
            yield Stored(f"PQ {size}", size, scores)


def storages_text(found: Storages) -> str:
    """Return the scores as a table for a terminal, with paired differences to the first row."""
    rows = []
    for one in found.stored:
        row = {
            "stored as": one.name,
            "bytes an image": f"{one.size:,}",
            "bytes a vehicle": f"{one.size * found.images / found.vehicles:,.0f}",
        }
        for word in found.measures:
            row[heading(word)] = f"{100 * one.scores.mean[word]:.2f}"
            row[f"{heading(word)}, difference"] = "" if one is found.stored[0] else _change(found, one, word)
        rows.append(row)
    shown = table(rows, right=list(rows[0])[1:], shown=plain)
    notes = [
        f"Differences to {found.stored[0].name} on the same queries, in parentheses 95 % intervals over vehicles.",
        *found.notes,
    ]
    return "\n".join([f"{plain(found.task)}: {plain(found.method)}\n", shown, *(f"- {plain(note)}" for note in notes)])


def _change(found: Storages, one: Stored, word: str) -> str:
    change = found.difference(one, word)
    low, high = change.interval.low, change.interval.high
    return f"{100 * change.difference:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"


def storages_json(found: Storages) -> dict[str, Any]:
    """Return the scores as JSON values."""
    rows = []
    for one in found.stored:
        row: dict[str, Any] = {
            "stored_as": one.name,
            "bytes_an_image": one.size,
            "bytes_a_vehicle": one.size * found.images / found.vehicles,
            "measures": dict(one.scores.mean),
            "differences": {},
        }
        for word in found.measures if one is not found.stored[0] else ():
            change = found.difference(one, word)
            ends = [change.interval.low, change.interval.high]
            row["differences"][word] = {"difference": change.difference, "interval": ends, "p": change.p}
        rows.append(row)
    return {"task": found.task, "method": found.method, "rows": rows, "notes": list(found.notes)}
