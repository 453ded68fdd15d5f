"""The engine ``local``: processes of this machine, which share its processors and GPUs evenly."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from subprocess import Popen
from typing import Any, ClassVar

from harness.basics.host import processors
from harness.compute.engine import Command, Engine, Ticket, end, interrupt


class Local(Engine):
    """Processes of this machine, one unless ``--jobs`` says more.

    With several, each computes with its share of the processors, unless ``OMP_NUM_THREADS`` is set, and on a machine
    with several GPUs each sees one of them.
    """

    about = "processes of this machine"
    at_once: ClassVar[int | None] = 1

    def __init__(self, options: Any, folder: Path, jobs: int | None) -> None:
        super().__init__(options, folder, jobs)
        self.places: list[Popen[bytes] | None] = [None] * (jobs or 1)

    def __exit__(self, *problem: object) -> None:
        for process in self.places:
            if process is not None:
                end(process)

    def submit(self, command: Command) -> Ticket:
        """Start the command in a free place."""
        place = next(number for number, process in enumerate(self.places) if _free(process))
        shared = {**self._share(place), **command.environment}
        process = self.places[place] = replace(command, environment=shared).start()
        return _Process(process)

    def _share(self, place: int) -> dict[str, str]:
        """Return the variables that give one of several places its share of the machine."""
        count = len(self.places)
        if count == 1:
            return {}
        share = {}
        if "OMP_NUM_THREADS" not in os.environ:
            share["OMP_NUM_THREADS"] = str(max(1, processors() // count))
        gpus = visible_gpus()
        if len(gpus) > 1:
            share["CUDA_VISIBLE_DEVICES"] = gpus[place % len(gpus)]
        return share


class _Process(Ticket):
    """A process of this machine."""

    def __init__(self, process: Popen[bytes]) -> None:
        self.process = process

    def running(self) -> bool:
        """Return whether the process has not ended."""
        return self.process.poll() is None

    def status(self) -> int | None:
        """Return the exit status."""
        return self.process.poll()

    def cancel(self) -> None:
        """Interrupt the process; leaving the engine's context waits for its end."""
        interrupt(self.process)


def _free(process: Popen[bytes] | None) -> bool:
    return process is None or process.poll() is not None


def visible_gpus() -> list[str]:
    """Return the names of the GPUs that this process may use: those of ``CUDA_VISIBLE_DEVICES``, or all."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [name.strip() for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
