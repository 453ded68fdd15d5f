"""The processes, the device and the memory that an evaluation ranks with; none of them changes a digit."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.compute.compute import FULL, PROPOSED, SILENT, Compute
from harness.compute.team import Alone, Processes, Team, team_of
from harness.errors import UsageError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True, eq=False)
class Machine:
    """The device, memory and processes that rank.

    Attributes:
        device: ``cpu``, or a torch device such as ``cuda:1``.
        memory: bytes that each process may use; None for a share of the free memory.
        team: the processes, each with a shard of the gallery.
    """

    device: str = "cpu"
    memory: int | None = None
    team: Team = field(default_factory=Alone)

    @classmethod
    def here(cls, device: str, memory: int | None = None) -> Machine:
        """Return this process alone.

        Args:
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
            memory: see the class.

        Raises:
            UsageError: this machine does not have the device, or the device cannot rank.
        """
        if device == "cpu":
            return cls(device, memory)
        import torch

        if device == "auto":
            return cls("cuda" if torch.cuda.is_available() else "cpu", memory)
        word, gpus = re.fullmatch(r"cuda(?::([0-9]{1,4}))?", device), torch.cuda.device_count()
        if word is None or int(word[1] or 0) >= gpus:
            raise UsageError(
                f"this machine cannot rank on '{device}'",
                found="no GPU" if gpus == 0 else f"{gpus} GPUs",
                expected="auto, cpu, cuda or cuda:NUMBER",
                next_step="try --device cpu",
            )
        return cls(device, memory)

    @classmethod
    def of(cls, fabric: Fabric, memory: int | None = None) -> Machine:
        """Return the processes of a launched lightning-fabric, on their GPUs if they have any."""
        return cls(str(fabric.device) if fabric.device.type == "cuda" else "cpu", memory, team_of(fabric))

    @property
    def first(self) -> bool:
        """Whether this is the first process, which writes files and output."""
        return self.team.index == 0

    def alone(self) -> Machine:
        """Return this process without the others, for work that has no shards."""
        return replace(self, team=Alone())


def under_torchrun() -> bool:
    """Return whether torchrun started this process as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ["WORLD_SIZE"]) > 1


def open_machine(device: str = "auto", memory: int | None = None, timeout: float = SILENT) -> Machine:
    """Return the processes that torchrun started, or this process alone, without opening a process group.

    ``timeout`` is as in ``Compute``.
    """
    if not under_torchrun():
        return Machine.here(device, memory)
    from harness.compute.devices import open_fabric

    return Machine.of(open_fabric(Compute(device=device, timeout=timeout)), memory)


def team_before(compute: Compute) -> Team:
    """Return the processes that exist before a run opens its own: torchrun's, or this process alone."""
    if not under_torchrun():
        return Alone()
    from harness.compute.devices import open_fabric

    # Only the processes matter here; the plan of the run, which is not made yet, decides the precision.
    known = compute if compute.precision != PROPOSED else replace(compute, precision=FULL)
    return Processes(open_fabric(known))
