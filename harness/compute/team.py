"""Several processes, each with a shard of the gallery: counts are summed, and an error in one process ends all."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness import errors
from harness.basics.digests import canonical_json
from harness.errors import BenchError, RunError, UsageError, first_of

if TYPE_CHECKING:
    from lightning_fabric import Fabric


SHOWN = 40
"""Letters of a fact that a message shows; of anything longer, such as a digest, it shows the first twelve."""


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
    def _summed(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the sum of every process's array."""

    @abstractmethod
    def _error_of(self, error: BenchError | None, source: int) -> BenchError:
        """Return the error of process ``source``."""

    def total(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the sum of every process's array of the same shape, int64 or float64.

        Raises:
            BenchError: inside ``together``, the error of another process.
        """
        if self._blocks:
            self._raise_any(None)
        return self._summed(values)

    def least(self, value: int) -> int:
        """Return the smallest of all processes' numbers."""
        return int(self.total(self._own(value)).min())

    def as_first(self, answer: bool) -> bool:
        """Return the answer of the first process."""
        return bool(self.total(self._own(int(answer)))[0])

    def agree(self, facts: Mapping[str, object]) -> None:
        """Refuse to go on unless all processes give the same facts: otherwise their sum would be nobody's number.

        Equal facts cost one sum of 32 numbers for each process.

        Args:
            facts: JSON values by what they are in words, such as ``{"features": "3f0c...", "metric": "cosine"}``.

        Raises:
            UsageError: in every process, if the facts of one differ; it names the process and what differs.
        """
        if self.count == 1:
            return
        texts = {name: canonical_json(value) for name, value in facts.items()}
        stated = canonical_json(texts).encode()
        digests = self._of_all(np.frombuffer(hashlib.sha256(stated).digest(), np.uint8))
        kinds = Counter(row.tobytes() for row in digests)
        if len(kinds) == 1:
            return
        usual = kinds.most_common(1)[0][0]  # the first of several as common
        size = max(self.total(self._own(len(stated))).tolist())
        every = self._of_all(np.frombuffer(stated.ljust(size), np.uint8))
        raised = _disagreement(
            [json.loads(row.astype(np.uint8).tobytes()) for row in every], [row.tobytes() == usual for row in digests]
        )
        raised.reported = self.index > 0
        raise raised

    def _of_all(self, row: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Return (count, n): the row of each process, (n,)."""
        rows = np.zeros((self.count, len(row)), np.int64)
        rows[self.index] = row
        return self.total(rows)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Raise an error of one process in all of them, so none waits for a process that has ended.

        Blocks may be nested. The others receive the error at their next sum, or at the end of the block.

        Raises:
            BenchError: the error of the first process that has one; all processes but the first mark it ``reported``.
        """
        self._blocks += 1
        try:
            yield
            self._raise_any(None)
        except Exception as error:
            if not self._ended:
                self._raise_any(error)
            raise
        finally:
            self._blocks -= 1
            self._ended = self._ended and self._blocks > 0

    def _own(self, value: int) -> npt.NDArray[np.int64]:
        """Return (count,) zeros except for this process's value."""
        return np.where(np.arange(self.count) == self.index, value, 0)

    def _raise_any(self, error: Exception | None) -> None:
        """Raise the error of the first process that failed, if any did; that process raises its own."""
        failed = np.flatnonzero(self._summed(self._own(int(error is not None))))
        if not len(failed):
            return
        self._ended = True
        source = int(failed[0])
        received = self._error_of(None if error is None else _as_text(error, self.index), source)
        raised = error if source == self.index and error is not None else received
        if isinstance(raised, BenchError):
            raised.reported = self.index > 0
        if raised is not error:
            raise raised from error


class Alone(Team):
    """A team of one process."""

    index = 0
    count = 1

    def _summed(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values

    def _error_of(self, error: BenchError | None, source: int) -> BenchError:  # noqa: ARG002 - there is only one
        assert error is not None, "the only process is the one that failed"  # noqa: S101 - for the type checker
        return error


class Processes(Team):
    """The processes of a launched lightning-fabric, over gloo or nccl."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.index = fabric.global_rank
        self.count = fabric.world_size

    def _summed(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(values)).to(self.fabric.device)
        result = self.fabric.all_reduce(tensor, reduce_op="sum")
        return np.asarray(result.cpu().numpy())  # type: ignore[union-attr]  # a tensor for a tensor

    def _error_of(self, error: BenchError | None, source: int) -> BenchError:
        received: BenchError = self.fabric.broadcast(error, src=source)  # type: ignore[assignment]  # the source has one
        return received


def _as_text(error: Exception, index: int) -> BenchError:
    """Return an error with its parts as text, which any process can unpickle."""
    if not isinstance(error, BenchError):
        return RunError(
            "one of the processes failed", where=f"process {index}", found=f"{type(error).__name__}: {error}"
        )
    kind = next(kind for kind in type(error).__mro__ if vars(errors).get(kind.__name__) is kind)
    parts = {name: getattr(error, name) for name in ("where", "found", "expected", "next_step")}
    raised: BenchError = kind(error.what, **{name: None if part is None else str(part) for name, part in parts.items()})
    return raised


def _disagreement(facts: list[dict[str, str]], usual: list[bool]) -> UsageError:
    """Return the error for processes whose facts differ, by the facts of each and whether they are the usual ones."""
    base, other = usual.index(True), usual.index(False)
    odd = [index for index, one in enumerate(usual) if not one]
    names = [name for name in {**facts[base], **facts[other]} if facts[base].get(name) != facts[other].get(name)]

    def stated(process: int) -> str:
        return f"{first_of((f'{name} {_shown(facts[process].get(name))}' for name in names), 6)} in process {process}"

    return UsageError(
        "the processes do not work on the same thing",
        where=f"process {first_of(odd)} of {len(facts)}, counted from 0",
        found=stated(other),
        expected=stated(base),
        next_step="give every process the same command, code and package versions, and the same content of all files",
    )


def _shown(fact: str | None) -> str:
    """Return a fact for a message."""
    if fact is None:
        return "(none)"
    value = json.loads(fact)
    text = value if isinstance(value, str) else fact
    return text if len(text) <= SHOWN else f"{text[:12]}..."


def team_of(fabric: Fabric) -> Team:
    """Return the processes of a launched lightning-fabric."""
    return Processes(fabric) if fabric.world_size > 1 else Alone()


def shard(weights: npt.NDArray[np.int64], index: int, count: int) -> tuple[int, int]:
    """Return the first unit and the end of one process's share; all shares have about as many images.

    ``weights`` (u + 1,) are the starts of the units' images.
    """
    edges = np.searchsorted(weights, np.linspace(0, weights[-1], count + 1), side="left")
    edges[0], edges[-1] = 0, len(weights) - 1
    return int(edges[index]), int(max(edges[index + 1], edges[index]))
