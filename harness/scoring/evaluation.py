"""From a feature file and a data set's lists to scores."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.basics.progress import progress
from harness.compute.machine import Machine
from harness.errors import DataError, UsageError
from harness.methods.method import Metric

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.features import FeatureFile
    from harness.measures.ranks import PositiveRanks
    from harness.registry.registry import Registry
    from harness.scoring.scores import Scores
    from harness.tasks.protocol import Protocol
    from harness.tasks.reranking import Reranking
    from harness.tasks.task import Task

log = logging.getLogger("bench")


def evaluate(
    features: str | Path,
    task: str,
    *,
    data: str | Path | None = None,
    metric: Metric = "cosine",
    skip_missing: bool = False,
    memory: int | None = None,
    device: str = "cpu",
    rerank: Reranking | None = None,
    registry: Registry | None = None,
) -> Scores:
    """Return the scores of a feature file on one task.

    Args:
        features: an HDF5 file as ``write_features`` makes it.
        task: ``protocol/task``, or a protocol for its main task.
        data: the data set's folder; its lists are read, its images are not.
        metric: how features are compared.
        skip_missing: leave out images that have no feature; the result is then not official.
        memory: bytes the kernel may use; None for a share of what is free.
        device: ``cpu``, ``auto``, ``cuda`` or ``cuda:1``; no digit depends on it.
        rerank: the numbers of k-reciprocal re-ranking; None to rank by the features alone.
        registry: where protocols are found; None for everything installed.

    Raises:
        UsageError: unknown protocol or task, no data set was named, no such device, or re-ranking is not defined for
            the task.
        DataError: the data set cannot be read, or cannot serve the task.
        FeatureError: the file is damaged, or lacks images of the task.
    """
    from harness.features import FeatureFile
    from harness.registry.registry import load
    from harness.tasks.conventions import serve

    machine = Machine.here(device, memory)
    protocol, tasks = (registry or load()).tasks(task)
    dataset = protocol.load(find_root(protocol, Path(data) if data is not None else None))
    served, lost = serve(tasks[:1], dataset, rerank)
    for name, problem in lost.items():
        if not served:
            raise problem
        log.warning("%s/%s cannot be asked, %s is: %s", protocol.name, name, served[0].name, problem.what)
    with FeatureFile.open(features) as file:
        dataset = with_features(file, served[0], dataset, skip_missing=skip_missing)
        return score(file, protocol, served[0], dataset, metric=metric, machine=machine, rerank=rerank)


def find_root(protocol: Protocol, given: Path | None, *, option: str = "--data") -> Path:
    """Return the folder of a protocol's data set.

    Raises:
        UsageError: none was given and the protocol has no default.
        DataError: it is no folder.
    """
    root = given if given is not None else protocol.default_root()
    if root is None:
        raise UsageError(
            f"the data set of protocol '{protocol.name}' is not named",
            expected=f"the folder of {protocol.title or protocol.name}",
            next_step=f"give it with {option} DIR",
        )
    if not root.is_dir():
        raise DataError(
            "the data set's folder is missing", where=root, next_step=f"give the right one with {option} DIR"
        )
    return root


def score(
    file: FeatureFile,
    protocol: Protocol,
    task: Task,
    dataset: Dataset,
    *,
    metric: Metric,
    machine: Machine | None = None,
    rerank: Reranking | None = None,
) -> Scores:
    """Return the scores of an open feature file on a task of a data set already read; see ``evaluate``.

    Args:
        file: the features.
        protocol: the task's.
        task: what is asked.
        dataset: as the file covers it.
        metric: how features are compared.
        machine: what ranks; None for one process on the processor. All of its processes get the same scores.
        rerank: see ``evaluate``; in a process alone.
    """
    from harness.scoring.scores import Scores
    from harness.tasks.counts import differences
    from harness.tasks.fingerprint import fingerprint

    queries = len(dataset.split(task.query))
    scores = Scores.of(
        _ranks(file, protocol, task, dataset, metric=metric, machine=machine or Machine(), rerank=rerank),
        task.measures,
        queries=queries,
        drawn=task.rule.draws is not None,
    )
    if scores.ignored_queries >= queries:
        raise DataError("no query has a positive", where=f"{protocol.name}/{task.name} in {dataset.root}")
    return replace(
        scores,
        task=f"{protocol.name}/{task.name}",
        metric=metric,
        fingerprint=fingerprint(protocol, task, dataset),
        official=not differences(task, dataset),
        rerank=rerank,
    )


def _ranks(
    file: FeatureFile,
    protocol: Protocol,
    task: Task,
    dataset: Dataset,
    *,
    metric: Metric,
    machine: Machine,
    rerank: Reranking | None,
) -> tuple[PositiveRanks, ...]:
    """Return the ranks of the positives, by the features alone or re-ranked."""
    from harness.kernel import rank
    from harness.kernel.rerank import rerank as rank_again
    from harness.tasks.rules import relevance

    queries, gallery = (file.rows(dataset.split(split).paths) for split in (task.query, task.gallery))
    rule = relevance(task, dataset)
    with progress(f"ranking {protocol.name}/{task.name}", shown=machine.first) as advance:
        if rerank is None:
            return rank(
                queries,
                gallery,
                rule,
                metric=metric,
                memory=machine.memory,
                progress=advance,
                team=machine.team,
                device=machine.device,
            )
        return rank_again(
            queries,
            gallery,
            rule,
            metric=metric,
            k1=rerank.k1,
            k2=rerank.k2,
            share=rerank.share,
            memory=machine.memory,
            progress=advance,
        )


def with_features(file: FeatureFile, task: Task, dataset: Dataset, *, skip_missing: bool) -> Dataset:
    """Return the data set as the file covers it.

    Raises:
        FeatureError: images of the task have no feature, and ``skip_missing`` does not allow it.
    """
    known = set(file.keys)
    splits = dict(dataset.splits)
    for name in {task.query, task.gallery}:
        table = dataset.split(name)
        present = np.fromiter((path in known for path in table.paths), dtype=np.bool_, count=len(table))
        if not skip_missing or not present.any():
            file.require(table.paths)
        elif not present.all():
            log.warning("%d images of '%s' have no feature and are left out", int((~present).sum()), name)
            splits[name] = table.take(present)
    return replace(dataset, splits=splits)
