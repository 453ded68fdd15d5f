"""What a released network expects of its pixels: range, mean and deviation, order of the colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from harness.methods.method import Options
from plugins.layers.augment import MEAN, STD

Three = tuple[float, float, float]
Channels = Literal["rgb", "bgr"]

KNOWN: dict[str, tuple[Three, Three]] = {
    "imagenet": (MEAN, STD),
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""Means and deviations of the colours, 0 to 1, by name: of ImageNet, of CLIP (Radford et al., 2021), and 0.5."""


def _three(which: int) -> Callable[[object], object]:
    """Return a reader of ``imagenet``, ``0.5`` and ``0.5,0.4,0.3``; ``which`` is 0 for means, 1 for deviations."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        if value in KNOWN:
            return KNOWN[value][which]
        parts = [part.strip() for part in value.split(",")]
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        if len(numbers) not in (1, 3):
            raise ValueError(f"{', '.join(KNOWN)}, one number or three")
        return tuple(numbers * (3 // len(numbers)))

    return read


Mean = Annotated[tuple[float, float, float], BeforeValidator(_three(0))]
Positive = Annotated[float, Field(gt=0)]
Deviation = Annotated[tuple[Positive, Positive, Positive], BeforeValidator(_three(1))]


class PixelOptions(Options):
    """The options of the pixels; the defaults suit a network with its own normalisation inside."""

    mean: Mean = Field(
        (0.0, 0.0, 0.0),
        description="subtracted from red, green and blue, 0 to 1: imagenet, clip, half, a number or three",
    )
    deviation: Deviation = Field(
        (1.0, 1.0, 1.0), description="then divided by, in the same words: imagenet, clip, half, a number or three"
    )
    channels: Channels = Field("rgb", description="order of the colours that the network expects")


class Pixels(nn.Module):
    """From RGB, 0 to 1, to what a network expects."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, options: PixelOptions, *, scale: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(options.mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(options.deviation).view(1, 3, 1, 1))
        self.plain = not any(options.mean) and set(options.deviation) == {1.0}
        self.bgr = options.channels == "bgr"
        self.scale = scale

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, 3, h, w), normalised, times the scale, in the network's order of the colours."""
        if not self.plain:  # x - 0 and x / 1 change nothing, but cost two passes
            images = (images - self.mean) / self.deviation
        if self.scale != 1.0:
            images = images * self.scale
        return images.flip(1) if self.bgr else images
