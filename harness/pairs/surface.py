"""``harness.verification``: the question in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from harness.compute.machine import Machine
from harness.errors import UsageError, unknown_name
from harness.features.metric import Metric
from harness.pairs.asking import ask
from harness.pairs.question import Question
from harness.pairs.result import Verification
from harness.registry.registry import Registry, load
from harness.scoring.sources import FeatureSource


class VerificationSettings(TypedDict, total=False):
    """The keyword arguments of ``verification`` that say what is asked."""

    far: Sequence[str | float]
    fpir: Sequence[str | float]
    unknown: float | None
    held_out: float | None
    seed: int
    areas: bool
    threshold_from: str | Path | None
    metric: Metric | None
    skip_missing: bool
    machine: Machine


def verification(
    features: FeatureSource,
    task: str,
    *,
    data: str | Path | None = None,
    registry: Registry | None = None,
    options: Mapping[str, Any] | None = None,
    **settings: Unpack[VerificationSettings],
) -> Verification:
    """Return how well a threshold tells whether two images show one vehicle: the numbers of ``bench same``.

    Args:
        features: as for ``harness.evaluate``.
        task: ``protocol/task``, or a protocol for its main task.
        data: folder of the data set; its images are read only if the features are to be computed.
        registry: the registry with the protocols, or None for everything installed.
        options: the options of a method's class.
        settings: what is asked: ``far`` and ``fpir`` (rates), ``unknown`` (the share of the vehicles to leave out of
            the gallery), ``held_out`` (the share of the training vehicles to ask about instead), ``seed``, ``areas``
            (False for thresholds alone, which are quicker), ``threshold_from`` (a file that ``Verification.write``
            wrote), ``metric``, ``skip_missing`` and ``machine``.

    Raises:
        UsageError: unknown protocol, task or setting, or a rate or a share that is out of range.
        DataError: the data set cannot serve the task; or no query's vehicle is missing from the gallery of an open set.
        FeatureError: the features are damaged, or those of some images are missing.
        RecordError: the thresholds are those of another model.

    Example:
        >>> answer = harness.verification("f.h5", "veri776", data="VeRi", far=["1e-4"])  # doctest: +SKIP
        >>> answer.measures["tar@far=0.0001"].value  # doctest: +SKIP
        0.6251
    """
    for name in settings:
        if name not in VerificationSettings.__annotations__:
            raise unknown_name("setting of verification", name, VerificationSettings.__annotations__)
    for name in ("far", "fpir"):
        if isinstance(settings.get(name, ()), str):
            raise UsageError(f"{name} is a text", found=settings.get(name), expected="a list of rates")
    values: dict[str, Any] = dict(settings)
    if values.get("threshold_from") is not None:
        values["threshold_from"] = Path(values["threshold_from"])
    question = Question(**values)
    folder = None if data is None else Path(data)
    return ask(features, task, question, registry=registry or load(), data=folder, options=dict(options or {}))
