"""From a feature file and a data set's lists to scores."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack, cast, get_args

import numpy as np

from harness.basics.progress import progress
from harness.compute.machine import Machine
from harness.data.dataset import Dataset
from harness.errors import DataError, FeatureError, UsageError, unknown_name
from harness.features import FeatureFile
from harness.features.added.distractors import open_distractors
from harness.features.metric import Metric
from harness.features.provenance import Origin
from harness.features.seen import trained_sets
from harness.measures import parse
from harness.measures.ranks import PositiveRanks
from harness.postprocessing.tuned import TunedFile
from harness.registry.registry import Registry, load
from harness.scoring.inputs import feature_sets, features_and_rule
from harness.scoring.scores import Scores
from harness.scoring.settings import ScoringSettings
from harness.scoring.sources import FeatureSource, are_given, features_of
from harness.steps.chain import NOTHING, Chain
from harness.steps.stated import RERANK
from harness.tasks.conventions import serve_some
from harness.tasks.counts import differences
from harness.tasks.fingerprint import fingerprint, with_distractors as widened
from harness.tasks.opening import open_dataset
from harness.tasks.protocol import Protocol
from harness.tasks.reranking import Reranking
from harness.tasks.rules import ALL_RIGHT, all_right
from harness.tasks.task import Task

log = logging.getLogger("bench")


class EvaluateSettings(TypedDict, total=False):
    """The keyword arguments of ``evaluate`` that say how features are scored."""

    metric: Metric
    rerank: Reranking | None
    post: Sequence[str] | Chain
    post_from: str | Path | None
    measures: Sequence[str]
    skip_missing: bool
    distractors: Sequence[str | Path]
    machine: Machine


def evaluate(
    features: FeatureSource,
    task: str,
    *,
    data: str | Path | None = None,
    registry: Registry | None = None,
    options: Mapping[str, Any] | None = None,
    **settings: Unpack[EvaluateSettings],
) -> Scores:
    """Return the scores of some features on one task: the digits of ``bench eval``, of ``bench run`` for a method.

    Args:
        features: a feature file as ``write_features`` makes it; ``(keys, array)`` with n image paths and (n, d)
            numbers; or what computes features: a function from images (n, 3, height, width) float32, RGB, 0 to 1, to
            (n, d), a network, or a method, which is a class with ``embed`` or an object of one.
        task: ``protocol/task``, or a protocol for its main task.
        data: folder of the data set; its images are read only if the features are to be computed.
        registry: the registry with the protocols and measures, or None for everything installed.
        options: the options of a method's class; of a function or a network ``{"input_size": 224}``.
        settings: how features are scored: ``metric`` (default: the method's own, which a feature file names, else
            ``"cosine"``), ``post`` (steps of post-processing in order: ``["camera-mean", "alpha-qe:k=10"]``),
            ``post_from`` (the file of ``bench tune`` with the steps), ``rerank`` (a ``Reranking``, short for this step
            alone), ``measures`` (words of additional measures), ``skip_missing`` (leave out images that have no feature
            or cannot be read; the result is then not official), ``distractors`` (feature files whose images are added
            to the gallery; the result is then not official) and ``machine`` (``Machine.here("cuda")``; no digit
            depends on it).

    Raises:
        UsageError: unknown protocol, task, measure or option, the data set is not given, the method is to be trained
            first, or a step is unknown, has other parameters, or is not defined for the task.
        DataError: the data set cannot be read, or cannot serve the task or a step.
        FeatureError: the features are damaged, or those of some images of the task are missing.
        PluginError: the function or method breaks its contract.

    Example:
        >>> harness.evaluate(lambda images: images.mean((2, 3)), "synthetic").mean["ap"]  # doctest: +SKIP
        0.0876
    """
    found = registry or load()
    chosen = _settings(found, settings)
    protocol, tasks = found.tasks(task)
    # A step of post-processing, and a method that embeds the images, are given whatever labels there are.
    needed = tasks[:1] if are_given(features) and not chosen.post else None
    dataset = open_dataset(protocol, Path(data) if data is not None else None, needed)
    served, lost = serve_some(tasks[:1], dataset, chosen.post.problem)
    for name, problem in lost.items():
        log.warning("%s/%s cannot be evaluated; using %s: %s", protocol.name, name, served[0].name, problem.what)
    with features_of(
        features,
        dataset,
        served[0],
        name=protocol.name,
        options=options or {},
        skip_broken=chosen.skip_missing,
        mirrored=chosen.post.mirrored,
    ) as file:
        dataset = with_features(file, served[0], dataset, skip_missing=chosen.skip_missing)
        with with_distractors(chosen, file) as scoring:
            return score(file, protocol, served[0], dataset, scoring)


def _settings(registry: Registry, settings: EvaluateSettings) -> ScoringSettings:
    for name in settings:
        if name not in EvaluateSettings.__annotations__:
            error = unknown_name("setting of evaluate", name, EvaluateSettings.__annotations__)
            if name in {"device", "memory"}:
                error.next_step = "give harness.Machine.here(device, memory) as machine"
            raise error
    words = settings.get("measures", ())
    if isinstance(words, str):
        raise UsageError("measures is a text", found=words, expected=f"a list of words: [{words!r}]")
    rerank = settings.get("rerank")
    if rerank is not None and not isinstance(rerank, Reranking):
        raise UsageError("rerank is not a re-ranking", found=repr(rerank), expected="harness.Reranking(k1=20, k2=6)")
    values: dict[str, Any] = {
        name: settings[name] for name in ("metric", "skip_missing", "machine") if name in settings
    }
    place = settings.get("post_from")
    tuned = None if place is None else TunedFile.read(Path(place))
    values["distractor_files"] = _paths(settings.get("distractors", ()))
    post = chain_of(settings.get("post", ()), rerank, registry, tuned)
    return ScoringSettings(**values, measures=tuple(map(registry.measure, words)), post=post, tuned=tuned)


def chain_of(
    post: Sequence[str] | Chain, rerank: Reranking | None, registry: Registry, tuned: TunedFile | None = None
) -> Chain:
    """Return the chain of a user's words, of re-ranking alone, or of a file of ``bench tune``.

    Raises:
        UsageError: several are given, or the words name no chain.
    """
    if tuned is not None:
        if rerank is not None or post:
            raise UsageError(
                "the steps are given twice: by hand, and by a file of bench tune",
                where=tuned.path,
                expected="--post-from FILE alone",
            )
        return tuned.chain(registry.step)
    if isinstance(post, str):
        raise UsageError("post is a text", found=post, expected=f"a list of steps: [{post!r}]")
    if rerank is not None and post:
        raise UsageError(
            "re-ranking is given twice: as a step, and as the whole chain",
            expected="--post rerank:k1=20 behind the other steps, or --rerank k1=20 alone",
            next_step="leave out --rerank, and add --post rerank",
        )
    if rerank is not None:
        return Chain.of([(RERANK, rerank.values)], registry.step)
    return post if isinstance(post, Chain) else Chain.parse(post, registry.step) if post else NOTHING


def _paths(given: object) -> tuple[Path, ...]:
    if isinstance(given, str | Path) or not isinstance(given, Sequence):
        raise UsageError("distractors are not a list", found=repr(given), expected="a list of feature files")
    return tuple(Path(path) for path in given)


@contextmanager
def with_distractors(settings: ScoringSettings, file: FeatureFile) -> Iterator[ScoringSettings]:
    """Yield the settings with their files of distractors open, to be compared with the features of a test.

    Raises:
        UsageError: a step of post-processing needs what nobody knows of distractors.
        FeatureError: they cannot be compared.
    """
    if not settings.distractor_files:
        yield settings
        return
    post = settings.post
    needy = [use.step for use, step in zip(post.stated.uses, post.steps, strict=True) if step.needs]
    if needy:
        raise UsageError(
            f"step '{needy[0]}' is not defined with distractors, of which nobody knows more than their features",
            next_step="leave out the step, or the distractors",
        )
    with open_distractors(settings.distractor_files, file) as distractors:
        yield replace(settings, distractors=distractors)


def score(file: FeatureFile, protocol: Protocol, task: Task, dataset: Dataset, settings: ScoringSettings) -> Scores:
    """Return the scores of an open feature file on a task; all processes of the machine get the same scores.

    The data set is as ``with_features`` returns it. Post-processing needs a machine of one process.

    Raises:
        UsageError: the settings were chosen for other features.
        DataError: no query has a positive.
    """
    refuse_corrupted(file)
    settings = replace(settings, metric=metric_of(settings, file))
    if settings.tuned is not None:
        settings.tuned.refuse_other(
            file.provenance, protocol=protocol.name, metric=str(settings.metric), width=file.shape[1]
        )
    ranks = _ranks(file, protocol, task, dataset, settings)
    return scored(ranks, protocol, task, dataset, settings, metric=str(settings.metric))


def refuse_corrupted(file: FeatureFile) -> None:
    """Raise a FeatureError for features of spoilt pictures, of which no score of a task may be made."""
    if file.provenance.corruption:
        raise FeatureError(
            "the features are of pictures that were spoilt on purpose",
            where=file.path,
            found=file.provenance.corruption,
            expected="features of the pictures as they are",
            next_step="see how the method fares on them with 'bench corrupt'",
        )


def scored(
    ranks: tuple[PositiveRanks, ...],
    protocol: Protocol,
    task: Task,
    dataset: Dataset,
    settings: ScoringSettings,
    *,
    metric: str,
) -> Scores:
    """Return the scores of ranks on a task; ``metric`` says in words how images were compared.

    Raises:
        DataError: no query has a positive.
    """
    queries = len(dataset.split(task.query))
    further = [measure for measure in settings.measures if measure.word not in task.measures]
    scores = Scores.of(
        ranks,
        [*map(parse, task.measures), *further],
        queries=queries,
        drawn=task.rule.draws is not None,
        unanswered=task.rule.unanswered,
    )
    if np.isnan(scores.first_hit).all():
        raise DataError(
            "no query has a positive",
            where=f"{protocol.name}/{task.name} in {dataset.root}",
            found=f"{queries} queries whose vehicles have no gallery image that counts",
            expected="at least one query with a positive",
            next_step=f"check the lists with 'bench data check {protocol.word}'",
        )
    return replace(
        scores,
        task=f"{protocol.name}/{task.name}",
        metric=metric,
        fingerprint=fingerprint_of(protocol, task, dataset, settings),
        official=not differences(task, dataset) and settings.distractors is None,
        post=settings.post.stated,
        further=tuple(measure.word for measure in further),
        labels=dataset.split(task.query),
    )


def fingerprint_of(protocol: Protocol, task: Task, dataset: Dataset, settings: ScoringSettings) -> str:
    """Return the fingerprint of a task, with distractors one that no plain result has."""
    own = fingerprint(protocol, task, dataset)
    return own if settings.distractors is None else widened(own, settings.distractors.images)


def metric_of(settings: ScoringSettings, file: FeatureFile) -> Metric:
    """Return the metric for the features of a file: the chosen one, else the file's own, else cosine."""
    if settings.metric is not None or file.provenance.metric is None:
        return settings.metric or "cosine"
    if file.provenance.metric not in get_args(Metric):
        raise FeatureError(
            "the features are to be compared by an unknown metric",
            where=file.path,
            found=file.provenance.metric,
            expected=" or ".join(get_args(Metric)),
            next_step="choose one with --metric",
        )
    return cast("Metric", file.provenance.metric)


