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


def feature_sets(file: FeatureFile, task: Task, dataset: Dataset, settings: ScoringSettings) -> FeatureSets:
    """Return the features of a task as the steps of a chain receive them, without the vehicles.

    Raises:
        FeatureError: the chain needs features of mirrored pictures, and the file has none.
    """
    from harness.postprocessing.running import search

    query, gallery, added = dataset.split(task.query), dataset.split(task.gallery), settings.distractors
    return FeatureSets(
        file.rows(query.paths),
        file.rows(gallery.paths) if added is None else added.behind(file.rows(gallery.paths)),
        _without_vehicles(query),
        _without_vehicles(_behind(gallery, added)),
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
    tables = [dataset.split(split) for split in (task.query, task.gallery)]
    queries, gallery = (file.rows(table.paths) for table in tables)
    rule = relevance(task, dataset)
    if distractors is None:
        return queries, gallery, rule
    distractors.refuse([key for table in tables for key in table.paths], f"{protocol.name}/{task.name}")
    return queries, distractors.behind(gallery), rule.widened(len(distractors))
