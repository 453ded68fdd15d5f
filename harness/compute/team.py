"""Several processes, each with a shard of the gallery: counts add up, and the error of one is the error of all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness import errors
from harness.errors import BenchError, RunError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Team(ABC):
    """The processes that rank together; each makes the same calls in the same order.

    Attributes:
        index: this process's number, from 0.
        count: the number of processes.
    """

    index: int
    count: int
    _blocks = 0
    _ended = False

    @abstractmethod
    def _added(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the sum of every process's array."""

    @abstractmethod
    def _heard(self, error: BenchError | None, speaker: int) -> BenchError:
        """Return the error of the process ``speaker``."""

    def total(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the sum of every process's array of the same shape, int64 or float64.

        Raises:
            BenchError: inside ``together``, the error of another process.
        """
        if self._blocks:
            self._meet(None)
        return self._added(values)

    def least(self, value: int) -> int:
        """Return the least of every process's number."""
        return int(self.total(self._own(value)).min())

    def as_first(self, answer: bool) -> bool:
        """Return what the first process answers."""
        return bool(self.total(self._own(int(answer)))[0])

    @contextmanager
    def together(self) -> Iterator[None]:
        """Raise in every process what the block raises in any of them, so that none waits for one that is gone.

        Blocks may be nested. A process that fails says so when the others next add up or leave the block.

        Raises:
            BenchError: the error of the first process that has one; it is ``told`` in all processes but the first.
        """
        self._blocks += 1
        try:
            yield
            self._meet(None)
        except Exception as error:
            if not self._ended:
                self._meet(error)
            raise
        finally:
            self._blocks -= 1
            self._ended = self._ended and self._blocks > 0

    def _own(self, value: int) -> npt.NDArray[np.int64]:
        """Return (count,) zeros but for this process's value."""
        return np.where(np.arange(self.count) == self.index, value, 0)

    def _meet(self, error: Exception | None) -> None:
        """Hear whether any process has failed; return to the first that has, raise in the others."""
        if self.count == 1:
            return
        failed = np.flatnonzero(self._added(self._own(int(error is not None))))
        if not len(failed):
            return
        self._ended = True
        speaker = int(failed[0])
        heard = self._heard(None if error is None else _sent(error, self.index), speaker)
        said = error if speaker == self.index and error is not None else heard
        if isinstance(said, BenchError):
            said.told = self.index > 0
        if said is not error:
            raise said from error


class Alone(Team):
    """A team of one."""

    index = 0
    count = 1

    def _added(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values

    def _heard(self, error: BenchError | None, speaker: int) -> BenchError:
        raise NotImplementedError("nobody else speaks")


class Processes(Team):
    """The processes of a launched lightning-fabric, over gloo or nccl.

    Args:
        fabric: launched.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.index = fabric.global_rank
        self.count = fabric.world_size

    def _added(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(values)).to(self.fabric.device)
        result = self.fabric.all_reduce(tensor, reduce_op="sum")
        return np.asarray(result.cpu().numpy())  # type: ignore[union-attr]  # a tensor goes in, a tensor comes out

    def _heard(self, error: BenchError | None, speaker: int) -> BenchError:
        heard: BenchError = self.fabric.broadcast(error, src=speaker)  # type: ignore[assignment]  # the speaker has one
        return heard


def _sent(error: Exception, index: int) -> BenchError:
    """Return an error as words alone, which any process can read."""
    if not isinstance(error, BenchError):
        return RunError(
            "one of the processes failed", where=f"process {index}", found=f"{type(error).__name__}: {error}"
        )
    kind = next(kind for kind in type(error).__mro__ if vars(errors).get(kind.__name__) is kind)
    parts = {name: getattr(error, name) for name in ("where", "found", "expected", "next_step")}
    said: BenchError = kind(error.what, **{name: None if part is None else str(part) for name, part in parts.items()})
    return said


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
