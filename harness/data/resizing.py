"""How a picture of any shape becomes one of a given size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from harness.errors import PluginError

if TYPE_CHECKING:
    from PIL.Image import Image

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]


@dataclass(frozen=True)
class Resizing:
    """The way to a size: the whole picture stretched to it, or what remains of it after a crop.

    Attributes:
        interpolation: of the pixels, all but ``nearest`` with antialiasing.
        keep_ratio: scale until the shorter side fits and cut off both ends of the longer one, instead of stretching.
        share: the share of each side that remains of the scaled picture, around its centre; 1 keeps all.
        round_down: a corner between two pixels moves to the upper left, as in transformers; else to the even one of
            the two, as in torchvision.

    Raises:
        PluginError: one of them is not one of these words or numbers.

    Example:
        >>> str(Resizing("bicubic", keep_ratio=True, share=0.875))
        'bicubic, shape kept, the middle 0.875'
    """

    interpolation: Interpolation = "bilinear"
    keep_ratio: bool = False
    share: float = 1.0
    round_down: bool = False

    def __post_init__(self) -> None:
        if self.interpolation not in get_args(Interpolation) or not 0 < self.share <= 1:
            raise PluginError(
                "pictures cannot be resized like this",
                found=f"interpolation {self.interpolation!r}, share {self.share!r}",
                expected=f"{', '.join(get_args(Interpolation))}; a share above 0, at most 1",
            )

    @property
    def moves_boxes(self) -> bool:
        """Whether a box of the picture is not at the same share of the sides afterwards."""
        return self.keep_ratio or self.share < 1

    def __str__(self) -> str:
        """Return it in a few words; empty for the default."""
        if self == Resizing():
            return ""
        words: list[str] = [self.interpolation]
        if self.keep_ratio:
            words.append("shape kept")
        if self.share < 1:
            words.append(f"the middle {self.share:g}")
        if self.round_down:
            words.append("rounded down")
        return ", ".join(words)

    def __call__(self, image: Image, size: tuple[int, int]) -> Image:
        """Return an image of this size, height and width in pixels."""
        from PIL.Image import Resampling

        scaled = self.scaled(image.size, size)
        resized = image.resize(scaled, Resampling[self.interpolation.upper()])
        if not self.moves_boxes:
            return resized
        left, top = (self._half(own - wanted) for own, wanted in zip(scaled, size[::-1], strict=True))
        return resized.crop((left, top, left + size[1], top + size[0]))

    def _half(self, pixels: int) -> int:
        return pixels // 2 if self.round_down else round(pixels / 2)

    def scaled(self, own: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
        """Return width and height before the crop; rounded down, as torchvision and timm do.

        Args:
            own: width and height of the picture.
            size: height and width after the crop.
        """
        width, height = int(size[1] / self.share), int(size[0] / self.share)
        if not self.keep_ratio:
            return width, height
        # Integers where they are exact: 64 * 100 / 100 must not become 63.
        if own[0] * height <= own[1] * width:
            return width, max(height, width * own[1] // own[0])
        return max(width, height * own[0] // own[1]), height


STRETCHED = Resizing()
"""The default: the whole picture, stretched bilinearly with antialiasing."""
