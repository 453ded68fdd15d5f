"""COCO's JSON: a whole file with images, annotations and categories, or the bare list of a detector's results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from harness.basics.files import replace_file
from harness.boxes.value import LAST_LABEL, Boxes, Collected, wrong_box
from harness.errors import DataError

Size = tuple[float, float]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Side = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Label = Annotated[int, Field(ge=0, le=LAST_LABEL)]

COMPARED = 200
"""Images whose size is compared with the picture's: a wrong one is rarely alone, and a large set has 100,000 heads."""

OTHER_SHAPE = 0.02
"""By which the ratio of width to height may differ: rounding to whole pixels when an image was resized."""


class _Item(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Image(_Item):
    id: int | str
    file_name: str
    width: Side
    height: Side


class _Category(_Item):
    id: Label
    name: str


class _Annotation(_Item):
    """A box: ``bbox`` is x, y, width, height in pixels."""

    image_id: int | str
    category_id: Label
    bbox: tuple[Finite, Finite, Finite, Finite]
    score: Annotated[float, Field(ge=0, le=1)] = 1.0

    def row(self) -> list[float]:
        """Return label, score and corners."""
        x, y, width, height = self.bbox
        return [self.category_id, self.score, x, y, x + width, y + height]

    def shown(self) -> dict[str, Any]:
        """Return what a message shows of it."""
        return {"image_id": self.image_id, "category_id": self.category_id, "bbox": list(self.bbox)}


class _File(_Item):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


_RESULTS = TypeAdapter(list[_Annotation])


def read_coco(path: Path, names: Mapping[int, str], size_of: Callable[[str], Size] | None) -> Boxes:
    """Read a COCO file, or COCO results whose ``image_id`` is the image's key.

    Args:
        path: of the JSON file.
        names: the classes' names by number, for results, which name none.
        size_of: gives width and height of a key's image, for results, which say none; those of a whole file are
            compared with it, of 200 images at most, evenly spaced. None where no data set is at hand.

    Raises:
        DataError: not such a file, an unknown image or category, a box that is wrong, or an image whose picture has
            another ratio of width to height.
    """
    try:
        content = path.read_bytes()
        if content.lstrip()[:1] == b"[":
            return _of_results(path, _RESULTS.validate_json(content), names, size_of)
        return _of_file(path, _File.model_validate_json(content), size_of)
    except ValidationError as problem:
        raise _unreadable(path, problem) from None
    except OSError as problem:
        raise DataError("the boxes cannot be read", where=path, found=problem.strerror) from None


def _of_file(path: Path, file: _File, size_of: Callable[[str], Size] | None) -> Boxes:
    images = {image.id: image for image in file.images}
    names = {category.id: category.name for category in file.categories}
    if len(images) < len(file.images) or len(names) < len(file.categories):
        raise DataError("the boxes cannot be read", where=path, found="an id stands twice", expected="each id once")
    rows: dict[int | str, list[tuple[str, list[float]]]] = {image.id: [] for image in file.images}
    for number, annotation in enumerate(file.annotations):
        if annotation.image_id not in images or annotation.category_id not in names:
            expected = "its image and category listed in the file"
            raise wrong_box(path, f"annotation {number}", annotation.shown(), expected)
        rows[annotation.image_id].append((f"annotation {number}", annotation.row()))
    collected = Collected(path, names)
    for image in file.images:
        collected.add(image.file_name, (image.width, image.height), rows[image.id])
    if size_of is not None:
        _compare_sizes(path, [image for image in file.images if rows[image.id]], size_of)
    return collected.boxes()


def _compare_sizes(path: Path, images: list[_Image], size_of: Callable[[str], Size]) -> None:
    """Refuse a file that gives an image another shape than its picture has; a picture of another scale will do."""
    for image in images[:: -(-len(images) // COMPARED) or 1]:
        try:
            width, height = size_of(image.file_name)
        except DataError:
            continue  # whether the data set has this image is not asked here
        if abs(image.width / image.height / (width / height) - 1) > OTHER_SHAPE:
            raise DataError(
                "the boxes are of a picture of another shape",
                where=f"{path}, {image.file_name}",
                found=f"{image.width:g} x {image.height:g} pixels in the file",
                expected=f"{width} x {height} pixels as the picture has, or the same at another scale",
                next_step="write each image's own width and height, unrotated, and its boxes in those pixels",
            )


def _of_results(
    path: Path, results: list[_Annotation], names: Mapping[int, str], size_of: Callable[[str], Size] | None
) -> Boxes:
    if size_of is None:
        raise DataError(
            "COCO results say no sizes of images, and no data set is at hand",
            where=path,
            next_step="give a COCO file with images and categories",
        )
    rows: dict[str, list[tuple[str, list[float]]]] = {}
    for number, result in enumerate(results):
        if not isinstance(result.image_id, str):
            expected = "the image's path from the data set's folder as image_id, or a COCO file with images"
            raise wrong_box(path, f"result {number}", result.shown(), expected)
        rows.setdefault(result.image_id, []).append((f"result {number}", result.row()))
    collected = Collected(path, names or {result.category_id: str(result.category_id) for result in results})
    for key, found in rows.items():
        collected.add(key, size_of(key), found)
    return collected.boxes()


def _unreadable(path: Path, problem: ValidationError) -> DataError:
    """Return the error that names the annotation, where it is one, and else what the file lacks."""
    first = problem.errors()[0]
    place: list[int | str] = list(first["loc"])
    names = {"annotations": "annotation", "images": "image", "categories": "category"}
    if place and isinstance(place[0], int):
        return wrong_box(path, f"result {place[0]}", first.get("input"), f"{_dotted(place[1:])}: {first['msg']}")
    if len(place) > 1:
        name = f"{names.get(str(place[0]), place[0])} {place[1]}"
        return wrong_box(path, name, first.get("input"), f"{_dotted(place[2:])}: {first['msg']}")
    return DataError(
        "the boxes cannot be read",
        where=path,
        found=f"{_dotted(place)}: {first['msg']}" if place else first["msg"],
        expected="a COCO file with images, annotations and categories, or a list of COCO results",
    )


def _dotted(place: list[int | str]) -> str:
    return ".".join(map(str, place))


def write_coco(path: Path, boxes: Boxes, size_of: Callable[[str], Size]) -> None:
    """Write boxes as a COCO file that ``read_coco`` reads back to the same digits.

    Args:
        path: of the file; one that stands there is replaced in one step.
        boxes: to write.
        size_of: gives width and height of a key's image in pixels.

    Raises:
        RunError: the disk refuses.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, key in enumerate(sorted(boxes.of_image), 1):
        width, height = size_of(key)
        images.append({"id": number, "file_name": key, "width": width, "height": height})
        for label, score, *corners in boxes.of_image[key].tolist():
            x0, y0, x1, y1 = (share * side for share, side in zip(corners, (width, height) * 2, strict=True))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(label),
                    "score": score,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                }
            )
    categories = [{"id": number, "name": name} for number, name in sorted(boxes.names.items())]
    content = {"images": images, "categories": categories, "annotations": annotations}
    with replace_file(path) as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
