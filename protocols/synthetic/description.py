"""The description of a drawn data set: its parameters, and digests that show whether it was changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.basics.digests import canonical_json, digest, file_digest
from protocols.synthetic.plan import Plan

FILE = "synthetic.json"
DRAWING = 1
"""Raised by any change that moves a pixel, a label or a box."""


def parameters(vehicles: int, cameras: int, image_size: int, seed: int) -> dict[str, int]:
    """Return all parameters of a drawn data set."""
    return {"drawing": DRAWING, "vehicles": vehicles, "cameras": cameras, "image_size": image_size, "seed": seed}


def describe(root: Path, plan: Plan, lists: Sequence[str], image_size: int) -> None:
    """Write the description of a data set that is otherwise complete.

    ``scene`` is a digest of lists, labels and boxes, the same on every machine. ``images`` has digests of the
    exact bytes: another version of Pillow may encode the same image differently.
    """
    from PIL import features

    files = {name: file_digest(root / name) for name in lists}
    content = {
        "made": parameters(len(plan.vehicles), plan.cameras, image_size, plan.seed),
        "encoder": f"libjpeg {features.version('jpg')}",
        "scene": digest(files),
        "files": files,
        "images": {folder: _images(root, folder, names) for folder, names in plan.keys().items()},
    }
    (root / FILE).write_text(canonical_json(content) + "\n", encoding="ascii")


def read_description(root: Path) -> dict[str, Any] | None:
    """Return a data set's description, or None if it cannot be read."""
    try:
        content = json.loads((root / FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def damage(root: Path, expected: dict[str, int]) -> str | None:
    """Return the first damage of a data set on disk, or None if every byte is unchanged."""
    content = read_description(root)
    if content is None or content.get("made") != expected:
        return f"{FILE} is missing or another data set's"
    try:
        for name, value in content["files"].items():
            if file_digest(root / name) != value:
                return f"{name} was changed"
        lists = {"image_train": "name_train.txt", "image_query": "name_query.txt", "image_test": "name_test.txt"}
        for folder, value in content["images"].items():
            names = (root / lists[folder]).read_text(encoding="ascii").splitlines()
            if _images(root, folder, names) != value:
                return f"an image in {folder} was changed"
    except OSError as problem:
        return f"{problem.filename} cannot be read: {problem.strerror}"
    except (KeyError, TypeError, AttributeError):
        return f"{FILE} was changed"
    return None


def _images(root: Path, folder: str, names: Sequence[str]) -> str:
    """Return the digest of a folder's images, in the order of their list."""
    return digest([file_digest(root / folder / name) for name in names])
