"""Learning rates over time: a linear warm-up, followed by steps, a cosine, an exponential decay or a constant."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from harness.methods.batches import Batches
from harness.methods.network import Stage

Optimiser = Callable[[nn.Module], Optimizer | Sequence[Optimizer]]
Augment = Callable[..., Any] | None


def split_words(value: object) -> object:
    """Return the words of a text with commas, for a validator; any other value is returned as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Milestones = Annotated[tuple[int, ...], BeforeValidator(split_words)]
"""Epochs, on the command line ``40,70``."""


@dataclass(frozen=True)
class Schedule:
    """A factor of the learning rate, as a function of the time in epochs or in iterations.

    Attributes:
        kind: ``steps`` multiplies by ``decay`` at each milestone, ``exponential`` after every unit, ``cosine`` falls
            to zero at the end.
        length: length of the training.
        warm_up: time over which the factor grows linearly from ``warm_up_from`` to 1.
        warm_up_from: the factor at time 0. With ``first`` = 1 no epoch has it, since epoch 1 is already above it.
        milestones: times from which on the factor is multiplied by ``decay``.
        decay: see ``kind``.
        unit: of all times.
        first: the time of the first epoch or iteration: 0, or 1 in releases that count epochs from 1.
    """

    kind: Literal["steps", "exponential", "cosine", "constant"] = "constant"
    length: int = 1
    warm_up: float = 0.0
    warm_up_from: float = 0.01
    milestones: tuple[float, ...] = ()
    decay: float = 0.1
    unit: Literal["epoch", "iteration"] = "epoch"
    first: Literal[0, 1] = 0

    def factor(self, time: float) -> float:
        """Return the factor at a time."""
        rise = 1.0
        if time < self.warm_up:
            rise = self.warm_up_from + (1 - self.warm_up_from) * time / self.warm_up
        if self.kind == "steps":
            return rise * self.decay ** sum(milestone <= time for milestone in self.milestones)
        if self.kind == "exponential":
            return rise * math.pow(self.decay, time)
        if self.kind == "cosine" and time > self.warm_up:
            progress = (time - self.warm_up) / (self.length - self.warm_up)
            return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        return rise

    @property
    def advance(self) -> Literal["epoch", "step"]:
        """When a stage advances it: a cosine or one in iterations after every step, all others after every epoch."""
        return "step" if self.kind == "cosine" or self.unit == "iteration" else "epoch"

    def attach(self, optimiser: Optimizer, steps: int) -> LambdaLR:
        """Return this schedule as a torch scheduler, for ``steps`` steps an epoch."""
        per_unit = steps if self.advance == "step" and self.unit == "epoch" else 1
        return LambdaLR(optimiser, lambda count: self.factor(count / per_unit + self.first))

    def stage(self, name: str, batches: Batches, optimiser: Optimiser, augment: Augment = None, **rest: Any) -> Stage:
        """Return a stage of the schedule's length; ``rest`` is its settings."""
        by_epoch = self.unit == "epoch"
        return Stage(
            name,
            self.length if by_epoch else None,
            batches,
            optimiser,
            augment,
            self.attach,
            self.advance,
            rest,
            iterations=None if by_epoch else self.length,
        )
