"""Validation after each epoch: mAP and CMC@1 on held-out images."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from lightning_fabric import Fabric

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable
from harness.errors import DataError
from harness.extraction.embed import BATCH, embed
from harness.extraction.samples import consecutive
from harness.extraction.subjects import Subjects, readable, subjects_of
from harness.methods.method import Method
from harness.methods.session import Session
from harness.tasks.task import Ignored, Rule, Task

MEASURES = ("ap", "cmc@1")


@dataclass(frozen=True, eq=False)
class Validation:
    """The held-out images without duplicates, decoded once, and their task."""

    subjects: Subjects
    task: Task
    dataset: Dataset

    def scores(self, method: Method, fabric: Fabric, workers: int | None) -> dict[str, float]:
        """Return mAP and CMC@1 from 0 to 1; empty if no query has a positive."""
        from harness.kernel.ranking import rank
        from harness.scoring.scores import Scores
        from harness.tasks.rules import relevance

        keys = self.subjects.pictures.keys
        batches = consecutive(len(keys), BATCH)
        parts = [part.features for part in embed(method, self.subjects, fabric, batches, workers=workers)]
        features = np.concatenate([part for part in parts if part is not None])
        row_of = {key: row for row, key in enumerate(keys)}
        query, gallery = (
            features[[row_of[key] for key in self.dataset.split(side).paths]] for side in ("query", "gallery")
        )
        ranks = rank(query, gallery, relevance(self.task, self.dataset), metric=method.metric)
        scores = Scores.of(ranks, MEASURES, queries=len(query))
        return {name: value for name, value in scores.mean.items() if np.isfinite(value)}


def open_validation(session: Session, method: Method) -> Validation | None:
    """Return the session's validation, or None if it has none.

    Raises:
        DataError: an image cannot be read and the session does not skip broken images, or no image is left.
    """
    if session.validation is None:
        return None
    query, gallery = session.validation.query, session.validation.gallery
    subjects = subjects_of(session.dataset, (query, gallery), session.input_size, method)
    subjects = subjects.take(readable(subjects, skip_broken=session.skip_broken))
    present = frozenset(subjects.pictures.keys)
    splits = {"query": _present(query, present), "gallery": _present(gallery, present)}
    if not all(map(len, splits.values())):
        raise DataError("no image is left to validate on", where=session.dataset.root, next_step="use --validate none")
    cameras = all(table.camera is not None and (table.camera != UNKNOWN).all() for table in splits.values())
    ignore: Ignored = "same vehicle and camera" if cameras else "same image"
    task = Task("validation", Rule(ignore=(ignore,)), MEASURES)
    return Validation(subjects, task, replace(session.dataset, splits=splits))


def _present(table: ImageTable, keys: Collection[str]) -> ImageTable:
    return table.take(np.array([path in keys for path in table.paths], dtype=np.bool_))
