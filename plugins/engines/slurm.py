"""The engine ``slurm``: jobs of a SLURM cluster, through submitit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness.basics.extras import require
from harness.compute.engine import Command, Engine, Ticket
from harness.errors import RunError, UsageError


@dataclass(frozen=True)
class _Resumable:
    """A command that is put into the queue again when its time is over; ``bench run`` goes on after the last epoch."""

    command: Command

    def __call__(self) -> int:
        return self.command()

    def checkpoint(self) -> object:
        """Return what submitit shall submit next."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class Slurm(Engine):
    """Jobs of a SLURM cluster; the folders of the runs and of the data sets must be on a disk that all nodes see.

    A job that runs out of time, or is pre-empted, goes into the queue again and resumes.
    """

    about = "a SLURM cluster, through submitit"
    pause = 5.0

    class Options(Engine.Options):
        """What each job asks the cluster for."""

        partition: str = Field(default="", description="partition; empty for the cluster's own choice")
        minutes: int = Field(default=1440, ge=1, description="time limit of a job in minutes")
        cpus: int = Field(default=4, ge=1, description="processors of a job")
        gpus: int = Field(default=1, ge=0, description="GPUs of a job")
        memory: int = Field(default=32, ge=1, description="memory of a job in GB")
        setup: tuple[str, ...] = Field(default=(), description="shell lines to run first, such as module load cuda")
        sbatch: dict[str, str | int] = Field(default={}, description="further options of sbatch, such as account")
        executor: Literal["slurm", "local"] = Field(
            default="slurm", description="submitit's executor; local runs the jobs here, to try the file"
        )

    def __init__(self, options: Any, folder: Path, jobs: int | None) -> None:
        super().__init__(options, folder, jobs)
        require("submitit", by="engine 'slurm'", extra="slurm")
        self.executor: Any = None

    def __enter__(self) -> Slurm:
        from submitit import AutoExecutor

        given = self.options
        try:
            self.executor = AutoExecutor(self.folder / "submitit", cluster=given.executor)
        except RuntimeError as problem:
            raise UsageError(
                "this machine cannot submit jobs to SLURM", found=problem, next_step="call it on a login node"
            ) from None
        wanted = {"timeout_min": given.minutes, "cpus_per_task": given.cpus, "gpus_per_node": given.gpus}
        if given.executor == "slurm":
            wanted |= {"mem_gb": given.memory, "slurm_setup": list(given.setup)}
            wanted |= {"slurm_additional_parameters": dict(given.sbatch)}
            wanted |= {"slurm_partition": given.partition} if given.partition else {}
        self.executor.update_parameters(**wanted)
        return self

    def submit(self, command: Command) -> Ticket:
        """Put the command into the queue."""
        self.executor.update_parameters(name=command.name)
        try:
            return _Job(self.executor.submit(_Resumable(command)), command)
        except Exception as problem:  # submitit raises several kinds of its own
            raise RunError("SLURM refuses the job", where=command.name, found=problem) from None


class _Job(Ticket):
    """A job of submitit."""

    def __init__(self, job: Any, command: Command) -> None:
        self.job = job
        self.command = command
        self.lost = ""

    def running(self) -> bool:
        """Return whether the job has left the queue."""
        return not self.job.done() and str(self.job.state).upper() == "RUNNING"

    def status(self) -> int | None:
        """Return the exit status of the command."""
        if not self.job.done():
            return None
        try:
            return int(self.job.result())
        except Exception as problem:  # the job's own, or submitit's for a job without a result
            lines = str(problem).split("\n")
            last = next((line for line in reversed(lines) if line.strip()), type(problem).__name__)
            self.lost = f"job {self.job.job_id} was lost: {last.strip()}"
            return -1

    def cancel(self) -> None:
        """Stop the command, and take the job out of the queue."""
        self.command.stop.touch()
        self.job.cancel(check=False)

    def problem(self) -> str:
        """Return why there is no exit status."""
        return self.lost
