"""What a smoke run prints: a table of the stages, and sentences about the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.output import table

if TYPE_CHECKING:
    from harness.runs.smoke import SmokeReport, Work
    from harness.training.smoke import StageTrial


def as_text(report: SmokeReport) -> str:
    """Return a smoke run's report for people."""
    about, task, training = report.about, report.task, report.training
    recipe = f" by the recipe {about['recipe']}" if about["recipe"] else ""
    lines = [
        f"Tried, not run: {about['name']}{recipe} on {about['protocol']}. Nothing was recorded or kept.",
        f"On {about['device']}, in {about['precision']}.",
        "",
    ]
    if training is not None and training.stages:
        lines += [table([_row(stage, about["memory"]) for stage in training.stages]), ""]
        lines += _sentences(report)
    extraction = report.extraction
    lines += [
        f"extraction: {extraction.images:,} images, {1 / extraction.each:.3g} a second: {duration(extraction.seconds)}",
        f"evaluation: works, {task['queries']} queries x {task['gallery']} gallery images of {task['task']}",
        f"the whole run, without ranking: about {duration(report.seconds)}, estimated from few images",
    ]
    return "\n".join(lines)


def _sentences(report: SmokeReport) -> list[str]:
    lines = [f"reading before training: {_work(report.reading)}"]
    if report.validation.images:
        lines.append(f"validation, all epochs together: {_work(report.validation)}")
    if report.training is not None and report.checkpoint_bytes is not None:
        state = size(report.training.state_bytes)
        lines.append(f"on disk: {state} of training state, then a checkpoint of {size(report.checkpoint_bytes)}")
    return lines


def _row(stage: StageTrial, memory: str) -> dict[str, str]:
    length = f"{stage.epochs} epochs" if stage.epochs is not None else f"{stage.iterations:,} iterations"
    return {
        "stage": stage.stage,
        "images a step": str(stage.images),
        "first step": f"{stage.first:.3g} s",
        "a step": f"{stage.step:.3g} s",
        f"memory {memory}": size(stage.memory),
        "steps an epoch": f"{stage.steps:,}",
        "length": length,
        "estimate": duration(stage.seconds),
    }


def _work(work: Work) -> str:
    return f"{work.images:,} images, {duration(work.seconds)}"


def duration(seconds: float) -> str:
    """Return a duration with two or three digits: ``45 s``, ``12 min``, ``3.4 h``."""
    if seconds < 99.5:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:,.{seconds < 360000:d}f} h"


def size(count: int) -> str:
    """Return a number of bytes with up to three digits: ``640 MB``, ``1.8 GB``."""
    return f"{count / 1e6:.3g} MB" if count < 999.5e6 else f"{count / 1e9:.1f} GB"
