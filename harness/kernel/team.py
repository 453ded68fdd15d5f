"""Several processes, each with a shard of the gallery; their counts add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Team(Protocol):
    """The processes that rank together; each calls ``rank`` with the same arguments."""

    @property
    def index(self) -> int:
        """This process's number, from 0."""

    @property
    def count(self) -> int:
        """The number of processes."""

    def total(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the sum of every process's array of the same shape, int64 or float64."""


class Alone:
    """A team of one."""

    index = 0
    count = 1

    def total(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the array."""
        return values


class Processes:
    """The processes of a launched lightning-fabric, over gloo or nccl.

    Args:
        fabric: launched.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.index: int = fabric.global_rank
        self.count: int = fabric.world_size

    def total(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the sum over the processes."""
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(values)).to(self.fabric.device)
        result = self.fabric.all_reduce(tensor, reduce_op="sum")
        return np.asarray(result.cpu().numpy())  # type: ignore[union-attr]  # a tensor goes in, a tensor comes out


def shard(weights: npt.NDArray[np.int64], index: int, count: int) -> tuple[int, int]:
    """Return the units of one process, so that all have about as many images.

    Args:
        weights: (u + 1,) where the images of each unit start.
        index: of the process.
        count: of processes.
    """
    edges = np.searchsorted(weights, np.linspace(0, weights[-1], count + 1), side="left")
    edges[0], edges[-1] = 0, len(weights) - 1
    return int(edges[index]), int(max(edges[index + 1], edges[index]))
