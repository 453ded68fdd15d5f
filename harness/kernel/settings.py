"""How the kernel ranks: only the metric and the length of the lists have a say in the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.compute.machine import Machine
from harness.features.metric import Metric

Precision = Literal["float32", "bfloat16", "int16", "int8"]

WHOLE: frozenset[Precision] = frozenset({"int8", "int16"})
"""Whole numbers, whose products are exact."""


@dataclass(frozen=True)
class Tuning:
    """Choices that the kernel makes by itself; they change its speed and no integer.

    Attributes:
        precision: of the first pass; None for the one that this machine multiplies fastest.
        block: gallery images a block; None for as many as fit into memory.
        threads: None for as many as torch uses.
    """

    precision: Precision | None = None
    block: int | None = None
    threads: int | None = None


@dataclass(frozen=True)
class Settings:
    """How to walk over a gallery.

    Attributes:
        metric: how features are compared.
        machine: the processes, the device and the memory.
        tuning: see there.
        nearest: units in the list of each query; 0 for no lists.
        farthest: whether the lists also find the least similarity of each query.
        by_torch: whether to use a GPU's operations on any device.
        by_numpy: whether NumPy multiplies, without torch.
    """

    metric: Metric = "cosine"
    machine: Machine = field(default_factory=Machine)
    tuning: Tuning = field(default_factory=Tuning)
    nearest: int = 0
    farthest: bool = False
    by_torch: bool = False
    by_numpy: bool = False

    @property
    def euclidean(self) -> bool:
        """Whether features are compared by their distance, not by their direction."""
        return self.metric == "euclidean"
