"""The records that a name on the command line means: those of a method among the runs and the filed records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.errors import RecordError, unknown_name
from leaderboard.record_files import RecordFile, collect, shipped_folders


def known_records(runs: Path) -> tuple[RecordFile, ...]:
    """Return the records below the folder of runs, if there is one, and the filed ones, each run once."""
    return collect(shipped_folders(), [runs] if runs.is_dir() else [])


def named_records(name: str, known: Sequence[RecordFile]) -> list[RecordFile]:
    """Return the records of a name as tables show it, or else of a method with any variant and options.

    Raises:
        RecordError: no record has this name.
    """
    found = [file for file in known if name in (file.record.method_name, *file.record.alias_names)]
    found = found or [file for file in known if file.record.method == name]
    if not found:
        names = {file.record.method_name for file in known}
        error = unknown_name("result", name, names, error=RecordError)
        error.next_step = "name a record file, the folder of a run, or a method among --runs and the filed records"
        raise error
    return found


def refuse_ambiguous(name: str, files: Sequence[RecordFile]) -> None:
    """Raise a RecordError that lists the candidates if a name means several records of one task."""
    tasks = [(file.record.name, file.record.rerank) for file in files]
    for task in dict.fromkeys(tasks):
        candidates = [file for file, one in zip(files, tasks, strict=True) if one == task]
        if len(candidates) > 1:
            ordered = sorted(candidates, key=lambda file: (file.record.recipe, file.record.seed or 0, file.record.run))
            lines = "".join(f"\n    {_described(file)}" for file in ordered)
            raise RecordError(
                f"'{name}' is the name of {len(candidates)} results of {task[0]}",
                found=lines,
                next_step="name one of these files, or join runs that differ only in their seed with --over-seeds",
            )


def _described(file: RecordFile) -> str:
    record = file.record
    facts = [record.method_name, f"recipe {record.recipe}" if record.recipe else "", f"seed {record.seed}"]
    return f"{', '.join(filter(None, facts))}: {file.path}"
