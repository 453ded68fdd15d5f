"""Where the features of held-out training vehicles come from: a run, which embeds them, or a feature file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.basics.plain_json import read_json
from harness.basics.reading import read_whole
from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.errors import UsageError, in_one_line
from harness.features.finding import RUN
from harness.features.provenance import Embedding
from harness.methods.checkpoint import CHECKPOINT
from harness.registry.registry import Registry
from harness.runs.inputs import labels_digest
from harness.runs.plan import BESIDE, plan_run
from harness.runs.request import Request
from harness.runs.run import Run
from harness.tasks.protocol import Protocol
from harness.training.prepare import hold_out_vehicles
from harness.tuning.vehicles import Selected, share_of

FOLDER = "tuning"
"""The folder of a run with the features of its held-out vehicles."""

MAX_BYTES = 16 << 20

HOW_TO_HOLD_OUT = "train again with --validate train --hold-out 0.1, or give the features of other vehicles"


@dataclass(frozen=True)
class FinishedRun:
    """The folder of a run, and what its config.json says."""

    folder: Path
    about: Mapping[str, Any]

    @property
    def train_on(self) -> str | None:
        """The protocol that it was trained on; None if it did not train."""
        word = self.about.get("train_on")
        return word if isinstance(word, str) else None


def is_run(path: Path) -> bool:
    """Return whether a path is the folder of a run."""
    return (path / RUN).is_file()


def open_finished(folder: Path) -> FinishedRun:
    """Read what the folder of a run says of it.

    Raises:
        UsageError: its config.json is damaged.
    """
    raw = read_whole(folder / RUN, MAX_BYTES, "the run's description", error=UsageError)
    try:
        about = read_json(raw.decode())
    except ValueError as problem:
        raise _damaged(folder, in_one_line(problem)) from None
    if not isinstance(about, dict) or not isinstance(about.get("method"), str):
        raise _damaged(folder, "no method")
    for word, kinds in (("seed", int), ("hold_out", (int, float)), ("changes", dict), ("variant", str)):
        if word in about and not isinstance(about[word], kinds):
            raise _damaged(folder, f"{word}: {about[word]!r}")
    return FinishedRun(folder, about)


def _damaged(folder: Path, found: str) -> UsageError:
    return UsageError("the run's description is damaged", where=folder / RUN, found=found, next_step="run it again")


def held_out_of(run: FinishedRun, protocol: Protocol, dataset: Dataset, share: float, seed: int) -> Selected:
    """Return training vehicles that a run's network has not seen.

    Of the data set that it was trained on, these are the vehicles that the training held out; of another, a share.

    Raises:
        UsageError: the run has trained on all vehicles, or on other lists than these.
    """
    about = run.about
    if run.train_on != protocol.name:
        seen = "yes" if protocol.name in about.get("trained_on", ()) else "no"
        return share_of(dataset, "train", share, seed, seen=seen)
    if about.get("validate") != "train" or not about.get("hold_out"):
        how = f"--validate {about.get('validate')}" if about.get("validate") != "train" else "--hold-out 0"
        raise UsageError(
            "the run has trained on all training vehicles, so none is left to choose settings on",
            where=run.folder,
            found=how,
            expected="a run that held some vehicles out",
            next_step=HOW_TO_HOLD_OUT,
        )
    if about.get("train_data") != labels_digest(dataset, ("train",)):
        raise UsageError(
            "the run was trained on other lists than this folder has",
            where=dataset.root,
            found=f"training lists {labels_digest(dataset, ('train',))[:12]}",
            expected=f"training lists {str(about.get('train_data'))[:12]}, as the run says",
            next_step="give the folder that it was trained on with --data",
        )
    held = hold_out_vehicles(dataset.split("train"), float(about["hold_out"]), int(about["seed"]))[1]
    if held is None:
        raise UsageError(
            "the data set has too few training vehicles to hold any out",
            where=dataset.root,
            expected="at least four",
            next_step="give the features of other vehicles",
        )
    how = f"held out of the training: {about['hold_out']:g} of the vehicles, seed {about['seed']}"
    return Selected(held.gallery, "train", how, "no")


def seen_by(about: Embedding, protocol: str) -> str:
    """Return whether the weights of some features have seen the training vehicles of a protocol."""
    if about.train_on == protocol or protocol in about.trained_on:
        return "yes"
    return "no" if about.train_on or about.trained_on else "unknown"


def request_of(run: FinishedRun, protocol: str, root: Path, compute: Compute, **words: Any) -> Request:
    """Return the request that embeds other images as a run did.

    Args:
        run: the run.
        protocol: the word of the protocol whose images are embedded.
        root: the folder of its data set.
        compute: the devices; the precision is the run's.
        words: further words of the request: ``boxes``, ``detector``.

    Raises:
        UsageError: the run used a checkpoint or files that its folder does not have.
    """
    about, own = run.about, run.folder / CHECKPOINT
    missing = [word for word in about.get("files", {}) if not str(word).startswith(BESIDE)]
    if "checkpoint" in about:
        raise UsageError(
            "the run used a given checkpoint, which its folder does not hold",
            where=run.folder,
            next_step="name the folder of the run that trained it, or give the features of the training images",
        )
    if run.train_on is not None and not own.is_file():
        raise UsageError(
            "the run has no checkpoint yet", where=run.folder, expected=CHECKPOINT, next_step="finish it first"
        )
    if run.train_on is None and missing:
        raise UsageError(
            "the run's method reads files whose places its folder does not know",
            where=run.folder,
            found=", ".join(sorted(missing)),
            next_step="give the features of the training images as a file",
        )
    named = "/".join(word for word in (about["method"], about.get("variant", "")) if word)
    given: dict[str, Any] = {"checkpoint": own} if run.train_on is not None else {
        "recipe": about.get("recipe", ""), "changes": {**about.get("changes", {})}
    }  # fmt: skip
    return Request(
        method=about["method"] if run.train_on is not None else named,
        protocol=protocol,
        data=root,
        seed=int(about.get("seed", 0)),
        compute=compute,
        runs=run.folder / FOLDER,
        **given,
        **words,
    )


def embedded(request: Request, selected: Selected, dataset: Dataset, registry: Registry) -> Path:
    """Return the feature file of selected images, which is computed unless it is there."""
    from dataclasses import replace

    from harness.tasks.task import Rule, Task

    plan = plan_run(request, registry)
    images = Task("held-out", Rule(), ("ap",), query=selected.split, gallery=selected.split)
    only = replace(dataset, splits={selected.split: selected.table}, unavailable={})
    opened = {(plan.protocol.name, dataset_root(request)): only}
    return Run(replace(plan, tasks=(images,)), opened).extract()


def dataset_root(request: Request) -> Path:
    """Return the folder of the data set of a request that names one."""
    if request.data is None:
        raise ValueError("the request names no folder")
    return request.data
