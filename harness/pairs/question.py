"""What is asked of some features: which rates, which thresholds, which vehicles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from harness.compute.machine import Machine
from harness.errors import UsageError
from harness.features.metric import Metric, check_metric
from harness.pairs.rates import rates

FARS = ("0.1", "0.01", "0.001", "0.0001")
FPIRS = ("0.1", "0.01")


@dataclass(frozen=True)
class Question:
    """A question about one task.

    Attributes:
        far: the rates at which the true accept rate is wanted.
        fpir: the rates at which FNIR is wanted; without any, and without ``unknown``, no open-set question is asked.
        unknown: the share of the vehicles to leave out of the gallery for the open-set question, or None for the
            queries of the task that have no right answer.
        held_out: the share of the training vehicles to ask about instead of the task's, or None.
        seed: of the vehicles left out and of those held out.
        areas: whether the areas under the curves are wanted, which need a slower pass.
        threshold_from: a result whose thresholds and calibration are to be used.
        metric: how features are compared, or None for the features' own way.
        skip_missing: leave out images that have no feature.
        machine: the processes and the memory.

    Raises:
        UsageError: a rate or a share is out of range.
    """

    far: Sequence[str | float] = FARS
    fpir: Sequence[str | float] = ()
    unknown: float | None = None
    held_out: float | None = None
    seed: int = 0
    areas: bool = True
    threshold_from: Path | None = None
    metric: Metric | None = None
    skip_missing: bool = False
    machine: Machine = field(default_factory=Machine)

    def __post_init__(self) -> None:
        if self.metric is not None:
            check_metric(self.metric)
        _check_share("unknown", self.unknown, whole=False)
        _check_share("held_out", self.held_out, whole=True)
        if self.held_out is not None and self.open_set:
            raise UsageError(
                "an open-set question is asked about the test, not about held-out training vehicles",
                next_step="ask the two questions one after the other; --threshold-from carries thresholds over",
            )
        rates((*self.far, *self.fpir))
        if not 0 <= self.seed < 2**31:
            raise UsageError("the seed is out of range", found=self.seed, expected="0 to 2147483647")

    @cached_property
    def fars(self) -> tuple[str, ...]:
        """The rates of ``far``, the greatest first."""
        return rates(self.far)

    @cached_property
    def fpirs(self) -> tuple[str, ...]:
        """The rates of ``fpir``, or those that are usual if vehicles are left out."""
        return rates(self.fpir or (FPIRS if self.unknown is not None else ()))

    @property
    def open_set(self) -> bool:
        """Whether the open-set question is asked."""
        return bool(self.fpir) or self.unknown is not None


def _check_share(name: str, share: float | None, *, whole: bool) -> None:
    if share is not None and not (0 < share < 1 or (whole and share == 1)):
        expected = "more than 0 and " + ("at most 1" if whole else "less than 1")
        raise UsageError(
            f"the share of {name.replace('_', '-')} vehicles is out of range", found=share, expected=expected
        )
