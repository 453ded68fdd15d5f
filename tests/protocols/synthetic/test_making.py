"""Making the synthetic data set: the same bytes, whole or not at all."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from harness.errors import DataError, UsageError
from protocols.synthetic import make
from tests.protocols.synthetic.drawn_sets import SMALL, child, content

SCENE = "12e24cb435d41eb75a67dcc4b3e545bf63271828296622dc175fbe3c5a6c2188"
"""Digest of the lists, labels and boxes of the small set."""


def test_the_same_seed_draws_the_same_bytes_with_one_process_and_with_two(small, tmp_path):
    make(tmp_path / "again", **SMALL, workers=2)

    assert content(tmp_path / "again") == content(small.root)


def test_another_seed_draws_other_vehicles(small, tmp_path):
    make(tmp_path / "other", **{**SMALL, "seed": 2}, workers=1)

    assert content(tmp_path / "other")["test_label.xml"] != content(small.root)["test_label.xml"]


def test_lists_labels_and_boxes_are_the_same_on_every_machine(small):
    """A change that moves one raises ``DRAWING`` and this digest."""
    described = json.loads((small.root / "synthetic.json").read_text())

    assert described["scene"] == SCENE


def test_what_was_made_is_told_in_one_line(small):
    told = str(small)

    assert "\n" not in told
    assert f"{small.images['image_train'] + small.images['image_test']} images of 6 vehicles under 3 cameras" in told
    for folder, count in small.images.items():
        assert len(list((small.root / folder).iterdir())) == count


def test_progress_counts_every_image_once(tmp_path):
    for workers in (1, 2):
        told: list[tuple[int, int]] = []
        made = make(tmp_path / str(workers), **SMALL, workers=workers, progress=lambda *at: told.append(at))  # noqa: B023
        total = made.images["image_train"] + made.images["image_test"]
        assert told[0] == (0, total)
        assert told[-1] == (total, total)
        assert told == sorted(told)


@pytest.mark.parametrize(
    ("name", "value"),
    [("vehicles", 3), ("vehicles", 10_000), ("cameras", 1), ("image_size", 31), ("image_size", 1_025), ("seed", -1)],
)
def test_a_number_out_of_its_range_is_refused(tmp_path, name, value):
    with pytest.raises(UsageError, match=f"{name.replace('_', '-')} is out of its range"):
        make(tmp_path / "out", **{**SMALL, name: value})
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(DataError, match="not empty"):
        make(tmp_path, **SMALL)
    assert content(tmp_path) == {"mine.txt": b"mine"}


def test_a_file_in_the_folder_s_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")

    with pytest.raises(DataError, match="not empty"):
        make(tmp_path / "out", **SMALL)


def test_an_empty_folder_is_filled(tmp_path, small):
    (tmp_path / "out").mkdir()

    make(tmp_path / "out", **SMALL, workers=1)

    assert content(tmp_path / "out") == content(small.root)


def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path):
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))"
    for workers in (1, 2):
        process = child(
            limited,
            "from harness.errors import RunError",
            "try:",
            f"    make({str(tmp_path / 'out')!r}, vehicles=6, cameras=3, image_size=64, workers={workers})",
            "except RunError as problem:",
            "    print(problem)",
        )
        output, error = process.communicate(timeout=60)
        assert process.returncode == 0, error.decode()
        assert b"File too large" in output
        assert not list(tmp_path.iterdir())


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(os.name != "posix", reason="other systems have other signals")
@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL"])
def test_a_process_stopped_in_the_middle_leaves_no_folder_that_looks_whole(tmp_path, how):
    out = tmp_path / "out"
    process = child(f"make({str(out)!r}, vehicles=900, cameras=20, image_size=32, workers=2)")
    wait_for(lambda: len(list(tmp_path.glob(".out.*.part/image_train/*.jpg"))) > 5)
    process.send_signal(signal.Signals[how])
    process.communicate(timeout=30)

    assert not out.exists()
    if how == "SIGINT":
        assert not list(tmp_path.iterdir())
    else:
        # The drawing processes find nobody listening and stop.
        wait_for(lambda: not growing(tmp_path))


def growing(folder: Path) -> bool:
    before = sum(1 for _ in folder.rglob("*"))
    time.sleep(0.3)
    return sum(1 for _ in folder.rglob("*")) != before
