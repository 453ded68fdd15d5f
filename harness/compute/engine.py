"""The contract of an engine, which runs the commands of a sweep: here, on a cluster, or elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

GRACE = 20.0
"""Seconds that an interrupted command has to end by itself before it is killed."""

LOOK = 0.5
"""Seconds between two looks for the file that stops a command."""


@dataclass(frozen=True)
class Command:
    """A command of ``bench`` that an engine runs in a process of its own; it can be pickled, and is called once.

    Attributes:
        name: a short name for queues: letters, digits and hyphens.
        words: the words after ``bench``.
        folder: the absolute folder to run in.
        log: the absolute path of the file that receives standard output and standard error.
        environment: variables to set.
    """

    name: str
    words: tuple[str, ...]
    folder: str
    log: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def stop(self) -> Path:
        """The file whose appearance stops the command, on whatever machine it runs."""
        return Path(f"{self.log}.stop")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process, in a group of its own: a key pressed in the terminal does not reach it."""
        log = Path(self.log)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            return subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-m", "harness", *self.words],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    def __call__(self) -> int:
        """Run the command to its end, or until the file ``stop`` appears, and return its exit status."""
        process = self.start()
        try:
            while process.poll() is None and not self.stop.exists():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK)
        finally:
            interrupt(process)
            end(process)
        return process.returncode


def same_program() -> dict[str, str]:
    """Return the variables that let another process import the very modules that this one has.

    A copy of the project that is not installed comes first in the path, and the current folder is in the path only if
    it is in this process's.
    """
    root = str(Path(__file__).resolve().parents[2])
    found = {}
    if root not in sysconfig.get_paths().values():
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    if not {"", str(Path.cwd())} & set(sys.path):
        found["PYTHONSAFEPATH"] = "1"
    return found


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a started command as Ctrl-C would, so that it leaves nothing half-done."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGINT)
            else:  # Windows, which can only end it; its files appear whole or not at all
                process.terminate()


def end(process: subprocess.Popen[bytes]) -> None:
    """Wait for an interrupted command; kill it and all that it has started if it does not end."""
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                _kill_tree(process.pid)
        process.wait()


def _kill_tree(number: int) -> None:
    """Kill a process and all that it has started, where there are no groups of processes."""
    import psutil

    with suppress(psutil.Error):
        parent = psutil.Process(number)
        for process in (*parent.children(recursive=True), parent):
            with suppress(psutil.Error):
                process.kill()


class Ticket(ABC):
    """A command that an engine has taken."""

    @abstractmethod
    def running(self) -> bool:
        """Return whether it has begun and not ended."""

    @abstractmethod
    def status(self) -> int | None:
        """Return the exit status, or None while it has not ended; -1 if the engine lost it."""

    @abstractmethod
    def cancel(self) -> None:
        """Begin to end it, without waiting."""

    def problem(self) -> str:
        """Return one line on why the engine lost it; empty otherwise."""
        return ""


class Engine(ABC):
    """Runs commands somewhere; subclass it, and register it with ``bench_register_engines``.

    It is used as a context: entering makes the connection; leaving waits for what was cancelled.

    Attributes:
        about: one sentence for listings.
        Options: the model of the table ``[engine.NAME]`` in a sweep's file.
        pause: seconds between two looks at the commands.
        at_once: how many commands to hand over at once if the user does not say; None for all.
        options: the options of this sweep.
    """

    class Options(BaseModel):
        """The options; subclass it and give every field a default."""

        model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    about: ClassVar[str] = ""
    pause: ClassVar[float] = 0.2
    at_once: ClassVar[int | None] = None

    def __init__(self, options: Any, folder: Path, jobs: int | None) -> None:
        """Check that the engine can be used; nothing is started.

        Args:
            options: an instance of ``Options``.
            folder: a folder for files of the engine's own.
            jobs: how many commands may run at once; None for as many as the engine has room for.

        Raises:
            UsageError: a package that it needs is not installed.
        """
        self.options = options
        self.folder = folder
        self.jobs = jobs

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *problem: object) -> None:
        return None

    @abstractmethod
    def submit(self, command: Command) -> Ticket:
        """Take a command: begin it, or put it into a queue.

        Raises:
            RunError: the engine cannot be reached, or refuses.
        """
