"""A data set as read from disk: its tables of images, and what is missing from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.data.images import ImageTable
from harness.errors import DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set as found on disk, read by its protocol: lists only, no image is opened.

    Attributes:
        root: the folder that the tables' paths are relative to.
        splits: ``train``, ``query``, ``gallery``, or the names that the protocol's tasks use.
        unavailable: for a task that this copy cannot serve, the reason, as the error to raise.
        notes: one sentence for each thing that differs from the released data set, or was read in another way
            than its documents say, for the log.
        boxes: for a kind of boxes (``parts``: the 16 classes, ``regions``: PR-ReID's four), their file, of any form.
        formats: the image formats, in Pillow's words, that may be decoded.
        release: of a data set with several releases, which one this copy is, in words.
    """

    root: Path
    splits: Mapping[str, ImageTable]
    unavailable: Mapping[str, DataError] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    boxes: Mapping[str, Path] = field(default_factory=dict)
    formats: tuple[str, ...] = ("JPEG",)
    release: str = ""

    def split(self, name: str) -> ImageTable:
        """Return the table of one split.

        Raises:
            DataError: this copy of the data set has none of that name.
        """
        if name not in self.splits:
            raise DataError(
                f"the data set has no images for the split '{name}'",
                where=self.root,
                found=", ".join(self.splits) or "no split",
                next_step="see 'bench data check' for what is missing",
            )
        return self.splits[name]
