"""The usual augmentations of resized uint8 images, composed from torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torchvision import tv_tensors
from torchvision.transforms import v2

MEAN = (0.485, 0.456, 0.406)
"""ImageNet's mean of red, green and blue, 0 to 1."""

STD = (0.229, 0.224, 0.225)
"""ImageNet's standard deviation."""


def augmentation(
    size: tuple[int, int],
    *,
    flip: float = 0.0,
    jitter: float = 0.0,
    pad: int = 0,
    erase: float = 0.0,
    mirrored: Sequence[int] | None = None,
) -> v2.Compose | None:
    """Return the transform of a (3, height, width) uint8 image and its boxes, or None if there is nothing to do.

    Args:
        size: height and width in pixels, of the input and of the output.
        flip: probability of a horizontal flip.
        jitter: brightness, contrast and saturation are scaled by at most 1 +- ``jitter``, and the hue is turned by at
            most half of it (0.1 is the strong-baseline report's 0.1, 0.1, 0.1, 0.05).
        pad: black pixels added on every side before a crop of ``size`` at a random place.
        erase: probability that a rectangle of 2 to 40 % of the image, with a ratio of 0.3 to 1 / 0.3, is painted over
            (Zhong et al., 2020). Open: its colour. Here ImageNet's mean, which is zero after normalisation.
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
        colour = [round(255 * channel) for channel in MEAN]
        steps.append(v2.RandomErasing(erase, scale=(0.02, 0.4), ratio=(0.3, 1 / 0.3), value=colour))
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