def _ranks(
    file: FeatureFile, protocol: Protocol, task: Task, dataset: Dataset, settings: ScoringSettings
) -> tuple[PositiveRanks, ...]:
    from harness.kernel.ranking import rank
    from harness.postprocessing.running import ranks_of

    queries, gallery, rule = features_and_rule(file, protocol, task, dataset, settings.distractors)
    metric, machine = settings.metric or "cosine", settings.machine
    if machine.first and all_right(rule):
        log.warning("%s/%s: %s", protocol.name, task.name, ALL_RIGHT)
    with progress(f"ranking {protocol.name}/{task.name}", shown=machine.first) as advance:
        if not settings.post:
            return rank(queries, gallery, rule, metric=metric, machine=machine, progress=advance)
        sets = feature_sets(file, task, dataset, settings, (queries, gallery))
        return ranks_of(settings.post, replace(sets, progress=advance), rule)


def with_features(file: FeatureFile, task: Task, dataset: Dataset, *, skip_missing: bool) -> Dataset:
    """Return the data set without the images that have no feature; see ``with_training`` as well.

    Raises:
        FeatureError: images of the task have no feature, and ``skip_missing`` is not set.
    """
    dataset = with_training(file.provenance, file.provenance.dataset, task, dataset)
    splits = dict(dataset.splits)
    for name in {task.query, task.gallery}:
        table = dataset.split(name)
        present = file.has(table.paths) if skip_missing else None
        if present is None or not present.any():
            file.require(table.paths)
        elif not present.all():
            log.warning("%d images of '%s' have no feature and are skipped", int((~present).sum()), name)
            splits[name] = table.take(present)
    return replace(dataset, splits=splits)


def with_training(origin: Origin, protocol: str, task: Task, dataset: Dataset) -> Dataset:
    """Return the data set with a departure if features come from a training on the vehicles of a task.

    Some tasks ask training vehicles; only methods that were not trained on the protocol have official results on them.
    """
    if task.held_out or protocol not in (*trained_sets(origin.train_on), *origin.trained_on):
        return dataset
    before = dataset.departures.get(task.query, ())
    departure = f"the method was trained on {protocol}, whose training images show the vehicles of this task"
    return replace(dataset, departures={**dataset.departures, task.query: (*before, departure)})
