"""Reading boxes of any format for a data set, with a helpful error if they are missing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from harness.boxes.coco import COMPARED, read_coco
from harness.boxes.lines import read_lines
from harness.boxes.masks import ENDING as MASKS, read_masks
from harness.boxes.store import ENDINGS, read_store
from harness.boxes.value import Boxes
from harness.data.dataset import Dataset
from harness.data.part_classes import CLASSES
from harness.data.pictures import TURNED, oddity, size_on_disk
from harness.errors import DataError, first_of


def kinds_of(needs: Collection[str]) -> list[str]:
    """Return the kinds of boxes among a method's needs: ``boxes.parts`` gives ``parts``."""
    return sorted(need.removeprefix("boxes.") for need in needs if need.startswith("boxes."))


def needed_boxes(dataset: Dataset, needs: Collection[str]) -> dict[str, Boxes]:
    """Return the boxes that a method needs, by keyword argument: ``boxes.parts`` gives ``boxes_parts``.

    Raises:
        DataError: the data set lacks these boxes, or their file or folder is damaged.
    """
    found = {}
    for kind in kinds_of(needs):
        if kind not in dataset.boxes:
            raise missing_boxes(dataset, kind)
        found[f"boxes_{kind}"] = read_boxes(dataset.boxes[kind], kind=kind, dataset=dataset)
    return found


def missing_boxes(dataset: Dataset, kind: str) -> DataError:
    """Return the error for missing boxes, with the commands that create them."""
    return DataError(
        f"the method needs boxes of kind '{kind}', and the data set has none",
        where=dataset.root,
        found=", ".join(sorted(dataset.boxes)) or "no boxes",
        expected=f"boxes/{kind}.json in the data set's folder, or a file or folder given with --boxes",
        next_step="label some training images, train a detector on them with 'bench parts train --boxes LABELS "
        "--out detector.safetensors', and run with --detector detector.safetensors; see docs/parts.md",
    )


def read_boxes(path: Path, *, kind: str = "", dataset: Dataset | None = None) -> Boxes:
    """Read boxes from a COCO file, COCO results, a folder of text files or of masks, or the harness's HDF5 format.

    Args:
        path: of the file or folder.
        kind: ``parts`` or ``regions``; classes are matched by name and get the numbers of this kind.
        dataset: with the images; required for COCO results and for folders.

    Raises:
        DataError: the format is unknown, an image or class is unknown, or a box is empty, not finite or outside its
            image.
    """
    names = dict(enumerate(CLASSES.get(kind, ()), 1))
    if path.suffix.lower() in ENDINGS:
        boxes = read_store(path)
    elif path.is_dir():
        boxes = _read_folder(path, kind, names, dataset)
    else:
        boxes = read_coco(path, names, None if dataset is None else sizes_of(dataset))
    if dataset is not None and path.suffix.lower() not in ENDINGS:
        _refuse_turned(boxes, dataset)
    return boxes.numbered(kind)


def _refuse_turned(boxes: Boxes, dataset: Dataset) -> None:
    """Raise a DataError if images of the boxes are turned by their EXIF data, which boxes may or may not follow."""
    keys = [key for key, found in boxes.of_image.items() if len(found)]
    for key in keys[:: -(-len(keys) // COMPARED) or 1]:
        if _on_disk(dataset, key) and oddity(dataset.file(key), dataset.formats) == TURNED:
            raise DataError(
                "boxes of images that their EXIF data turn or mirror can be meant in two ways",
                where=boxes.path,
                found=f"{key} with an EXIF orientation",
                expected="images without one; the harness reads the pixels as they are stored",
                next_step="remove it from the images if the boxes fit the stored pixels (exiftool -Orientation=); else "
                "turn the pixels themselves, and remove it",
            )


def _read_folder(folder: Path, kind: str, names: Mapping[int, str], dataset: Dataset | None) -> Boxes:
    """Read a folder of masks if it has any, and else one of text files."""
    if dataset is None:
        raise DataError(
            "a folder of boxes belongs to the images of a data set, and no data set was given", where=folder
        )
    if not any(folder.rglob(f"*{MASKS}")):
        return read_lines(folder, names, all_keys(dataset), sizes_of(dataset))
    if kind in CLASSES and kind != "parts":
        raise DataError(
            f"masks have no classes, and boxes of kind '{kind}' need them",
            where=folder,
            expected=f"boxes with the classes {first_of(CLASSES[kind])}, in another format",
            next_step="see docs/parts.md for the formats",
        )
    return read_masks(folder, [table.paths for table in dataset.splits.values()])


def refuse_unknown_images(boxes: Boxes, dataset: Dataset) -> None:
    """Raise a DataError for boxes of images that are neither in the data set's lists nor in its folder."""
    known = all_keys(dataset)
    unknown = [key for key in boxes.of_image if key not in known and not _on_disk(dataset, key)]
    if not boxes.of_image:
        raise DataError(
            "the file of boxes names no image", where=boxes.path, next_step="see docs/parts.md for the formats"
        )
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(boxes.of_image)} images of the boxes are not in the data set",
            where=boxes.path,
            found=first_of(unknown, 3),
            expected=f"paths from {dataset.root}, such as {first_of(sorted(known), 2)}",
            next_step="give the boxes of this data set; boxes of another training set are given with --train-boxes",
        )


def all_keys(dataset: Dataset) -> set[str]:
    """Return the keys of all splits."""
    return {key for table in dataset.splits.values() for key in table.paths}


def sizes_of(dataset: Dataset) -> Callable[[str], tuple[int, int]]:
    """Return a function that reads width and height of a key's image file."""
    return lambda key: size_on_disk(dataset.file(key), dataset.formats)


def _on_disk(dataset: Dataset, key: str) -> bool:
    try:
        dataset.file(key)
    except DataError:
        return False
    return True
