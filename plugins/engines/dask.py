"""The engine ``dask``: the workers of a Dask cluster, through dask.distributed."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import Field

from harness.basics.extras import require
from harness.compute.engine import Command, Engine, Ticket
from harness.errors import RunError


class Dask(Engine):
    """Workers of a Dask cluster; the folders of the runs and of the data sets must be on a disk that all workers see.

    A worker runs as many commands at once as it has threads: start it with ``dask worker --nthreads 1``.
    """

    about = "a Dask cluster, through dask.distributed"
    pause = 0.5

    class Options(Engine.Options):
        """The cluster."""

        scheduler: str = Field(
            default="",
            description="address of the scheduler, such as tcp://head:8786; empty for workers of this machine",
        )
        resources: dict[str, float] = Field(
            default={}, description="what each command takes of a worker's resources, such as GPU = 1"
        )
        patience: int = Field(default=30, ge=1, description="seconds to wait for the scheduler")

    def __init__(self, options: Any, folder: Path, jobs: int | None) -> None:
        super().__init__(options, folder, jobs)
        require("distributed", by="engine 'dask'", extra="dask")
        self.held = ExitStack()
        self.client: Any = None

    def __enter__(self) -> Dask:
        from distributed import Client, LocalCluster

        logging.getLogger("distributed").setLevel(logging.WARNING)  # it tells of every connection
        address: Any = self.options.scheduler
        if not address:
            address = self.held.enter_context(
                LocalCluster(
                    n_workers=self.jobs or 1,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,  # workers that are told to end complain of lost connections
                    local_directory=str(self.folder / "dask"),
                )
            )
        try:
            self.client = self.held.enter_context(Client(address, timeout=self.options.patience))
        except (OSError, ValueError) as problem:
            raise RunError(
                "the scheduler of the Dask cluster does not answer",
                where=self.options.scheduler,
                found=problem,
                next_step="start it with 'dask scheduler', and give its address as scheduler in [engine.dask]",
            ) from None
        return self

    def __exit__(self, *problem: object) -> None:
        self.held.close()

    def submit(self, command: Command) -> Ticket:
        """Hand the command to the scheduler."""
        resources = self.options.resources or None
        return _Future(self.client.submit(command, pure=False, resources=resources, retries=0), command)


class _Future(Ticket):
    """A task of the scheduler."""

    def __init__(self, future: Any, command: Command) -> None:
        self.future = future
        self.command = command
        self.lost = ""

    def running(self) -> bool:
        """Return whether a worker has begun: the scheduler does not tell, but the log file does."""
        return not self.future.done() and Path(self.command.log).exists()

    def status(self) -> int | None:
        """Return the exit status of the command."""
        if not self.future.done():
            return None
        try:
            return int(self.future.result())
        except Exception as problem:  # what the worker raised, or how it was lost
            self.lost = f"{type(problem).__name__}: {problem}".partition("\n")[0]
            return -1

    def cancel(self) -> None:
        """Stop the command: a task that has begun cannot be cancelled otherwise."""
        self.command.stop.touch()
        if not self.running():
            self.future.cancel()

    def problem(self) -> str:
        """Return how the task was lost."""
        return self.lost
