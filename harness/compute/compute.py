"""The computing resources of a run: devices, processes, precision."""

from __future__ import annotations

from dataclasses import dataclass

FULL = "32-true"
"""The precision of filed records and of whatever proposes none: float32."""

SILENT = 300.0
"""Seconds after which a silent process is given up, unless the user says otherwise."""

PROPOSED = "auto"
"""The precision of a request that leaves it to the recipe."""


@dataclass(frozen=True)
class Compute:
    """Devices, processes and precision; digits on one kind of device change only as ``arithmetic`` says.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``, as in lightning-fabric.
        devices: processes on this machine, one per device.
        nodes: number of machines that train together.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``, as in lightning-fabric; ``auto`` in a request, which the
            run's plan replaces by what the recipe proposes.
        workers: processes that decode and augment, per training process; None chooses by the machine.
        batch: images embedded at once during extraction; None chooses by the machine. It may change the last digits.
        compiled: embed with the network compiled by torch.compile, which changes digits within rounding.
        reduced: let the decoder shrink large JPEGs during extraction, which gives other pixels.
        timeout: seconds after which a process that gives no sign of life is given up.
    """

    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    precision: str = FULL
    workers: int | None = None
    batch: int | None = None
    compiled: bool = False
    reduced: bool = False
    timeout: float = SILENT

    @property
    def arithmetic(self) -> str:
        """The precision and all other settings that change digits, as stored in a feature file."""
        changed = {
            f"batches of {self.batch}": self.batch is not None,
            "compiled": self.compiled,
            "reduced while decoding": self.reduced,
        }
        return ", ".join([self.precision, *(word for word, used in changed.items() if used)])
