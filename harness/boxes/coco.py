"""COCO JSON: a complete file with images, annotations and categories, or a bare list of detection results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from harness.basics.files import replace_file
from harness.basics.reading import read_whole
from harness.boxes.value import LAST_LABEL, Boxes, Collected, refuse_shares, wrong_box
from harness.data.encoding import to_utf8
from harness.errors import DataError, wanted

Size = tuple[float, float]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Side = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Label = Annotated[int, Field(ge=0, le=LAST_LABEL)]

MAX_BYTES = 128 << 20
"""Size limit of a file; a million boxes take 60 to 110 million bytes, and 1 GB of memory while they are read."""

COMPARED = 200
"""Number of images whose size is compared with the image file; reading all 100,000 headers of a large set is slow."""

OTHER_SHAPE = 0.02
"""Tolerance of the aspect ratio, for sizes rounded to whole pixels when an image was resized."""


class _Item(BaseModel):
    model_config = ConfigDict(frozen=True)


@dataclass(frozen=True, slots=True)
class _Image:
    id: int | str
    file_name: str
    width: Side
    height: Side


class _Category(_Item):
    id: Label
    name: str


@dataclass(frozen=True, slots=True)
class _Annotation:
    """A box: ``bbox`` is x, y, width, height in pixels. A file may hold a million, so they are kept small."""

    image_id: int | str
    category_id: Label
    bbox: tuple[Finite, Finite, Finite, Finite]
    score: Annotated[float, Field(ge=0, le=1)] = 1.0

    def row(self) -> list[float]:
        """Return label, score and corners."""
        x, y, width, height = self.bbox
        return [self.category_id, self.score, x, y, x + width, y + height]

    def shown(self) -> dict[str, Any]:
        """Return the fields shown in a message."""
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
        names: class names by number, used for results, which have none.
        size_of: returns width and height of a key's image; None without a data set. Results have no sizes and need it.
            The sizes in a complete file are compared with it, for at most 200 evenly spaced images.

    Raises:
        DataError: the file is in neither format, names an unknown image or category, has an invalid box, or gives an
            image an aspect ratio that its image file does not have.
    """
    try:
        content = to_utf8(path, read_whole(path, MAX_BYTES, "the file of boxes"), kind="file of boxes")
        if content.lstrip()[:1] == b"[":
            results = _RESULTS.validate_json(content)
            refuse_shares(path, _corners(results))
            return _of_results(path, results, names, size_of)
        file = _File.model_validate_json(content)
        if any(max(image.width, image.height) > 1 for image in file.images):
            refuse_shares(path, _corners(file.annotations))
        return _of_file(path, file, size_of)
    except ValidationError as problem:
        raise _unreadable(path, problem) from None


def _corners(annotations: list[_Annotation]) -> list[float]:
    return [side for one in annotations for side in one.row()[2:]]


def _of_file(path: Path, file: _File, size_of: Callable[[str], Size] | None) -> Boxes:
    images = {image.id: image for image in file.images}
    names = {category.id: category.name for category in file.categories}
    if len(images) < len(file.images) or len(names) < len(file.categories):
        raise DataError("the boxes cannot be read", where=path, found="an id is repeated", expected="each id once")
    rows: dict[int | str, list[int]] = {image.id: [] for image in file.images}
    for number, annotation in enumerate(file.annotations):
        if annotation.image_id not in images or annotation.category_id not in names:
            expected = "its image and category listed in the file"
            raise wrong_box(path, f"annotation {number}", annotation.shown(), expected)
        rows[annotation.image_id].append(number)
    collected = Collected(path, names)
    for image in file.images:
        own = [(f"annotation {number}", file.annotations[number].row()) for number in rows[image.id]]
        collected.add(image.file_name, (image.width, image.height), own)
    if size_of is not None:
        _compare_sizes(path, [image for image in file.images if rows[image.id]], size_of)
    return collected.boxes()


def _compare_sizes(path: Path, images: list[_Image], size_of: Callable[[str], Size]) -> None:
    """Refuse a file whose image sizes differ from the image files in aspect ratio; the scale may differ."""
    for image in images[:: -(-len(images) // COMPARED) or 1]:
        try:
            width, height = size_of(image.file_name)
        except DataError:
            continue  # images that the data set lacks are reported elsewhere
        if abs(image.width / image.height / (width / height) - 1) > OTHER_SHAPE:
            raise DataError(
                "the boxes belong to an image of another shape",
                where=f"{path}, {image.file_name}",
                found=f"{image.width:g} x {image.height:g} pixels in the file",
                expected=f"{width} x {height} pixels as in the image file, or the same shape at another scale",
                next_step="write the width and height of each image file, unrotated, and the boxes in its pixels",
            )


def _of_results(
    path: Path, results: list[_Annotation], names: Mapping[int, str], size_of: Callable[[str], Size] | None
) -> Boxes:
    if size_of is None:
        raise DataError(
            "COCO results have no image sizes, and no data set was given",
            where=path,
            next_step="give a COCO file with images and categories",
        )
    rows: dict[str, list[int]] = {}
    for number, result in enumerate(results):
        if not isinstance(result.image_id, str):
            expected = "the image's path from the data set's folder as image_id, or a COCO file with images"
            raise wrong_box(path, f"result {number}", result.shown(), expected)
        rows.setdefault(result.image_id, []).append(number)
    collected = Collected(path, names or {result.category_id: str(result.category_id) for result in results})
    for key, numbers in rows.items():
        collected.add(key, size_of(key), [(f"result {number}", results[number].row()) for number in numbers])
    return collected.boxes()


def _unreadable(path: Path, problem: ValidationError) -> DataError:
    """Return the error that names the invalid item, or the missing part of the file."""
    first = problem.errors()[0]
    place: list[int | str] = list(first["loc"])
    names = {"annotations": "annotation", "images": "image", "categories": "category"}
    if place and isinstance(place[0], int):
        return wrong_box(path, f"result {place[0]}", first.get("input"), f"{_dotted(place[1:])}: {wanted(first)}")
    if len(place) > 1:
        name = f"{names.get(str(place[0]), place[0])} {place[1]}"
        return wrong_box(path, name, first.get("input"), f"{_dotted(place[2:])}: {wanted(first)}")
    return DataError(
        "the boxes cannot be read",
        where=path,
        found=f"{_dotted(place)}: {wanted(first)}" if place else wanted(first),
        expected="a COCO file with images, annotations and categories, or a list of COCO results",
    )


def _dotted(place: list[int | str]) -> str:
    return ".".join(map(str, place))


def write_coco(path: Path, boxes: Boxes, size_of: Callable[[str], Size]) -> None:
    """Write boxes as a COCO file from which ``read_coco`` restores the same numbers; an existing file is replaced.

    Raises:
        RunError: the file cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, key in enumerate(sorted(boxes.of_image), 1):
        width, height = size_of(key)
        images.append({"id": number, "file_name": key, "width": width, "height": height})
        for label, score, *corners in boxes.of_image[key].tolist():
            x0, y0, x1, y1 = (share * side for share, side in zip(corners, (width, height) * 2, strict=True))
            box = [x0, y0, x1 - x0, y1 - y0]
            about = {"id": len(annotations) + 1, "image_id": number, "category_id": int(label)}
            annotations.append({**about, "score": score, "bbox": box})
    categories = [{"id": number, "name": name} for number, name in sorted(boxes.names.items())]
    content = {"images": images, "categories": categories, "annotations": annotations}
    with replace_file(path) as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
