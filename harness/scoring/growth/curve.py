"""From a feature file to the scores of a task at several sizes of its gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.basics.progress import progress
from harness.errors import DataError, UsageError
from harness.measures import parse
from harness.measures.ranks import PositiveRanks
from harness.registry.registry import Registry
from harness.scoring.evaluation import fingerprint_of
from harness.scoring.growth.counting import rank_parts
from harness.scoring.growth.nested import MOST_REPEATS, Nested, read_sizes
from harness.scoring.growth.tasks import OpenTask, open_tasks
from harness.scoring.inputs import features_and_rule
from harness.scoring.scores import Scores
from harness.scoring.settings import ScoringSettings
from harness.tasks.relevance import Relevance
from harness.tasks.task import Task


@dataclass(frozen=True)
class Steps:
    """The sizes of a gallery to score.

    Attributes:
        words: the sizes as given; empty for the default.
        repeats: how many subsets to take of each size.
        seed: of the order in which images are taken.
    """

    words: str = ""
    repeats: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.repeats <= MOST_REPEATS:
            raise UsageError("so many repeats cannot be drawn", found=self.repeats, expected=f"1 to {MOST_REPEATS}")


@dataclass(frozen=True)
class Point:
    """The scores at one size.

    Attributes:
        size: the images drawn: distractors, or units of the task's own gallery.
        gallery: the units of the gallery with them, positives of other queries included.
        values: for each measure its mean over the queries, one number for each repeat.
    """

    size: int
    gallery: int
    values: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Curve:
    """The scores of one set of features on one task against the size of its gallery.

    Attributes:
        task: ``protocol/task``.
        method: the name of the run.
        metric: how features were compared.
        fingerprint: that of the whole gallery, with all distractors.
        distractors: their number, 0 if the sizes are those of the task's own gallery.
        steps: the sizes asked for.
        points: by ascending size; with distractors the first has none of them.
    """

    task: str
    method: str
    metric: str
    fingerprint: str
    distractors: int
    steps: Steps
    points: tuple[Point, ...]


def curves_of(
    features: Path, word: str, steps: Steps, settings: ScoringSettings, *, registry: Registry, data: Path | None = None
) -> list[Curve]:
    """Return a curve for each task that ``veri776`` or ``veri776/image-to-image`` names, each from one pass.

    Raises:
        UsageError: an unknown name, a size that cannot be had, or a drawn gallery without distractors.
        DataError: the data set cannot be read, or serves none of the tasks.
        FeatureError: a file is damaged, belongs to another data set, or distractors cannot be added.
    """
    with open_tasks(features, word, settings, registry=registry, data=data) as opened:
        return [curve_of(one, steps) for one in opened]


def curve_of(opened: OpenTask, steps: Steps) -> Curve:
    """Return the curve of an open feature file on one task.

    Raises:
        UsageError: a size that cannot be had, or a drawn gallery without distractors.
        FeatureError: a distractor is an image of the task.
        DataError: no query has a positive.
    """
    file, protocol, task, dataset, settings = opened.file, opened.protocol, opened.task, opened.dataset, opened.settings
    name, added = opened.name, settings.distractors
    if added is None and task.rule.draws is not None:
        raise UsageError(
            "the gallery of this task is drawn, and always of one size",
            where=name,
            found=f"{task.rule.draws.count} draws",
            next_step="add images to it with --distractors",
        )
    queries, gallery, rule = features_and_rule(file, protocol, task, dataset, added)
    if not rule.positives.sizes.any():
        raise DataError("no query has a positive", where=f"{name} in {dataset.root}")
    keys = _unit_keys(rule, dataset.split(task.gallery).paths) if added is None else added.keys
    sizes = read_sizes(steps.words, len(keys), what="gallery units" if added is None else "distractors")
    nested = Nested.of(keys, sizes if added is None else (0, *sizes), repeats=steps.repeats, seed=steps.seed)
    buckets, base = nested.buckets, rule.units - len(keys)
    kept = np.concatenate([np.zeros(base, dtype=np.int64), 1 + buckets])
    chosen = [(size, repeat) for size in nested.sizes for repeat in range(steps.repeats)]
    parts = np.array([[True, *nested.taken(repeat, size)] for size, repeat in chosen])
    with progress(f"ranking {name}", shown=settings.machine.first) as advance:
        ranked = rank_parts(queries, gallery, rule, kept, parts, opened.kernel, advance)
        means = [_means(ranks, task, rule, settings) for ranks in ranked]
    return Curve(
        task=name,
        method=opened.method,
        metric=str(settings.metric),
        fingerprint=fingerprint_of(protocol, task, dataset, settings),
        distractors=0 if added is None else len(added),
        steps=steps,
        points=tuple(
            Point(size, _own_units(rule, base) + size, _gathered(means[first : first + steps.repeats]))
            for first, size in zip(range(0, len(means), steps.repeats), nested.sizes, strict=True)
        ),
    )


def _means(
    ranks: tuple[PositiveRanks, ...], task: Task, rule: Relevance, settings: ScoringSettings
) -> Mapping[str, float]:
    further = [measure for measure in settings.measures if measure.word not in task.measures]
    drawn = task.rule.draws is not None
    scores = Scores.of(
        ranks,
        [*map(parse, task.measures), *further],
        queries=rule.queries,
        drawn=drawn,
        unanswered=task.rule.unanswered,
    )
    return scores.mean


def _gathered(means: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, ...]]:
    """Return the values of the repeats by measure."""
    return {word: tuple(mean[word] for mean in means) for word in means[0]}


def _own_units(rule: Relevance, base: int) -> int:
    """Return the units of the task's own gallery, in a draw if it is drawn."""
    if not rule.draws:
        return base
    return int(np.searchsorted(rule.draws[0].units, base))


def _unit_keys(rule: Relevance, paths: Sequence[str]) -> Sequence[str]:
    """Return for each unit of a gallery the least key of its images."""
    if rule.unit_of is None:
        return paths
    least: dict[int, str] = {}
    for unit, path in zip(rule.unit_of.tolist(), paths, strict=True):
        least[unit] = min(path, least.get(unit, path))
    return [least[unit] for unit in range(rule.units)]
