"""The states of a sweep's runs, kept in a file that ``bench sweep --status`` shows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.basics.files import replace_file
from harness.basics.locks import NAME as LOCK, is_held
from harness.basics.plain_json import read_json
from harness.basics.reading import read_whole
from harness.errors import RunError, UsageError

NAME = "state.json"
SCHEMA = 1
MAX_BYTES = 64 << 20

Word = Literal["done", "skipped", "failed", "running", "waiting"]
WORDS: tuple[Word, ...] = get_args(Word)


class RunState(BaseModel):
    """One run of a sweep, as its table shows it.

    Attributes:
        method: the method, its recipe and its options as the file gives them.
        protocol: the protocol, or its task.
        seed: the seed.
        state: one of the five words.
        note: the first line of a failed run's message, or why a run waits.
        folder: the folder of its results; empty as long as it is not known.
        log: what the run printed; empty before it began.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    method: str
    protocol: str
    seed: int
    state: Word = "waiting"
    note: str = ""
    folder: str = ""
    log: str = ""


@dataclass(frozen=True)
class States:
    """The states of all runs of a sweep, and the folder that they are kept in.

    Attributes:
        folder: the folder.
        runs: the states.
        source: the ``SweepFile.source`` of the file that lists the runs.
    """

    folder: Path
    runs: Sequence[RunState]
    source: str = ""

    def save(self) -> None:
        """Write the states, in one step."""
        content = {"schema": SCHEMA, "source": self.source, "runs": [run.model_dump() for run in self.runs]}
        with replace_file(self.folder / NAME) as file:
            file.write(json.dumps(content, indent=1) + "\n")

    def counts(self) -> str:
        """Return how many runs there are in each state: ``3 done, 1 failed``."""
        counted = Counter(run.state for run in self.runs)
        return ", ".join(f"{counted[word]} {word}" for word in WORDS if counted[word]) or "no runs"

    def rows(self) -> list[dict[str, object]]:
        """Return the rows of the table."""
        return [
            {
                "": number,
                "method": run.method,
                "protocol": run.protocol,
                "seed": run.seed,
                "state": run.state,
                "note": run.note,
            }
            for number, run in enumerate(self.runs, 1)
        ]


def read_states(folder: Path) -> States:
    """Return the states that a sweep wrote last; what was running when it was killed is waiting.

    Raises:
        UsageError: the sweep was never started.
        RunError: the file is damaged.
    """
    path = folder / NAME
    if not path.is_file():
        raise UsageError(
            "the sweep was not started yet", where=folder, next_step="start it with the same command without --status"
        )
    try:
        content = read_json(read_whole(path, MAX_BYTES, "the state of the sweep", error=RunError).decode())
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']}")
        runs = [RunState.model_validate(run) for run in content["runs"]]
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as problem:
        raise RunError(
            "the state of the sweep is damaged",
            where=path,
            found=str(problem).partition("\n")[0],
            next_step="remove the file; the runs themselves are kept",
        ) from None
    if not is_held(folder / LOCK):
        for run in runs:
            if run.state == "running":
                run.state, run.note = "waiting", "the sweep was killed while it ran; it goes on"
    return States(folder, runs, str(content.get("source", "")))


def refuse_another(folder: Path, source: str) -> None:
    """Refuse a folder that holds the states of another file of the same name.

    Raises:
        UsageError: it does; RunError: its states are damaged.
    """
    if (folder / NAME).is_file() and read_states(folder).source not in ("", source):
        raise UsageError(
            "another file has a sweep of this name",
            where=folder,
            next_step="give this one a name of its own at its top: name = 'mine'",
        )
