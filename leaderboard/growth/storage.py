"""Accuracy against bytes: the same features in smaller types and as product codes, all ranked exactly as stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.basics.leftovers import temporary_folder
from harness.data.dataset import Dataset
from harness.errors import FeatureError, UsageError
from harness.features import FeatureFile
from harness.features.added.distractors import open_distractors
from harness.features.changing import quantise
from harness.features.storage import FLOATS
from harness.kernel.gallery import Rows
from harness.kernel.ranking import rank
from harness.measures import heading
from harness.scoring.evaluation import score, scored
from harness.scoring.inputs import features_and_rule
from harness.scoring.per_query import PerQuery
from harness.scoring.scores import Scores
from harness.scoring.settings import ScoringSettings
from harness.scoring.tables import plain, table
from harness.tasks.protocol import Protocol
from harness.tasks.task import Task
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
        dataset: for the labels of the queries.
        query: the split of the queries.
    """

    task: str
    method: str
    images: int
    vehicles: int
    stored: tuple[Stored, ...]
    notes: tuple[str, ...]
    dataset: Dataset
    query: str

    @property
    def measures(self) -> tuple[str, ...]:
        """The measure that tables are sorted by, and the share of queries whose first answer is right."""
        words = list(self.stored[0].scores.mean)
        return tuple(dict.fromkeys([words[0], *(word for word in FIRST if word in words)]))

    def difference(self, other: Stored, measure: str) -> PairedComparison:
        """Return the paired difference of a storage to the features as they came."""
        sides = [self._side(other), self._side(self.stored[0])]
        return compare_paired(sides, measure)[0]

    def _side(self, one: Stored) -> Side:
        labels = self.dataset.split(self.query)
        values = PerQuery(labels.paths, labels.vehicle, one.scores.per_query, one.scores.asked)
        return Side((values,), (one.scores.per_draw,) if one.scores.per_draw else ())


def storages_of(
    file: FeatureFile, protocol: Protocol, task: Task, dataset: Dataset, settings: ScoringSettings, codes: Codes
) -> Storages:
    """Return the scores of features of float32 or float16, of all smaller types, and of product codes.

    Args:
        file: the features.
        protocol: of the task.
        task: the task.
        dataset: as ``with_features`` returns it.
        settings: with the metric chosen.
        codes: the product codes, too.

    Raises:
        UsageError: the features are int8 or binary already, or a size of codes cannot be had.
        FeatureError: product codes cannot be learned from these images.
    """
    if file.storage.word not in FLOATS:
        raise UsageError(
            f"the features are {file.storage.word} already",
            where=file.path,
            expected="float32 or float16",
            next_step="give the file that they were made from",
        )
    notes: list[str] = []
    stored = [Stored(file.storage.word, _bytes(file), score(file, protocol, task, dataset, settings))]
    stored += _smaller(file, protocol, task, dataset, settings, notes)
    stored += _coded(file, protocol, task, dataset, settings, codes)
    if codes.sizes:
        notes.append("PQ: product codes of the gallery; queries stay as they are.")
        if codes.learned is None:
            notes.append("The codes are learned from the gallery itself, which may raise the numbers (--learn-from).")
    labels = dataset.split(task.gallery)
    return Storages(
        f"{protocol.name}/{task.name}",
        file.provenance.run_name,
        len(labels),
        len(set(labels.vehicle.tolist())),
        tuple(stored),
        tuple(notes),
        dataset,
        task.query,
    )


def _smaller(
    file: FeatureFile,
    protocol: Protocol,
    task: Task,
    dataset: Dataset,
    settings: ScoringSettings,
    notes: list[str],
) -> Iterator[Stored]:
    with temporary_folder("smaller") as folder:
        for word in TYPES[TYPES.index(file.storage.word) + 1 :]:
            path = Path(folder) / f"{word}.h5"
            try:
                quantise(file, word, path)
            except FeatureError as problem:
                notes.append(f"{word} is left out: {problem.what} ({problem.found}).")
                continue
            with FeatureFile.open(path) as smaller:
                yield Stored(word, _bytes(smaller), score(smaller, protocol, task, dataset, settings))


def _coded(
    file: FeatureFile, protocol: Protocol, task: Task, dataset: Dataset, settings: ScoringSettings, codes: Codes
) -> Iterator[Stored]:
    queries, gallery, rule = features_and_rule(file, protocol, task, dataset, None)
    metric = settings.metric or "cosine"
    with ExitStack() as held:
        learned: Rows = gallery
        if codes.learned is not None:
            others = held.enter_context(open_distractors([codes.learned], file))
            others.refuse([*dataset.split(task.query).paths, *dataset.split(task.gallery).paths], task.name)
            learned = others.files[0].rows(others.keys)
        for size in codes.sizes:
            coded = CodedRows(gallery, size, metric, learned)
            ranks = rank(queries, coded, rule, metric=metric, machine=settings.machine)
            yield Stored(f"PQ {size}", size, scored(ranks, protocol, task, dataset, settings, metric=metric))


def _bytes(file: FeatureFile) -> int:
    return file.storage.columns * file.storage.dtype.itemsize


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
