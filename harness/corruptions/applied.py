"""A corruption at one severity, as the workers that decode pictures apply it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.basics.seeds import Chance
from harness.corruptions.corruption import Corruption, FloatArray, Pixels, Scene, check_severity
from harness.errors import BenchError, PluginError, in_one_line

if TYPE_CHECKING:
    from harness.boxes import Boxes

PROBE_KEY = "probe"
"""The image key of the fixed picture."""


@dataclass(frozen=True, eq=False)
class Applied:
    """One corruption at one severity; called with an image's key and pixels, it returns other pixels.

    What it draws at random follows from (seed, name, severity, key) alone, so that neither the order of images nor the
    process matters.

    Attributes:
        name: the name that the corruption is registered under.
        corruption: what spoils the picture.
        severity: 1 to 5.
        seed: of the suite.
        parts: boxes of parts by key, or None.

    Raises:
        UsageError: the severity is out of range.
    """

    name: str
    corruption: Corruption
    severity: int
    seed: int = 0
    parts: Boxes | None = None

    def __post_init__(self) -> None:
        check_severity(self.severity)

    def __call__(self, key: str, pixels: Pixels) -> Pixels:
        """Return the spoilt picture.

        Args:
            key: of the image.
            pixels: (height, width, 3) uint8.

        Returns:
            (height, width, 3) uint8 of the same size.

        Raises:
            PluginError: the corruption raised an exception, or returned something else.
        """
        given = pixels.view()
        given.flags.writeable = False
        level = self.corruption.levels[self.severity - 1]
        chance = Chance(self.seed, "corrupt", self.name, self.severity, key)
        try:
            found = self.corruption.corrupt(Scene(given, self._parts(key, pixels)), level, chance)
        except BenchError:
            raise
        except Exception as problem:
            raise self._broken("failed", key, in_one_line(problem, named=True), None) from problem
        same = isinstance(found, np.ndarray) and found.dtype == np.uint8 and found.shape == pixels.shape
        if not same:
            shown = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
            raise self._broken("returned another kind of picture", key, shown, f"uint8 {pixels.shape}")
        return found

    def _parts(self, key: str, pixels: Pixels) -> dict[str, FloatArray]:
        if self.parts is None or not self.corruption.uses_parts:
            return {}
        rows = self.parts.of(key, (pixels.shape[0], pixels.shape[1]))
        return {name: rows[rows[:, 0] == number][:, 2:] for number, name in sorted(self.parts.names.items())}

    def _broken(self, what: str, key: str, found: str, expected: str | None) -> PluginError:
        return PluginError(
            f"corruption '{self.name}' {what}",
            where=f"severity {self.severity}, image {key}",
            found=found,
            expected=expected,
            next_step="correct the plugin, or leave it out with --corruptions",
        )

    @property
    def digest(self) -> str:
        """The SHA-256 of the fixed picture as this corruption spoils it, without boxes: 64 hexadecimal digits.

        Two machines with the same digest spoil all pictures alike that they decode alike.
        """
        plain = Applied(self.name, self.corruption, self.severity, self.seed)
        return hashlib.sha256(np.ascontiguousarray(plain(PROBE_KEY, probe())).tobytes()).hexdigest()


def probe() -> Pixels:
    """Return the fixed picture, (96, 128, 3) uint8: a drawn car before a wall and a road, in whole numbers."""
    rows, columns = np.mgrid[0:96, 0:128].astype(np.int64)
    texture = (rows * 7 + columns * 13 + rows * columns) % 23
    pixels = np.stack([90 + rows // 2 + texture, 110 + columns // 4 + texture, 150 - rows // 2 + texture], axis=2)
    pixels[70:] = (70 + texture[70:, :, None]) * np.array([3, 3, 4]) // 4

    def paint(top: int, bottom: int, left: int, right: int, colour: tuple[int, int, int]) -> None:
        shade = (rows[top:bottom, left:right, None] - top) * 20 // (bottom - top)
        pixels[top:bottom, left:right] = np.array(colour) - shade

    paint(30, 52, 36, 92, (175, 40, 38))  # the roof
    paint(34, 50, 42, 86, (120, 150, 170))  # its window
    paint(50, 76, 22, 106, (190, 48, 44))  # the body
    paint(56, 62, 26, 38, (250, 245, 220))
    paint(56, 62, 90, 102, (250, 245, 220))
    paint(66, 72, 54, 74, (240, 240, 235))  # the plate
    pixels[68:70, 56:72:3] = 30
    for middle in (36, 92):
        disc = (rows - 76) ** 2 + (columns - middle) ** 2
        pixels[disc < 81] = 25
        pixels[disc < 25] = 160
    return pixels.astype(np.uint8)
