"""The files beside the images: lists, tracks, ground truth and labels as VeRi-776's release has them, and boxes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.data.part_classes import PARTS, REGIONS
from protocols.synthetic.camera.box import Box
from protocols.synthetic.plan import QUERY, TEST, TRAIN, Plan
from protocols.synthetic.vehicle.bodies import BODIES, TYPES
from protocols.synthetic.vehicle.vehicles import COLOUR_NAMES

MODEL_NAMES, MODELS, TWINS = "list_model.txt", "vehicle_model.txt", "near_duplicates.txt"
"""Files that VeRi-776 does not have: body models, the body model of each vehicle, and pairs of near-duplicates."""

BOXES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "parts": ("boxes/parts.json", PARTS),
    "regions": ("boxes/regions.json", REGIONS),
}
"""For each kind of boxes, the file and the names of the labels from number 1."""


class Seen(NamedTuple):
    """The size (width, height) of a drawn image in pixels, and its boxes by kind, in the order of ``BOXES``."""

    size: tuple[int, int]
    boxes: tuple[Sequence[Box], ...]


def write_lists(root: Path, plan: Plan, seen: Mapping[str, Seen]) -> list[str]:
    """Write all files but the images, and return their paths relative to the root."""
    keys = plan.keys()
    texts = {
        "name_train.txt": _lines(keys[TRAIN]),
        "name_query.txt": _lines(keys[QUERY]),
        "name_test.txt": _lines(keys[TEST]),
        "test_track.txt": _lines(_track_lines(plan)),
        **dict(zip(("gt_index.txt", "jk_index.txt"), map(_lines, _ground_truth(plan)), strict=True)),
        "train_label.xml": _labels(plan, train=True),
        "test_label.xml": _labels(plan, train=False),
        "list_color.txt": _lines(_numbered(COLOUR_NAMES)),
        "list_type.txt": _lines(_numbered(TYPES)),
        "camera_ID.txt": _lines(f"c{number:03d}" for number in range(1, plan.cameras + 1)),
        MODEL_NAMES: _lines(_numbered([body.name for body in BODIES])),
        MODELS: _lines(f"{vehicle.number:04d} {vehicle.model_number}" for vehicle in plan.vehicles),
        TWINS: _lines(f"{v.number:04d} {v.twin:04d}" for v in plan.vehicles if v.twin and v.twin > v.number),
    }
    for place, (file, names) in enumerate(BOXES.values()):
        boxes = {name: (found.size, found.boxes[place]) for name, found in seen.items()}
        texts[file] = _coco(keys, boxes, names)
    for name, text in texts.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(text.encode("ascii"))
    return sorted(texts)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _numbered(names: Sequence[str]) -> list[str]:
    return [f"{number} {name}" for number, name in enumerate(names, 1)]


def _track_lines(plan: Plan) -> list[str]:
    """Return a line for each test track: its name, then its images and a blank."""
    test = [track for track in plan.tracks if track.vehicle > plan.train]
    return [
        f"{track.vehicle:04d}_c{track.camera:03d}_t{number:04d} " + "".join(f"{frame.name} " for frame in track.frames)
        for number, track in enumerate(test, 1)
    ]


def _ground_truth(plan: Plan) -> tuple[list[str], list[str]]:
    """Return for each query its positives and its ignored images, as rows of the test list from 1."""
    rows: dict[int, list[tuple[int, int]]] = {}
    for row, frame in enumerate(plan.frames(train=False), 1):
        rows.setdefault(frame.vehicle, []).append((row, frame.camera))
    positives, ignored = [], []
    for query in plan.queries():
        same = [row for row, camera in rows[query.vehicle] if camera == query.camera]
        others = [row for row, camera in rows[query.vehicle] if camera != query.camera]
        positives.append("".join(f"{row} " for row in others))
        ignored.append("".join(f"{row} " for row in same))
    return positives, ignored


def _labels(plan: Plan, *, train: bool) -> str:
    """Return an XML file, which declares gb2312 as the release's training file does."""
    kind = "TrainingImages" if train else "TestImages"
    frames = plan.frames(train=train)
    vehicles = {vehicle.number: vehicle for vehicle in plan.vehicles}
    items = "".join(
        f'    <Item imageName="{frame.name}" vehicleID="{frame.vehicle:04d}" cameraID="c{frame.camera:03d}"'
        f' colorID="{vehicles[frame.vehicle].colour_number}" typeID="{vehicles[frame.vehicle].type_number}" />\n'
        for frame in frames
    )
    head = '<?xml version="1.0" encoding="gb2312"?>\n'
    return f'{head}<{kind} Version="1.0">\n  <Items number="{len(frames)}">\n{items}  </Items>\n</{kind}>\n'


def _coco(
    keys: Mapping[str, Sequence[str]], boxes: Mapping[str, tuple[tuple[int, int], Sequence[Box]]], names: Sequence[str]
) -> str:
    """Return boxes in COCO's format; an image's ``file_name`` is its path in the data set."""
    images: list[str] = []
    annotations: list[str] = []
    for folder, files in keys.items():
        for file in files:
            (width, height), found = boxes[file]
            image = len(images) + 1
            images.append(_compact({"id": image, "file_name": f"{folder}/{file}", "width": width, "height": height}))
            for label, x0, y0, x1, y1, area in found:
                place = {"id": len(annotations) + 1, "image_id": image, "category_id": label}
                shape = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": area, "iscrowd": 0}
                annotations.append(_compact({**place, **shape}))
    categories = [_compact({"id": number, "name": name}) for number, name in enumerate(names, 1)]
    lists = {"images": images, "annotations": annotations, "categories": categories}
    # Joined from text: a dictionary for each box of a set as large as VeRi-776 would take a gigabyte.
    return "{" + ",".join(f'"{name}":[{",".join(items)}]' for name, items in lists.items()) + "}\n"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
