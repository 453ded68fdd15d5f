"""The request of an earlier run, read from its folder: its method and options, its checkpoint, its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.basics.plain_json import read_json
from harness.basics.reading import read_whole
from harness.errors import BenchError, UsageError, first_of
from harness.features import FeatureFile
from harness.features.finding import FEATURES, RUN
from harness.methods.checkpoint import CHECKPOINT
from harness.methods.method import trains
from harness.registry.registry import Registry
from harness.runs.plan import BESIDE, RunPlan, plan_run
from harness.runs.request import Request
from harness.runs.run import TRAINING_VERSION, Run

MOST_BYTES = 1 << 20
"""The size of the file that describes a run; it has a few kilobytes."""

WHOLE = "a folder printed by 'bench run', with what it has trained and extracted"


def plan_of_earlier(folder: Path, given: Request, registry: Registry) -> RunPlan:
    """Return the plan by which a run's own weights embed other pictures; nothing is trained.

    Args:
        folder: of the run.
        given: the words that its folder does not hold: data set, boxes, devices. Its method is not looked at, its
            protocol only if it is not empty, and its device only if it is not ``auto``.
        registry: the methods and protocols.

    Raises:
        UsageError: it is no run's folder, or the run cannot be repeated from it.
        CheckpointError: its checkpoint is damaged.
    """
    about = _read(folder)
    method = registry.method(about["method"])
    checkpoint = folder / CHECKPOINT
    request = replace(
        given,
        method="/".join(filter(None, (about["method"], about["variant"]))),
        protocol=given.protocol or _protocol(folder),
        changes=about["changes"],
        recipe=about["recipe"],
        seed=about["seed"],
        trained_on=tuple(about["trained_on"]),
        boxes=given.boxes or _boxes(folder, given),
        runs=folder.parent,
        compute=replace(given.compute, precision=about["precision"], device=_device(folder, about["device"], given)),
    )
    if trains(method):
        if not checkpoint.is_file():
            raise UsageError(
                "the run has no checkpoint",
                where=folder,
                expected=CHECKPOINT,
                next_step="repeat 'bench run', which ends the training; a run that was given a checkpoint is named by "
                "--method and --checkpoint",
            )
        request = replace(
            request, checkpoint=checkpoint, method=about["method"], changes={}, recipe=None, trained_on=()
        )
    elif about["files"]:
        raise UsageError(
            "the run was given files, and its folder holds only their digests",
            where=folder,
            found=first_of(sorted(word.removeprefix(BESIDE) for word in about["files"]), 3),
            next_step="name the method with --method, --set and --protocol, as the run was made",
        )
    plan = plan_run(request, registry)
    if Run(plan).origin.code != about["code"] or about["training"] != TRAINING_VERSION:
        raise UsageError(
            "the method's code has changed since the run",
            where=folder,
            next_step="repeat 'bench run', which makes another folder, and name that",
        )
    return plan


def _read(folder: Path) -> Mapping[str, Any]:
    """Return what a run's folder says of the run."""
    if not folder.is_dir():
        raise UsageError("the run is missing", where=folder, expected=WHOLE)
    path = folder / RUN
    try:
        found = read_json(read_whole(path, MOST_BYTES, "the run's file").decode())
        lacking: dict[str, Any] = {"variant": "", "changes": {}, "recipe": "", "files": {}, "trained_on": []}
        about = {**lacking, **found}
        kinds: dict[str, type] = {word: type(value) for word, value in lacking.items()}
        kinds |= dict.fromkeys(("method", "code", "device", "precision"), str)
        kinds |= dict.fromkeys(("seed", "training"), int)
        for word, kind in kinds.items():
            if not isinstance(about[word], kind):
                raise TypeError(f"'{word}' is {type(about[word]).__name__}")
    except (BenchError, ValueError, KeyError, TypeError) as problem:
        raise UsageError(
            "the folder is no run's",
            where=folder,
            found=f"{RUN}: {problem.what if isinstance(problem, BenchError) else problem}",
            expected=WHOLE,
        ) from None
    return about


def _protocol(folder: Path) -> str:
    """Return the protocol whose features the run has, if it is the only one."""
    found = set()
    for path in sorted(folder.glob(f"*/{FEATURES}")):
        with FeatureFile.open(path) as file:
            found.add(file.provenance.dataset)
    if len(found) != 1:
        raise UsageError(
            f"the run has features for {len(found)} protocols",
            where=folder,
            found=first_of(sorted(found)) or "none",
            next_step="name one with --protocol NAME",
        )
    return found.pop()


def _boxes(folder: Path, given: Request) -> Path | None:
    """Return the boxes that the run stored for its own images, if it has one file of them."""
    found = sorted(folder.glob("*/boxes-*.h5"))
    return found[0] if len(found) == 1 and found[0].parent.name != "training" and given.detector is None else None


def _device(folder: Path, own: str, given: Request) -> str:
    if given.compute.device not in ("auto", own):
        raise UsageError(
            "the run's clean features are of another kind of device",
            where=folder,
            found=f"--device {given.compute.device}",
            expected=own,
            next_step="leave out --device",
        )
    return own
