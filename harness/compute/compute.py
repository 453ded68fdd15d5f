"""The computing resources of a run: devices, processes, precision."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Compute:
    """The machine: nothing but ``precision``, ``batch`` and ``compiled`` may change a digit on one kind of device.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda``, ``mps``: lightning-fabric's words.
        devices: processes on this machine, one a device.
        nodes: machines, when several train together.
        precision: ``32-true``, ``bf16-mixed``, ``16-mixed``: lightning-fabric's words.
        workers: processes that decode and augment beside each training process; None chooses by the machine.
        batch: images embedded at once in an extraction; None chooses by the machine. It may move the last digits.
        compiled: embed with the network as torch.compile makes it; other digits, within rounding.
    """

    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    precision: str = "32-true"
    workers: int | None = None
    batch: int | None = None
    compiled: bool = False

    @property
    def arithmetic(self) -> str:
        """The precision, and what else was asked for that moves last digits, in a feature file's words."""
        asked = {f"batches of {self.batch}": self.batch is not None, "compiled": self.compiled}
        return ", ".join([self.precision, *(word for word, there in asked.items() if there)])
