"""What the processes of one run compare before they begin: its identity, its images, its options, its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.basics.digests import file_digest
from harness.compute.team import Team
from harness.errors import UsageError
from harness.methods.checkpoint import CHECKPOINT
from harness.runs.request import Request


def agree(team: Team, request: Request, identity: Mapping[str, Any], about: Mapping[str, Any] | None = None) -> None:
    """Refuse to go on unless all processes do the same run on the same images.

    Args:
        team: the processes.
        request: of the run.
        identity: what the training depends on.
        about: what the features depend on besides; None for a training alone.

    Raises:
        UsageError: they do not; in all processes.
    """
    scoring = {
        "metric": request.metric,
        "re-ranking": request.rerank.slug if request.rerank else None,
        "post-processing": list(request.post),
        "measures": list(request.measures),
    }
    team.agree({**identity, **({} if about is None else {**about, **scoring})})


def agree_on_folder(team: Team, folder: Path, features: Sequence[Path]) -> None:
    """Refuse to go on if a process does not see the folder that the first one has made, or sees something else in it.

    Args:
        team: the processes.
        folder: the run's.
        features: feature files that may stand there.

    Raises:
        UsageError: in all processes.
    """
    if team.count == 1:
        return
    team.as_first(answer=True)  # nobody looks before the first process has made the folder
    checkpoint = folder / CHECKPOINT
    # A listing is fresh; of single names, a network drive may remember for a minute that they were not there.
    seen = folder.parent.is_dir() and folder in folder.parent.iterdir()
    facts = {
        "the run's folder": "is seen" if seen else "is not seen",
        "its checkpoint": file_digest(checkpoint) if checkpoint.is_file() else None,
        "its features": [path.is_file() for path in features],
    }
    try:
        team.agree(facts)
    except UsageError as problem:
        problem.what = "the processes do not see the same folder of runs"
        problem.next_step = "give a folder that all machines share as --runs"
        raise
