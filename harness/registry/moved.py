"""The import paths of earlier versions that the documentation named, and where their names are now."""

from __future__ import annotations

MOVED = {
    "harness.attention": ("Attention", "shares"),
    "harness.detection": ("Detector", "DetectorOptions", "pack"),
    "harness.hookspecs": ("hookimpl",),
    "harness.images": ("ImageTable", "UNKNOWN"),
    "harness.method": ("Method", "Options"),
    "harness.protocol": ("Dataset", "Draws", "Protocol", "Rule", "Task"),
    "harness.training.batches": ("PK", "Batches", "Shuffled"),
    "harness.training.network": ("NetworkMethod", "Stage"),
    "harness.training.session": ("Session",),
}


def moved(problem: BaseException) -> str:
    """Return where the names of a failed import are now; empty if the import is not one of an earlier version."""
    if not isinstance(problem, ImportError) or problem.name not in MOVED:
        return ""
    names = MOVED[problem.name]
    return f"{problem.name} has moved: import {', '.join(names)} from harness itself"
