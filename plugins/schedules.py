"""Learning rates as a function of the time in epochs: a linear warm-up, then steps, a cosine, a power or nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def _split(value: object) -> object:
    return [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Milestones = Annotated[tuple[int, ...], BeforeValidator(_split)]
"""Epochs, on the command line as ``40,70``."""


@dataclass(frozen=True)
class Schedule:
    """What the learning rate is multiplied by.

    Attributes:
        kind: ``steps`` multiplies by ``decay`` at each milestone, ``exponential`` after every epoch, ``cosine`` falls
            to zero at the end.
        epochs: length of the training.
        warm_up: epochs over which the factor grows linearly from ``warm_up_from`` to 1.
        warm_up_from: the factor of the first step.
        milestones: finished epochs after which the factor falls.
        decay: what it falls by.
    """

    kind: Literal["steps", "exponential", "cosine", "constant"] = "constant"
    epochs: float = 1.0
    warm_up: float = 0.0
    warm_up_from: float = 0.01
    milestones: tuple[float, ...] = ()
    decay: float = 0.1

    def factor(self, time: float) -> float:
        """Return the factor after ``time`` finished epochs (0 for the first step)."""
        rise = 1.0
        if time < self.warm_up:
            rise = self.warm_up_from + (1 - self.warm_up_from) * time / self.warm_up
        if self.kind == "steps":
            return rise * self.decay ** sum(milestone <= time for milestone in self.milestones)
        if self.kind == "exponential":
            return rise * math.pow(self.decay, time)
        if self.kind == "cosine" and time > self.warm_up:
            progress = (time - self.warm_up) / (self.epochs - self.warm_up)
            return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        return rise

    @property
    def advance(self) -> Literal["epoch", "step"]:
        """How a stage advances it: a cosine with every step, the others with every epoch, as published."""
        return "step" if self.kind == "cosine" else "epoch"

    def attach(self, optimiser: Optimizer, steps: int) -> LambdaLR:
        """Return torch's scheduler of this schedule, for a stage with that many steps an epoch."""
        per_epoch = steps if self.advance == "step" else 1
        return LambdaLR(optimiser, lambda count: self.factor(count / per_epoch))
