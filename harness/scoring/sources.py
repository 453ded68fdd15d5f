"""What can be evaluated: a feature file, features in memory, or something that computes features."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from harness.basics.leftovers import temporary_folder
from harness.data.dataset import Dataset
from harness.errors import UsageError
from harness.features import FeatureFile, Provenance, write_features
from harness.features.given import Keys
from harness.tasks.task import Task

if TYPE_CHECKING:
    from harness.extraction.extract import FeatureOutput
    from harness.methods.method import Method

FeatureSource = str | Path | tuple[Keys, npt.ArrayLike] | Callable[..., Any] | object
"""A feature file; (keys, array); a function of images or a network; a method: its class, or an object of it."""


@contextmanager
def features_of(
    given: FeatureSource,
    dataset: Dataset,
    task: Task,
    *,
    name: str,
    options: Mapping[str, Any],
    skip_broken: bool,
    mirrored: bool = False,
) -> Iterator[FeatureFile]:
    """Yield the features of a task's images as an open file, which is a temporary one unless a file was given.

    Args:
        given: where the features come from.
        dataset: the data set, whose images are read if the features are to be computed.
        task: the task.
        name: the protocol's name.
        options: the options of a method.
        skip_broken: leave out images that cannot be read.
        mirrored: also compute the features of the mirrored pictures, unless the features are given.

    Raises:
        UsageError: it is nothing that can be evaluated.
        FeatureError: the features are damaged.
        PluginError: the method breaks its contract.
    """
    if options and are_given(given):
        raise UsageError("options belong to a method", found=dict(options), next_step="leave them out for features")
    if isinstance(given, str | Path):
        with FeatureFile.open(given) as file:
            yield file
        return
    with temporary_folder("features") as folder:
        path = folder / "features.h5"
        if are_given(given):
            write_features(path, *_pair(given), dataset=name, method="given")
        else:
            from harness.extraction.extract import FeatureOutput
            from harness.methods.given import method_of

            method = method_of(given, options)
            provenance = Provenance(dataset=name, method=type(method).__name__, metric=method.metric, mirrored=mirrored)
            _extract(method, dataset, task, FeatureOutput(path, provenance), skip_broken=skip_broken)
        with FeatureFile.open(path) as file:
            yield file


def are_given(source: FeatureSource) -> bool:
    """Return whether features are there already, in a file or in memory, so that no image is read."""
    return isinstance(source, str | Path | tuple | list)


def _pair(given: object) -> tuple[Keys, npt.ArrayLike]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        found = f"{len(given)} things" if isinstance(given, tuple | list) else type(given).__name__
        raise UsageError("features in memory need their keys", found=found, expected="(keys, array)")
    return given[0], given[1]


def _extract(method: Method, dataset: Dataset, task: Task, output: FeatureOutput, *, skip_broken: bool) -> None:
    """Write the features of a task's images as ``bench run`` does, in the same order and batches."""
    from harness.compute.compute import Compute
    from harness.extraction.extract import extract
    from harness.methods.given import left_as_found

    # Where workers are started afresh, they would run a user's script once more; the digits are the same without them.
    workers = None if multiprocessing.get_context().get_start_method() == "fork" else 0
    tables = [dataset.split(split) for split in sorted({task.query, task.gallery})]
    with left_as_found(method):
        extract(
            method,
            dataset,
            tables,
            output,
            compute=Compute(device="auto", workers=workers),
            skip_broken=skip_broken,
        )
