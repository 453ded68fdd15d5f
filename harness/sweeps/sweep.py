"""A sweep: every run of its file is checked before the first begins, then those that do not stand are computed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from harness.basics.locks import locked
from harness.basics.progress import progress
from harness.compute.engine import Command, Engine, same_program
from harness.errors import BenchError, DataError, RunError, UsageError, in_one_line, unknown_name, wanted
from harness.sweeps.expand import Kind, PlannedRun, expand, short_name
from harness.sweeps.states import RunState, States, refuse_another
from harness.sweeps.toml_file import SweepFile
from harness.sweeps.work import Task, work

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.runs.run import Run

Opener = Callable[[tuple[str, ...]], "Run"]
"""Returns the run of a command's words, every name looked up."""


@dataclass
class Sweep:
    """A sweep whose runs have all been checked.

    Attributes:
        file: its file.
        runs: its runs.
        states: a state for each of them.
        folders: the run's folder of each, empty if only the process that computes it can tell.
    """

    file: SweepFile
    runs: Sequence[PlannedRun]
    states: States
    folders: Sequence[str] = field(default_factory=tuple)

    def work(self, engine: Engine) -> None:
        """Compute all runs that wait, and keep their states; only one process works on a sweep at a time.

        Raises:
            RunError: another process is at work on it, or the engine cannot be reached.
            KeyboardInterrupt: the user interrupted, or the process was asked to end; its commands were stopped.
        """
        tasks = []
        for number, (run, state, alone) in enumerate(zip(self.runs, self.states.runs, self.folders, strict=True), 1):
            if state.state == "waiting":
                name = short_name(run, number)
                place = (self.file.folder / "logs" / f"{name}.log").absolute()
                command = Command(name, run.words, str(Path.cwd()), str(place), same_program())
                tasks.append(Task(state, command, alone))
        taken = RunError(
            "this sweep is being computed already",
            where=self.file.folder,
            next_step="see its state with --status, or give the other file a name of its own with name = ...",
        )
        with locked(self.file.folder, taken), _ended_by_terminate():
            self.states.save()
            if tasks:
                work(tasks, self.states, engine)

    def result_folders(self) -> list[Path]:
        """Return the folders with the records of all runs that are done, each once."""
        found = dict.fromkeys(run.folder for run in self.states.runs if run.state in ("done", "skipped") and run.folder)
        return [Path(folder) for folder in found if Path(folder).is_dir()]


def open_sweep(
    file: SweepFile, known: Mapping[str, Kind], opener: Opener, *, without_impossible: bool = False
) -> Sweep:
    """Return the sweep of a file after checking every run, with those that stand already marked as skipped.

    Args:
        file: the file.
        known: the words of ``bench run``.
        opener: see ``Opener``.
        without_impossible: mark a run as failed that the data do not allow, and go on with the others.

    Raises:
        UsageError: another file has a sweep of this name.
        BenchError: the first run that cannot be computed, with its place in the file.
    """
    refuse_another(file.folder, file.source)
    runs = expand(file, known)
    waiting = [RunState(method=run.method, protocol=run.protocol, seed=run.seed) for run in runs]
    states = States(file.folder, waiting, file.source)
    folders = []
    with progress("checking the runs") as advance:
        for number, (run, state) in enumerate(zip(runs, states.runs, strict=True), 1):
            with _placed(run):
                try:
                    folders.append(_check(opener(run.words), state))
                except DataError as problem:
                    if not without_impossible:
                        raise
                    state.state, state.note = "failed", in_one_line(problem.what)
                    folders.append("")
            advance(number, len(runs))
    return Sweep(file, runs, states, folders)


def _check(run: Run, state: RunState) -> str:
    """Mark the run as skipped if it stands, and return its folder.

    A run of several processes, or with a detector, is left to itself: its folder cannot be told without starting them,
    or without detecting.
    """
    request = run.plan.request
    if request.compute.devices * request.compute.nodes > 1 or request.detector is not None:
        return ""
    stands = run.standing()
    if stands is not None:
        state.state, state.folder = "skipped", str(stands)
    return str(run.folder)


@contextmanager
def _placed(run: PlannedRun) -> Iterator[None]:
    """Add the place in the file to an error of one of its runs."""
    try:
        yield
    except BenchError as error:
        places = [run.place.at(), error.where]
        error.where = "; ".join(str(place) for place in places if place is not None)
        if error.next_step and "--data" in error.next_step:
            error.next_step = 'say where it is in the file: [data] PROTOCOL = "DIR"'
        raise
    except click.ClickException as error:
        raise UsageError(error.format_message(), where=run.place.at(), next_step="see 'bench run --help'") from None


def open_engine(name: str, file: SweepFile, registry: Registry, jobs: int | None) -> Engine:
    """Return the engine of a name, with the options of the file's table ``[engine.NAME]``.

    Raises:
        UsageError: an unknown engine or option, or a package that it needs is not installed.
    """
    kind = registry.engine(name)
    for other in file.content.engine:
        if other != name:
            registry.engine(other)  # a misspelt table would be ignored
    table: dict[str, Any] = file.content.engine.get(name, {})
    place = file.place(f"engine.{name}")
    try:
        options = kind.Options.model_validate(table)
    except ValidationError as problem:
        first = problem.errors()[0]
        option = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            error = unknown_name(f"option of engine {name}", option, kind.Options.model_fields)
            error.where = place.at(option)
            raise error from None
        raise UsageError(
            f"option '{option}' of engine {name} does not fit",
            where=place.at(option),
            found=repr(first["input"])[:200],
            expected=wanted(first),
        ) from None
    return kind(options, file.folder.absolute(), jobs)


@contextmanager
def _ended_by_terminate() -> Iterator[None]:
    """Let a request to end (SIGTERM) stop the sweep's commands as an interrupt does."""

    def interrupted(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupted)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
