"""Drawing the synthetic data set once and moving its images, labels and boxes into another layout."""

from __future__ import annotations

import json
import shutil
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Unpack

from harness.basics.files import new_folder
from harness.basics.progress import Advance
from harness.data.images import ImageTable
from harness.data.layout import Choices, Layout
from protocols.released import boxes_in
from protocols.synthetic import Synthetic
from protocols.synthetic.making import make


@dataclass(frozen=True)
class LabelledImage:
    """One drawn image: its path in the drawn data set and its labels."""

    key: str
    vehicle: int
    camera: int
    time: int
    colour: int
    type: int
    model: int

    @property
    def order(self) -> bytes:
        """A key that sorts images randomly, in the same order on every machine."""
        return sha256(self.key.encode()).digest()


@dataclass(frozen=True)
class DrawnSet:
    """The drawn images by side, each once (queries are test images), and the names of the labels by their numbers."""

    train: Sequence[LabelledImage]
    test: Sequence[LabelledImage]
    names: Mapping[str, Mapping[int, str]]

    def by_vehicle(self) -> dict[int, list[LabelledImage]]:
        """Return the test images of each vehicle in random order."""
        found: dict[int, list[LabelledImage]] = {}
        for picture in sorted(self.test, key=lambda picture: picture.order):
            found.setdefault(picture.vehicle, []).append(picture)
        return dict(sorted(found.items()))

    def test_sizes(self, lists: Sequence[str]) -> dict[str, list[int]]:
        """Return the test vehicles of each list: more than half of them in the first, all in the last."""
        vehicles = sorted({picture.vehicle for picture in self.test})
        every = len(lists)
        return {
            name: vehicles[: -(-len(vehicles) * (every + place) // (2 * every))] for place, name in enumerate(lists, 1)
        }


Write = Callable[[DrawnSet, Path], Mapping[str, str]]


class Redrawn(Layout):
    """A layout with lists of its own, for the images of the synthetic data set."""

    @staticmethod
    @abstractmethod
    def write(drawn: DrawnSet, root: Path) -> Mapping[str, str]:
        """Write the lists into a folder, and return for each image used its new key by its old one."""

    def make(self, out: Path, *, progress: Advance | None = None, **choices: Unpack[Choices]) -> str:
        """Draw a data set into the folder ``out`` and return one line about it."""
        return redraw(out, self.write, progress=progress, **choices)


def redraw(out: Path, write: Write, *, progress: Advance | None, **choices: Unpack[Choices]) -> str:
    """Draw a data set as ``Layout.make`` does, with the lists of ``write``, which is a ``Redrawn.write``."""
    with new_folder(out) as root:
        made = make(root / ".drawn", progress=progress, **choices)
        splits = Synthetic().load(made.root).splits
        drawn = DrawnSet(_pictures(splits["train"]), _pictures(splits["gallery"]), splits["train"].names)
        key_of = write(drawn, root)
        for old, new in key_of.items():
            (root / new).parent.mkdir(parents=True, exist_ok=True)
            (made.root / old).replace(root / new)
        for path in boxes_in(made.root).values():
            _move_boxes(path, root / path.relative_to(made.root), key_of)
        shutil.rmtree(made.root)
    return f"{out}: {len(key_of)} images of {made.vehicles} vehicles under {made.cameras} cameras"


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def _pictures(table: ImageTable) -> list[LabelledImage]:
    columns = [table.label(name) for name in ("vehicle", "camera", "time", "colour", "type", "model")]
    numbers = [column.tolist() for column in columns if column is not None]
    return [LabelledImage(path, *row) for path, *row in zip(table.paths, *numbers, strict=True)]


def _move_boxes(path: Path, target: Path, key_of: Mapping[str, str]) -> None:
    """Write a COCO file with the new keys of the images; images without one are left out."""
    content = json.loads(path.read_text(encoding="utf-8"))
    images = [
        {**image, "file_name": key_of[image["file_name"]]}
        for image in content["images"]
        if image["file_name"] in key_of
    ]
    kept = {image["id"] for image in images}
    boxes = [box for box in content["annotations"] if box["image_id"] in kept]
    moved = {**content, "images": images, "annotations": boxes}
    write_lines(target, [json.dumps(moved, separators=(",", ":"))])
