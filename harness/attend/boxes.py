"""The boxes of image files: given by the user, found by a detector, or kept by a run and matched by path."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from harness.boxes import Boxes, kinds_of, read_boxes
from harness.boxes.store import read_store
from harness.boxes.value import FloatArray
from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.detection.detect import check_kind, detect, load_detector
from harness.errors import DataError, UsageError, first_of
from harness.methods.detector import Detector
from harness.methods.method import Method
from harness.registry.registry import Registry

Found = Mapping[str, tuple[FloatArray, Mapping[int, str]]]
"""For each keyword of ``embed`` the boxes (m, 6) in pixels of the resized image, and the names of their labels."""


class ImageBoxes:
    """Finds the boxes that a method needs for image files outside a data set.

    The key of a file in a set of boxes is the longest key that its path ends with: ``.../VeRi/image_test/0002.jpg``
    has the key ``image_test/0002.jpg``.

    The boxes are given, or found by a detector; if neither is named, the run has kept them in its folder.

    Raises:
        UsageError: both are given, or one is and the method needs no boxes or several kinds of them.
    """

    def __init__(
        self, method: Method, run: Path, *, boxes: Path | None, detector: Path | None, registry: Registry
    ) -> None:
        self.method, self.run, self.boxes, self.detector, self.registry = method, run, boxes, detector, registry
        self.kinds = kinds_of(method.test_needs)
        given = [f"{name} {path}" for name, path in (("--boxes", boxes), ("--detector", detector)) if path is not None]
        if given and len(self.kinds) * len(given) != 1:
            raise UsageError(
                "the network uses no boxes"
                if not self.kinds
                else "boxes must come from one source, and be of a single kind",
                found=" ".join(given),
                expected=f"one source of boxes of kind {', '.join(self.kinds)}" if self.kinds else "no boxes",
            )

    def of(self, images: Sequence[Path], formats: Sequence[str]) -> Mapping[Path, Found]:
        """Return the boxes of each image, arranged by the method.

        Raises:
            DataError: an image has no boxes, or the file of boxes is damaged.
            CheckpointError: the detector cannot be used.
        """
        if not self.kinds:
            return {image: {} for image in images}
        if self.detector is not None:
            detector = load_detector(self.detector, self.registry)
            kind = check_kind(detector, self.detector, self.kinds)
            return {image: self._arranged(image, self._detected(detector, kind, image, formats)) for image in images}
        return {image: self._arranged(image, self._looked_up(image)) for image in images}

    def _looked_up(self, image: Path) -> dict[str, Boxes]:
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
        if self.boxes is not None:
            return {self.kinds[0]: [read_boxes(self.boxes, kind=self.kinds[0])]}
        return {
            kind: [read_store(path).numbered(kind) for path in sorted(self.run.glob(f"*/boxes-{kind}.h5"))]
            for kind in self.kinds
        }

    def _detected(self, detector: Detector, kind: str, image: Path, formats: Sequence[str]) -> dict[str, Boxes]:
        file = image.resolve()
        dataset = Dataset(file.parent, {}, formats=tuple(formats))
        found = detect(detector, dataset, [file.name], compute=Compute(device="cpu", workers=0))
        return {kind: replace(found, of_image={image.name: found.of_image[file.name]})}

    def _missing(self, image: Path, kind: str) -> DataError:
        keys = sorted({key for boxes in self._known[kind] for key in boxes.of_image})
        return DataError(
            f"this image has no boxes of kind '{kind}', which the network needs",
            where=image,
            found=f"boxes of {first_of(keys, 2)}" if keys else f"no boxes in {self.run}",
            expected="an image whose path ends with a key of the boxes",
            next_step="give boxes of this image with --boxes FILE, or a detector with --detector FILE",
        )


def key_of(image: Path, keys: Collection[str]) -> str | None:
    """Return the longest key that the file's path ends with, compared part by part, or None."""
    parts = image.absolute().parts
    for start in range(1, len(parts)):
        key = str(PurePosixPath(*parts[start:]))
        if key in keys:
            return key
    return None
