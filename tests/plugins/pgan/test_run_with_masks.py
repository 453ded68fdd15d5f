"""``bench run`` takes a folder of masks as the release has them: training, features and record are theirs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from harness.boxes import read_boxes
from harness.boxes.store import read_store
from harness.cli import main
from harness.scoring.record import read_record

QUICK = {"epochs": 1, "D": 3, "hidden": 8, "dimension": 16, "input_size": 32}


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory, small_synthetic: Path) -> Path:
    """One file per image, by its name alone: a mask per drawn part, of the cells that its box overlaps."""
    folder = tmp_path_factory.mktemp("masks")
    for key, rows in read_boxes(small_synthetic / "boxes" / "parts.json").of_image.items():
        cells = np.zeros((len(rows), 14, 14), np.uint8)
        for mask, (_, _, x0, y0, x1, y1) in zip(cells, rows.tolist(), strict=True):
            mask[int(y0 * 14) : int(np.ceil(y1 * 14)), int(x0 * 14) : int(np.ceil(x1 * 14))] = 1
        np.save(folder / Path(key).with_suffix(".npy").name, cells[::-1])
    return folder


def bench(data: Path, runs: Path, boxes: Path) -> Any:
    changes = [word for name, value in QUICK.items() for word in ("--set", f"{name}={value}")]
    words = ["--method", "pgan", "--recipe", "quick", "--protocol", "synthetic/image-to-image", "--validate", "none"]
    return CliRunner().invoke(
        main, ["run", *words, *changes, *map(str, ["--data", data, "--runs", runs, "--boxes", boxes])]
    )


def test_a_run_trains_and_embeds_with_the_masks_of_a_folder(small_synthetic: Path, masks: Path, tmp_path: Path):
    bare = tmp_path / "data"
    shutil.copytree(small_synthetic, bare, ignore=shutil.ignore_patterns("boxes"))

    done = bench(bare, tmp_path / "runs", masks)

    assert done.exit_code == 0, done.output
    (record,) = (tmp_path / "runs").rglob("record-*.json")
    boxes, *others = map(read_store, (tmp_path / "runs").rglob("boxes-parts.h5"))
    assert {other.digest for other in others} <= {boxes.digest}
    assert read_record(record).boxes == read_record(record).train_boxes == {"parts": boxes.digest}
    assert {f"{Path(key).stem}.npy" for key in boxes.of_image} <= {path.name for path in masks.iterdir()}
    for key, rows in boxes.of_image.items():
        stored = np.load(masks / Path(key).with_suffix(".npy").name)
        found = np.zeros_like(stored)
        for mask, corners in zip(found, np.rint(rows[::-1, 2:] * 14).astype(int).tolist(), strict=True):
            mask[corners[1] : corners[3], corners[0] : corners[2]] = 1
        assert np.array_equal(found, stored)


def test_a_damaged_mask_ends_the_run_with_one_message(small_synthetic: Path, masks: Path, tmp_path: Path):
    broken = tmp_path / "masks"
    shutil.copytree(masks, broken)
    first = min(broken.iterdir())
    first.write_bytes(first.read_bytes()[:100])

    done = bench(small_synthetic, tmp_path / "runs", broken)

    assert done.exit_code == 2
    assert "the masks cannot be read" in done.output
    assert first.name in done.output
    assert "Traceback" not in done.output
