"""The contract of a corruption: a class that spoils one picture at five severities."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from harness.basics.seeds import Chance
from harness.errors import PluginError, UsageError

Pixels = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True, eq=False)
class Scene:
    """One decoded picture at its own size, before it is resized.

    Attributes:
        pixels: (height, width, 3) uint8 RGB, which cannot be written to.
        parts: the boxes of vehicle parts by the name of their class, (m, 4) float32: x0, y0, x1, y1 in pixels; empty if
            no boxes are known, or the corruption does not ask for them.
    """

    pixels: Pixels
    parts: Mapping[str, FloatArray] = field(default_factory=dict)


class Corruption:
    """Spoils one picture at five severities; subclass it, and register it with ``bench_register_corruptions``.

    To be the same bytes on every machine, it computes in whole numbers or in float64 in a fixed order, and uses no
    function whose rounding differs between versions, such as ``exp``, ``sin`` or a library's filter.

    Attributes:
        version: increase it when the pictures change without a change of the source code.
        about: one sentence for listings: what it imitates.
        source: the paper, standard or data that it follows, and what is our own.
        levels: five mappings, the parameters at severities 1 to 5, as whole numbers.
        uses_parts: whether it looks at the boxes of parts, if there are some.
    """

    version: ClassVar[int] = 1
    about: ClassVar[str] = ""
    source: ClassVar[str] = ""
    levels: ClassVar[tuple[Mapping[str, int], ...]] = ()
    uses_parts: ClassVar[bool] = False

    @abstractmethod
    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:
        """Return the spoilt picture.

        Args:
            scene: the picture.
            level: the parameters of the severity, one of ``levels``.
            chance: the random numbers of this picture at this severity: ``between``, ``picks`` and ``normal``.

        Returns:
            (height, width, 3) uint8, of the picture's own size.
        """


def check_severity(severity: object) -> int:
    """Return a severity, or raise a UsageError if it is no whole number from 1 to 5."""
    if severity not in SEVERITIES or not isinstance(severity, int) or isinstance(severity, bool):
        raise UsageError(
            "a severity is out of range",
            found=severity if severity != "" else "nothing",
            expected="whole numbers from 1 to 5, such as --severities 1,3,5",
            next_step="leave 0 out: every table begins with the clean pictures" if severity in (0, "0") else None,
        )
    return severity


def checked(name: str, found: type[Corruption]) -> Corruption:
    """Return a corruption of a class, set up, or raise a PluginError that names what it lacks."""
    try:
        corruption = found()
        levels = tuple(dict(level) for level in corruption.levels)
    except Exception as problem:
        text = f"{type(problem).__name__}: {problem}"
        raise PluginError(f"corruption '{name}' could not be set up", found=text) from problem
    whole = all(isinstance(key, str) and type(value) is int for level in levels for key, value in level.items())
    if len(levels) != len(SEVERITIES) or not whole:
        raise PluginError(
            f"corruption '{name}' has no five severities",
            where=f"{found.__qualname__}.levels",
            found=f"{len(levels)} levels" if whole else "values that are not whole numbers",
            expected="five mappings from words to whole numbers, for severities 1 to 5",
        )
    return corruption


def parameters(level: Mapping[str, int]) -> str:
    """Return the parameters of a severity in words.

    Example:
        >>> parameters({"quality": 25, "length_permille": 40})
        'quality 25, length 40 ‰'
    """
    return ", ".join(
        f"{word.removesuffix('_permille').replace('_', ' ')} {value}{' ‰' if word.endswith('_permille') else ''}"
        for word, value in level.items()
    )
