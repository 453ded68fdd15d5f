"""The records that a name on the command line means: those of a method among the runs and the filed records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.errors import RecordError, unknown_name
from leaderboard.record_files import RecordFile, collect, shipped_folders


def known_records(runs: Path) -> tuple[RecordFile, ...]:
    """Return the records below the folder of runs, if there is one, and the filed ones, each run once."""
    return collect(shipped_folders(), [runs] if runs.is_dir() else [])


def is_name(path: Path) -> bool:
    """Return whether a word is taken for a name: it is no file, and no folder with a record below it."""
    if path.is_dir():
        return next(path.rglob("record-*.json"), None) is None
    return not path.is_file() and path.suffix != ".json"


def named_records(name: str, known: Sequence[RecordFile]) -> list[RecordFile]:
    """Return the records of a name as tables show it, or else of a method with any variant and options.

    Raises:
        RecordError: no record has this name; a folder of this name has none either.
    """
    found = [file for file in known if name in (file.record.method_name, *file.record.alias_names)]
    found = found or [file for file in known if file.record.method == name]
    if not found and Path(name).is_dir():
        raise RecordError(
            "the folder has no record, and no result has its name",
            where=name,
            expected="files named record-*.json below the folder, or the name of a result",
            next_step="name the folder of a run, such as one below runs/",
        )
    if not found and _is_path(Path(name)):
        raise RecordError(
            "there is no such file or folder",
            where=name,
            expected="a record file, the folder of a run, or the name of a result",
            next_step="name a folder that 'bench run' printed",
        )
    if not found:
        names = {file.record.method_name for file in known}
        error = unknown_name("result", name, names, error=RecordError)
        error.next_step = "name a record file, the folder of a run, or a method among --runs and the filed records"
        raise error
    return found


def _is_path(path: Path) -> bool:
    """Return whether a word that no result has as its name is a path by its look; ``pgan/no-pam`` may be a name."""
    return path.is_absolute() or len(path.parts) > 2 or (len(path.parts) == 2 and path.parent.is_dir())


def refuse_ambiguous(name: str, files: Sequence[RecordFile]) -> None:
    """Raise a RecordError that lists the candidates if a name means several records of one task."""
    tasks = [(file.record.name, file.record.chain) for file in files]
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
