"""The benchmark of ten million distractors: its files, its check in float64, and a disk that is too small for them."""

import shutil
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import distractors
from benchmarks.distractors import Problem, check, describe, keys, main, needed, storage_of, write
from harness.cli import main as bench


@pytest.fixture
def small(monkeypatch):
    """Few queries, images and numbers."""
    for name, number in {"VEHICLES": 20, "QUERIES": 20, "GALLERY": 150, "CAMERAS": 4, "WIDTH": 16}.items():
        monkeypatch.setattr(distractors, name, number)
    return Problem.of(700)


@pytest.mark.parametrize("word", ["float16", "int8"])
def test_its_files_are_evaluated_and_its_check_in_float64_agrees(small, word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    storage = storage_of(word)
    write(tmp_path / "test.h5", describe(tmp_path, small), [(small.query, 2), (small.gallery, 3)], storage)
    write(tmp_path / "others.h5", keys("others", 700), [(small.distractors, 4)], storage)
    words = "eval test.h5 --protocol big.toml --data . --distractors others.h5 --record records"

    done = CliRunner().invoke(bench, words.split())

    assert done.exit_code == 0, done.output
    assert "seeded + 700 distractors" in done.output
    assert check(tmp_path, small, 20) < 1e-12
    size = sum((tmp_path / name).stat().st_size for name in ("test.h5", "others.h5"))
    assert size <= needed(word, 700)


def test_keys_are_numbered_and_all_different():
    made = keys("others", 12)

    assert made[[0, 11]].tolist() == [b"others/00000000.jpg", b"others/00000011.jpg"]
    assert len(np.unique(made)) == 12


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(tmp_path, monkeypatch, capsys):
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage(30 << 30, 20 << 30, 10 << 30))
    monkeypatch.setattr(sys, "argv", ["distractors.py", "--folder", str(tmp_path), "--types", "int8", "float16"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert str(ended.value).count("the disk is too small for this benchmark") == 1
    assert "found: 10.7 GB are free" in str(ended.value)
    assert "for 10,000,000 distractors of float16" in str(ended.value)
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_missing_is_told_in_one_message(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["distractors.py", "--folder", str(tmp_path / "none")])

    with pytest.raises(SystemExit) as ended:
        main()

    assert "the folder is missing" in str(ended.value)
