"""The table has one row per epoch and no times; the curve is drawn from it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from harness.training.curve import draw_curve, write_table

ROWS = [
    {"stage": "one", "epoch": 1, "learning_rate": 0.1, "triplet": 0.5, "loss": 0.5, "ap": 0.25, "cmc@1": 0.5},
    {"stage": "one", "epoch": 2, "learning_rate": 0.1, "triplet": 0.25, "loss": 0.25, "ap": 0.5, "cmc@1": 0.75},
    {"stage": "two", "epoch": 1, "learning_rate": 1e-5, "softmax": 1 / 3, "loss": 1 / 3},
]


def test_the_table_has_a_column_for_each_loss_and_gaps_where_a_stage_has_none(tmp_path: Path):
    write_table(tmp_path, ROWS)
    assert (tmp_path / "validation.csv").read_text().splitlines() == [
        "stage,epoch,learning_rate,loss,softmax,triplet,ap,cmc@1",
        "one,1,0.1,0.5,,0.5,0.25,0.5",
        "one,2,0.1,0.25,,0.25,0.5,0.75",
        "two,1,1e-05,0.333333,0.333333,,,",
    ]


def test_without_validation_the_table_has_no_measures(tmp_path: Path):
    write_table(tmp_path, ROWS[2:])
    assert (tmp_path / "validation.csv").read_text().splitlines()[0] == "stage,epoch,learning_rate,loss,softmax"


def test_the_same_rows_draw_the_same_curve(tmp_path: Path):
    draw_curve(tmp_path, ROWS)
    first = (tmp_path / "validation.png").read_bytes()
    draw_curve(tmp_path, ROWS)
    assert (tmp_path / "validation.png").read_bytes() == first
    with Image.open(tmp_path / "validation.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 400


def test_a_curve_without_validation_is_drawn_too(tmp_path: Path):
    draw_curve(tmp_path, ROWS[2:])
    assert (tmp_path / "validation.png").exists()
