"""The boxes of image files: a user's, a detector's, or those that a run kept, found by the end of the file's path."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from harness.boxes import Boxes, kinds_of, read_boxes
from harness.boxes.store import read_store
from harness.boxes.value import FloatArray
from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.detection.detect import check_kind, detect, load_detector
from harness.errors import DataError, UsageError, first_of
from harness.methods.detector import Detector
from harness.methods.method import Method

if TYPE_CHECKING:
    from harness.registry.registry import Registry

Found = Mapping[str, tuple[FloatArray, Mapping[int, str]]]
"""By keyword of ``embed`` an image's boxes (m, 6), in pixels of its resized form, and the names of their labels."""


class ImageBoxes:
    """The boxes that a method needs beside images which no data set names.

    A file ``.../VeRi/image_test/0002.jpg`` is the image that boxes know by the key ``image_test/0002.jpg``: the longest
    key that the file's path ends with.

    Args:
        method: which may need boxes.
        run: the folder whose kept boxes serve where neither ``boxes`` nor ``detector`` is given.
        boxes: a file of a user's.
        detector: a detector's checkpoint.
        registry: where detectors are found.

    Raises:
        UsageError: both are given, or the method needs none.
    """

    def __init__(
        self, method: Method, run: Path, *, boxes: Path | None, detector: Path | None, registry: Registry
    ) -> None:
        self.method, self.run, self.boxes, self.detector, self.registry = method, run, boxes, detector, registry
        self.kinds = kinds_of(method.test_needs)
        given = [f"{name} {path}" for name, path in (("--boxes", boxes), ("--detector", detector)) if path is not None]
        if given and len(self.kinds) * len(given) != 1:
            raise UsageError(
                "the network is given boxes that it does not use"
                if not self.kinds
                else "one file cannot give all boxes",
                found=" ".join(given),
                expected=f"boxes of kind {', '.join(self.kinds)}, from one source" if self.kinds else "no boxes",
            )

    def of(self, images: Sequence[Path], formats: Sequence[str]) -> Mapping[Path, Found]:
        """Return the boxes of each image, as the method arranges them.

        Args:
            images: the files.
            formats: that they may have, in Pillow's words.

        Raises:
            DataError: an image has no boxes, or their file is damaged.
            CheckpointError: the detector cannot be used.
        """
        if not self.kinds:
            return {image: {} for image in images}
        if self.detector is not None:
            detector = load_detector(self.detector, self.registry)
            kind = check_kind(detector, self.detector, self.kinds)
            return {image: self._arranged(image, self._seen(detector, kind, image, formats)) for image in images}
        return {image: self._arranged(image, self._looked_up(image)) for image in images}

    def _looked_up(self, image: Path) -> dict[str, Boxes]:
        """Return the boxes of each kind by the image's name."""
        found = {}
        for kind in self.kinds:
            named = [(boxes, key) for boxes in self._known[kind] if (key := key_of(image, boxes.of_image)) is not None]
            if not named:
                raise self._missing(image, kind)
            boxes, key = named[0]
            found[kind] = replace(boxes, of_image={image.name: boxes.of_image[key]})
        return found

    def _arranged(self, image: Path, found: Mapping[str, Boxes]) -> Found:
        arranged = self.method.arrange_boxes({f"boxes_{kind}": boxes for kind, boxes in found.items()}, None)
        size = self.method.input_size
        return {keyword: (boxes.of(image.name, size), boxes.names) for keyword, boxes in arranged.items()}

    @cached_property
    def _known(self) -> Mapping[str, Sequence[Boxes]]:
        """By kind the boxes that are at hand."""
        if self.boxes is not None:
            return {self.kinds[0]: [read_boxes(self.boxes, kind=self.kinds[0])]}
        return {
            kind: [read_store(path).numbered(kind) for path in sorted(self.run.glob(f"*/boxes-{kind}.h5"))]
            for kind in self.kinds
        }

    def _seen(self, detector: Detector, kind: str, image: Path, formats: Sequence[str]) -> dict[str, Boxes]:
        """Return what the detector finds in one image, by the image's name."""
        file = image.resolve()
        dataset = Dataset(file.parent, {}, formats=tuple(formats))
        found = detect(detector, dataset, [file.name], compute=Compute(device="cpu", workers=0))
        return {kind: replace(found, of_image={image.name: found.of_image[file.name]})}

    def _missing(self, image: Path, kind: str) -> DataError:
        keys = sorted({key for boxes in self._known[kind] for key in boxes.of_image})
        return DataError(
            f"the network needs boxes of kind '{kind}', and none of this image are at hand",
            where=image,
            found=f"boxes of {first_of(keys, 2)}" if keys else f"no boxes in {self.run}",
            expected="a file whose path ends as an image's of the boxes",
            next_step="give a file that names the image with --boxes FILE, or a detector with --detector FILE",
        )


def key_of(image: Path, keys: Collection[str]) -> str | None:
    """Return the longest key that the file's path ends with, part by part; None where none does."""
    parts = image.absolute().parts
    for start in range(1, len(parts)):
        key = str(PurePosixPath(*parts[start:]))
        if key in keys:
            return key
    return None
