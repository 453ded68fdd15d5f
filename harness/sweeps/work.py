"""The work of a sweep: its waiting runs are handed to an engine, and their states followed to the end."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.compute.engine import Command, Engine, Ticket
from harness.sweeps.states import RunState, States

log = logging.getLogger("bench")

READ = 64 << 10
"""How much of the end of a log is read for its last message, in bytes."""

MESSAGE = 300
"""The longest note, in characters."""

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass
class Task:
    """A run that is to be computed.

    Attributes:
        state: its row of the table.
        command: what computes it.
        alone: the run's folder; of two runs with one folder the second waits for the first. Empty if it is not known.
    """

    state: RunState
    command: Command
    alone: str = ""


def work(tasks: list[Task], states: States, engine: Engine) -> None:
    """Run all tasks; one that fails does not stop the others.

    Raises:
        RunError: the engine cannot be reached.
        KeyboardInterrupt: the user interrupted; all commands have been stopped, and the states say so.
    """
    waiting = list(tasks)
    taken: dict[str, tuple[Task, Ticket]] = {}
    room = engine.jobs or engine.at_once or len(tasks)
    with engine, _stopping(taken, states):
        while waiting or taken:
            for task in _free(waiting, taken, room - len(taken)):
                waiting.remove(task)
                task.command.stop.unlink(missing_ok=True)
                Path(task.command.log).unlink(missing_ok=True)
                task.state.log = task.command.log
                taken[task.command.name] = task, engine.submit(task.command)
            for name, (task, ticket) in list(taken.items()):
                if _look(task, ticket):
                    states.save()
                    _tell(task.state, states)
                if task.state.state in ("done", "failed"):
                    del taken[name]
            if taken:
                time.sleep(engine.pause)


def _free(waiting: list[Task], taken: dict[str, tuple[Task, Ticket]], room: int) -> Iterator[Task]:
    """Yield the tasks to hand over next: as many as there is room for, no two with one folder."""
    held = {task.alone for task, _ in taken.values()} - {""}
    for task in list(waiting):
        if room <= 0:
            return
        if task.alone in held:
            continue
        held |= {task.alone} - {""}
        room -= 1
        yield task


@contextmanager
def _stopping(taken: dict[str, tuple[Task, Ticket]], states: States) -> Iterator[None]:
    """Stop all commands if the block is interrupted or fails."""
    try:
        yield
    except BaseException:
        for task, ticket in taken.values():
            ticket.cancel()
            task.state.state, task.state.note = "waiting", "stopped; it goes on at the next call"
        states.save()
        raise


def _look(task: Task, ticket: Ticket) -> bool:
    """Bring a task's state up to date, and return whether it has changed."""
    state, before, status = task.state, task.state.state, ticket.status()
    if status is None:
        if before == "waiting" and ticket.running():
            state.state, state.note = "running", ""
    elif status == 0:
        state.state, state.note = "done", ""
        state.folder = folder_of(Path(state.log)) or state.folder
    else:
        state.state = "failed"
        state.note = (ticket.problem() or last_message(Path(state.log)) or _ended(status))[:MESSAGE]
    return state.state != before


def _ended(status: int) -> str:
    return f"ended by signal {-status}" if status < 0 else f"ended with status {status} and without a message"


def _tell(state: RunState, states: States) -> None:
    name = f"{state.method}, {state.protocol}, seed {state.seed}"
    if state.state == "failed":
        log.warning("%s failed: %s (%s)", name, state.note, state.log)
    else:
        log.info("%s: %s [%s]", name, state.state, states.counts())


def last_message(path: Path) -> str:
    """Return the first line of the last message of ``bench`` in a log, or the last line if there is none."""
    lines = _lines(path)
    own = [line.removeprefix("bench: ") for line in lines if line.startswith("bench: ")]
    return (own or lines or [""])[-1]


def folder_of(path: Path) -> str:
    """Return the run's folder that a log names at its end; empty if it names none."""
    return next((line.partition(": ")[2] for line in reversed(_lines(path)) if line.startswith("run folder: ")), "")


def _lines(path: Path) -> list[str]:
    """Return the last lines of a log that are not empty, without what moves a cursor."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - READ))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line for part in text.splitlines() if (line := ESCAPES.sub("", part).strip())]
