"""Drawn data sets for tests: their sizes, their files, one vehicle of a body model, and processes that draw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from hypothesis import strategies as st

from protocols.synthetic.chance import Chance
from protocols.synthetic.vehicle.marks import draw_marks
from protocols.synthetic.vehicle.vehicles import Vehicle, draw_design

SMALL = {"vehicles": 6, "cameras": 3, "image_size": 32, "seed": 1}
VEHICLES_HERE, SEED_HERE = 24, 3
"""Of the set of the fixture ``root``."""

FOLDERS = ("image_train", "image_query", "image_test")
LISTS = dict(zip(("name_train.txt", "name_query.txt", "name_test.txt"), FOLDERS, strict=True))
SEEDS = st.integers(0, 2**31)


def names_of(root: Path, name: str) -> list[str]:
    return (root / name).read_text().splitlines()


def boxes_of(root: Path, kind: str) -> dict:
    return json.loads((root / "boxes" / f"{kind}.json").read_text())


def content(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def child(*lines: str, **environment: str) -> subprocess.Popen[bytes]:
    program = "\n".join(["from protocols.synthetic import make", *lines])
    return subprocess.Popen(  # noqa: S603 - this interpreter and the lines above
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **environment},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def vehicle(model: int, seed: int = 0, colour: int = 0) -> Vehicle:
    design = draw_design(Chance(seed, "design", model), model, colour)
    return Vehicle(1, design, draw_marks(Chance(seed, "marks", model), design.body))
