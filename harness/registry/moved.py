"""The new places of names whose earlier import paths were documented."""

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
    """Return the new place of the names of a failed import; empty if the path was never documented."""
    if not isinstance(problem, ImportError) or problem.name not in MOVED:
        return ""
    names = MOVED[problem.name]
    return f"{problem.name} has moved: import {', '.join(names)} from harness itself"
