"""A ResNet with pooling and a batch normalisation behind, which is where three zoos take their features from."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Place = Literal["behind", "before"]
Pool = Literal["avg", "max", "avgmax", "gem"]

SMALLEST = 1e-6
"""What the generalised mean raises smaller values to, as in fast-reid."""

GEM_POWER = 3.0
"""The power of a generalised mean that is not learnt, as in fast-reid."""


class Pooling(nn.Module):
    """Pools maps (n, c, h, w) into (n, c): a mean, a maximum, their sum, or a generalised mean."""

    def __init__(self, kind: Pool, *, learnt: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.p = nn.Parameter(torch.ones(1) * GEM_POWER) if learnt else None

    def forward(self, maps: Tensor) -> Tensor:
        """Return the pooled maps."""
        if self.kind == "gem":
            power = GEM_POWER if self.p is None else self.p
            return maps.clamp(min=SMALLEST).pow(power).mean((2, 3)).pow(1.0 / power)
        if self.kind == "avg":
            return maps.mean((2, 3))
        largest = functional.adaptive_max_pool2d(maps, 1).flatten(1)
        return largest if self.kind == "max" else largest + maps.mean((2, 3))


class Flip(nn.Module):
    """Sums the features of images and of their mirror images, each of its own length."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, d) features."""
        summed: Tensor = self.inner(images) + self.inner(images.flip(3))
        return summed
