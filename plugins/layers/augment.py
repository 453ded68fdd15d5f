"""The usual augmentations of resized uint8 images, composed from torchvision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

MEAN = (0.485, 0.456, 0.406)
"""ImageNet's mean of red, green and blue, 0 to 1."""

STD = (0.229, 0.224, 0.225)
"""ImageNet's standard deviation."""


TRIES = 100
"""Rectangles drawn until one fits into the image; nearly always the first one does."""


@dataclass(frozen=True)
class Erasing:
    """How a rectangle of 2 to 40 % of the image is painted over (Zhong et al., 2020).

    Attributes:
        colour: of red, green and blue after normalisation. The augmentation sees the image before, as uint8, and paints
            the colour that normalisation turns into this one, to the nearest of 256 steps.
        ratios: the smallest and the largest height / width.
        uniform: the ratio itself is drawn uniformly, not its logarithm.
    """

    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ratios: tuple[float, float] = (0.3, 1 / 0.3)
    uniform: bool = False

    @property
    def painted(self) -> list[int]:
        """The colour of the uint8 image, 0 to 255."""
        return [round(255 * (mean + std * value)) for mean, std, value in zip(MEAN, STD, self.colour, strict=True)]

    def transform(self, probability: float) -> v2.Transform:
        """Return the transform that paints over an image with some probability."""
        kind = _UniformErasing if self.uniform else v2.RandomErasing
        return kind(probability, scale=(0.02, 0.4), ratio=self.ratios, value=self.painted)


MEAN_ERASING = Erasing()
"""That of the strong baseline: it paints ImageNet's mean, which is zero after normalisation.

The colour and the drawing of the ratio are choices of this harness (open)."""

PGAN_ERASING = Erasing(colour=MEAN, ratios=(0.3, 3.3), uniform=True)
"""That of PGAN's released recipe (R): it paints ImageNet's mean after the normalisation, so a lighter grey."""


def augmentation(
    size: tuple[int, int],
    *,
    flip: float = 0.0,
    jitter: float = 0.0,
    pad: int = 0,
    erase: float = 0.0,
    erasing: Erasing = MEAN_ERASING,
    mirrored: Sequence[int] | None = None,
) -> v2.Compose | None:
    """Return the transform of a (3, height, width) uint8 image and its boxes, or None if there is nothing to do.

    Args:
        size: height and width in pixels, of the input and of the output.
        flip: probability of a horizontal flip.
        jitter: brightness, contrast and saturation are scaled by at most 1 +- ``jitter``, and the hue is turned by at
            most half of it (0.1 is the strong-baseline report's 0.1, 0.1, 0.1, 0.05).
        pad: black pixels added on every side before a crop of ``size`` at a random place.
        erase: probability of random erasing.
        erasing: how it paints.
        mirrored: new order of the rows of boxes after a flip, for images that all have the same rows: the row of a left
            part is then again that of the part on the left.
    """
    steps: list[v2.Transform] = []
    if flip:
        steps.append(v2.RandomHorizontalFlip(flip) if mirrored is None else _Mirror(flip, mirrored))
    if jitter:
        steps.append(v2.ColorJitter(jitter, jitter, jitter, jitter / 2))
    if pad:
        steps.append(v2.RandomCrop(size, padding=pad))
    if erase:
        steps.append(erasing.transform(erase))
    return v2.Compose(steps) if steps else None


class _Mirror(v2.RandomHorizontalFlip):  # type: ignore[misc]  # torchvision has no types
    """A flip that also reorders the rows of boxes."""

    def __init__(self, p: float, order: Sequence[int]) -> None:
        super().__init__(p)
        self.order = list(order)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Return the mirrored image, or the mirrored boxes (m, 4) in their new order."""
        flipped = super().transform(inpt, params)
        if isinstance(inpt, tv_tensors.BoundingBoxes):
            return tv_tensors.wrap(flipped[self.order], like=flipped)
        return flipped


class _UniformErasing(v2.RandomErasing):  # type: ignore[misc]  # torchvision has no types
    """Random erasing whose ratio is drawn uniformly; torchvision draws the logarithm of the ratio uniformly."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Return the corner, the sides and the colour of a rectangle that is smaller than the image both ways."""
        height, width = v2.query_size(flat_inputs)
        for _ in range(TRIES):
            area = height * width * _uniform(*self.scale)
            ratio = _uniform(*self.ratio)
            h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if h < height and w < width:
                i, j = (int(torch.randint(free + 1, ())) for free in (height - h, width - w))
                return {"i": i, "j": j, "h": h, "w": w, "v": torch.tensor(self.value)[:, None, None]}
        return {"i": 0, "j": 0, "h": 0, "w": 0, "v": None}  # as torchvision says that nothing is erased


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * torch.rand(()).item()
