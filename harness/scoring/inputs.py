"""The features of a task as they are ranked, and as the steps of a chain receive them, with distractors behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable
from harness.errors import FeatureError
from harness.features import FeatureFile, FeatureRows
from harness.features.added.distractors import Distractors
from harness.features.added.joined import JoinedRows
from harness.features.mirrored import mirrored_key
from harness.scoring.settings import ScoringSettings
from harness.steps.sets import FeatureSets
from harness.tasks.protocol import Protocol
from harness.tasks.relevance import Relevance
from harness.tasks.rules import relevance
from harness.tasks.task import Task


def task_rows(file: FeatureFile, task: Task, dataset: Dataset) -> tuple[FeatureRows, FeatureRows]:
    """Return the features of a task's queries and of its gallery."""
    return file.rows(dataset.split(task.query).paths), file.rows(dataset.split(task.gallery).paths)


def feature_sets(
    file: FeatureFile,
    task: Task,
    dataset: Dataset,
    settings: ScoringSettings,
    rows: tuple[FeatureRows, FeatureRows | JoinedRows],
) -> FeatureSets:
    """Return the features of a task as the steps of a chain receive them, without the vehicles.

    Args:
        file: the feature file.
        task: the task.
        dataset: its images.
        settings: the chain, and the distractors that are in ``rows``.
        rows: the features of the queries and of the gallery, distractors behind it.

    Raises:
        FeatureError: the chain needs features of mirrored pictures, and the file has none.
    """
    from harness.postprocessing.running import search

    return FeatureSets(
        *rows,
        _without_vehicles(dataset.split(task.query)),
        _without_vehicles(_behind(dataset.split(task.gallery), settings.distractors)),
        settings.metric or "cosine",
        search,
        machine=settings.machine,
        mirrored=_mirrored(file, task, dataset) if settings.post.mirrored else None,
    )


def _without_vehicles(table: ImageTable) -> ImageTable:
    """Return a table in which no step can find the right answers."""
    return replace(table, vehicle=np.full(len(table), UNKNOWN))


def _behind(table: ImageTable, distractors: Distractors | None) -> ImageTable:
    """Return the images of a gallery and behind them the distractors, of which no label is known."""
    if distractors is None:
        return table
    paths = (*table.paths, *distractors.keys)
    return ImageTable(paths, np.full(len(paths), UNKNOWN))


def _mirrored(file: FeatureFile, task: Task, dataset: Dataset) -> tuple[FeatureRows, FeatureRows]:
    """Return the features of the mirrored pictures of a task's queries and gallery.

    Raises:
        FeatureError: the file has none.
    """
    if not file.provenance.mirrored:
        raise FeatureError(
            "the feature file has no features of mirrored pictures, which step 'flip' averages with the others",
            where=file.path,
            next_step="extract both with 'bench extract --flip', or leave --post flip out",
        )
    query, gallery = (
        file.rows([mirrored_key(path) for path in dataset.split(split).paths]) for split in (task.query, task.gallery)
    )
    return query, gallery


def features_and_rule(
    file: FeatureFile, protocol: Protocol, task: Task, dataset: Dataset, distractors: Distractors | None
) -> tuple[FeatureRows, FeatureRows | JoinedRows, Relevance]:
    """Return the features of a task's queries and of its gallery, and who is right for whom.

    Raises:
        FeatureError: a distractor is an image of the task.
        DataError: the data set cannot serve the task's rule.
    """
    queries, gallery = task_rows(file, task, dataset)
    rule = relevance(task, dataset)
    if distractors is None:
        return queries, gallery, rule
    keys = (*dataset.split(task.query).paths, *dataset.split(task.gallery).paths)
    distractors.refuse(keys, f"{protocol.name}/{task.name}")
    return queries, distractors.behind(gallery), rule.widened(len(distractors))
