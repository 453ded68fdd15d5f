"""The contract of a layout: the folders and lists of a data set, which synthetic vehicles can be drawn in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, TypedDict, Unpack

from harness.basics.progress import Advance


class Choices(TypedDict, total=False):
    """The user's choices for a synthetic data set; a layout has a default for each.

    Attributes:
        vehicles: the number of vehicles, for training and test together.
        cameras: the number of cameras.
        image_size: the longer side of the images in pixels.
        seed: the seed; the same seed draws the same bytes.
        workers: the number of drawing processes.
    """

    vehicles: int
    cameras: int
    image_size: int
    seed: int
    workers: int


class Layout(ABC):
    """A data set's layout on disk that synthetic vehicles can be drawn in.

    Attributes:
        name: the word on the command line, the same as that of the protocol that reads the layout.
        about: one sentence for listings.
        releases: the names of the releases if their layouts differ, the default first; ``make`` then takes one of
            them as ``release``.
    """

    name: ClassVar[str]
    about: ClassVar[str] = ""
    releases: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def make(self, out: Path, *, progress: Advance | None = None, **choices: Unpack[Choices]) -> str:
        """Draw a data set into the folder ``out`` and return one line about it.

        Args:
            out: the folder, which must be empty or missing.
            progress: called with the number of images drawn so far and the number of all images.
            choices: the choices that the user made.

        Raises:
            UsageError: a number is out of its range.
            DataError: the folder is not empty.
            RunError: the disk is full, or a process failed; no folder is left.
        """
