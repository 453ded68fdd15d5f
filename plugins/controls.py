"""Methods without training to compare a result with: chance, the right answer, and colour alone."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from harness.methods.method import Method, Options

WIDTH = 64
"""Width of a random feature: enough that no two have the same direction."""


class SmallImages(Options):
    """Options of controls, which need no details of the image."""

    input_size: int = Field(32, ge=1, description="height and width of the input in pixels")


class Random(Method):
    """Random features seeded by the image's key: the same on every machine, and no better than chance."""

    about = "control: random features, by the image's key alone"
    Options = SmallImages
    control = True
    test_needs = frozenset({"path"})

    def embed(self, images: Tensor, **needed: Any) -> Tensor:  # noqa: ARG002 - the contract
        """Return (n, 64) random features of the paths."""
        return torch.stack([_drawn(path) for path in needed["path"]])


class Oracle(Method):
    """One feature a vehicle, from the test labels: it scores 1.0 under every rule, or the rule is wrong."""

    about = "control: reads the test labels, scores 1.0 everywhere"
    Options = SmallImages
    control = True
    test_needs = frozenset({"vehicle"})

    def embed(self, images: Tensor, **needed: Any) -> Tensor:
        """Return (n, 64) random features of the vehicles."""
        return torch.stack([_drawn(str(vehicle)) for vehicle in needed["vehicle"].tolist()]).to(images.device)


def _drawn(word: str) -> Tensor:
    """Return (64,) float32 from -1 to 1, from the word's SHAKE-256: the same digits everywhere."""
    digits = np.frombuffer(hashlib.shake_256(word.encode()).digest(2 * WIDTH), dtype="<u2")
    return torch.from_numpy(digits.astype(np.float32) / 2**15 - 1)


class ColourHistogramOptions(Options):
    """Options of the colour histogram."""

    bins: int = Field(8, ge=1, le=64, description="bins of each of the three axes")
    space: Literal["rgb", "hsv"] = Field("rgb", description="axes: red, green, blue; or hue, saturation, value")
    input_size: int = Field(64, ge=1, description="height and width of the input in pixels")


class ColourHistogram(Method):
    """The square root of the joint histogram of the colours.

    The cosine of two such features is the Bhattacharyya coefficient of the two histograms.
    """

    about = "control: how often each colour occurs"
    Options = ColourHistogramOptions
    control = True
    options: ColourHistogramOptions

    def embed(self, images: Tensor, **needed: Any) -> Tensor:  # noqa: ARG002 - the contract
        """Return (n, bins ** 3) square roots of the shares of the pixels; their squares sum to 1."""
        axes = hsv(images) if self.options.space == "hsv" else images
        bins = self.options.bins
        cells = (axes * bins).long().clamp(0, bins - 1)  # (n, 3, h, w)
        joint = ((cells[:, 0] * bins + cells[:, 1]) * bins + cells[:, 2]).flatten(1)  # (n, h w)
        counts = torch.zeros(len(images), bins**3, device=images.device)
        counts.scatter_add_(1, joint, torch.ones_like(joint, dtype=counts.dtype))
        return (counts / joint.shape[1]).sqrt()


def hsv(images: Tensor) -> Tensor:
    """Return hue, saturation and value, each 0 to 1, of (n, 3, h, w) RGB (Smith, 1978); grey has hue 0."""
    value, strongest = images.max(1)
    chroma = value - images.amin(1)
    red, green, blue = images.unbind(1)
    spread = chroma.clamp(min=torch.finfo(images.dtype).tiny)
    sextants = torch.stack(((green - blue) / spread, 2 + (blue - red) / spread, 4 + (red - green) / spread), dim=1)
    hue = sextants.gather(1, strongest.unsqueeze(1)).squeeze(1) / 6 % 1.0
    saturation = chroma / value.clamp(min=torch.finfo(images.dtype).tiny)
    return torch.stack((hue, saturation, value), dim=1)
