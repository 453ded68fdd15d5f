"""A data set as read from disk: its tables of images, and what is missing from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.data.images import ImageTable
from harness.data.links import NO_PARTS, Parts, following, locate
from harness.errors import DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """The lists of a data set on disk, read by its protocol without opening any image.

    Attributes:
        root: the folder that the tables' paths are relative to.
        splits: ``train``, ``query``, ``gallery``, or other names used by the tasks of the protocol.
        unavailable: the error to raise for each task that this copy cannot serve.
        notes: one sentence for the log for each difference from the released data set or its documentation.
        boxes: the file of each kind of boxes (``parts``: PGAN's 16 classes, ``regions``: PR-ReID's four), in any
            supported format.
        formats: the image formats that may be decoded, as named by Pillow.
        departures: for each split, sentences on content that cannot be the released one, though the counts may fit;
            results on it are not official.
        release: the release of this copy in words, for a data set with several releases.
        follow_links: whether images may lie outside of the root and be reached by links.
        parts: of several data sets joined into one, these by name, which the key of each of their images begins with;
            the root is then only their folders in words.
    """

    root: Path
    splits: Mapping[str, ImageTable]
    unavailable: Mapping[str, DataError] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    boxes: Mapping[str, Path] = field(default_factory=dict)
    formats: tuple[str, ...] = ("JPEG",)
    release: str = ""
    departures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    follow_links: bool = field(default_factory=following)
    parts: Mapping[str, Dataset] = field(default_factory=dict)

    @property
    def roots(self) -> Parts:
        """The folder of each part, and whether links out of it are followed; empty for a data set without parts."""
        return {name: (part.root, part.follow_links) for name, part in self.parts.items()} if self.parts else NO_PARTS

    def place(self, key: str) -> Path:
        """Return where the file of an image should be, without looking whether it is there."""
        name, _, rest = key.partition("/")
        return self.parts[name].place(rest) if self.parts else self.root / key

    def file(self, key: str) -> Path:
        """Return the file of an image.

        Raises:
            DataError: the key leads out of the root, by ``..`` or by a link that is not followed, or is no file.
        """
        return locate(self.root, key, follow_links=self.follow_links, parts=self.roots)

    def split(self, name: str) -> ImageTable:
        """Return the table of one split.

        Raises:
            DataError: this copy of the data set has no such split.
        """
        if name not in self.splits:
            raise DataError(
                f"the data set has no images for the split '{name}'",
                where=self.root,
                found=", ".join(self.splits) or "no split",
                next_step="see 'bench data check' for what is missing",
            )
        return self.splits[name]
