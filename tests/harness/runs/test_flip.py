"""The flip test, from the pictures to the record: an extraction stores the features of mirrored pictures for it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.errors import FeatureError
from harness.features.mirrored import mirrored_key
from harness.registry.registry import load
from tests.harness.runs.made import files_of

LOPSIDED = """
import harness
import torch

class Lopsided:
    def embed(self, images):
        weights = torch.linspace(0, 1, images.shape[-1])
        return (images * weights).mean((2, 3)) + images[:, :, ::7, ::5].flatten(1)[:, :24].mean(1, keepdim=True)

class WithBoxes:
    test_needs = frozenset({"boxes.parts"})
    def embed(self, images, boxes_parts):
        return images.mean((2, 3))

@harness.hookimpl
def bench_register_methods(register):
    register("lopsided", Lopsided)
    register("with-boxes", WithBoxes)
"""


@pytest.fixture
def flipped(bench):
    """Return the verb, with the plugin of a method to which left and right are not alike."""
    Path("lopsided.py").write_text(LOPSIDED)

    def run(verb, *words, **choices):
        return bench(verb, *words, "--plugin", "lopsided.py", **choices)

    return run


def test_a_run_with_the_flip_test_stores_both_features_and_scores_their_mean(flipped, small_synthetic):
    rows = flipped("run", "--method", "lopsided", "--post", "flip")
    plain = flipped("run", "--method", "lopsided")
    (path,) = (path for path in Path("runs").rglob("features.h5") if harness.FeatureFile.open(path).provenance.mirrored)
    (other,) = set(Path("runs").rglob("features.h5")) - {path}

    assert [row["post"] for row in rows] == 2 * [[{"step": "flip", "options": {}}]]
    assert [row["chosen"] for row in rows] == ["paper", "paper"]
    assert all(row["measures"] != one["measures"] for row, one in zip(rows, plain, strict=True))
    with harness.FeatureFile.open(path) as file, harness.FeatureFile.open(other) as before:
        assert list(file.keys) == [*before.keys, *map(mirrored_key, before.keys)]
        half = len(before.keys)
        np.testing.assert_array_equal(file.read()[:half], before.read())
        assert not np.allclose(file.read()[half:], before.read())
        means = (file.read()[:half].astype(np.float64) + file.read()[half:]) / 2
        keys = before.keys
    for row in rows:
        scores = harness.evaluate((keys, means.astype(np.float32)), row["task"], data=small_synthetic)
        assert dict(scores.mean) == row["measures"]


def test_eval_python_and_an_extraction_agree_with_the_run(flipped, small_synthetic):
    rows = flipped("run", "--method", "lopsided", "--post", "flip", "--post", "qe:k=3")
    stood = files_of(Path("runs"))
    path = flipped("extract", "--method", "lopsided", "--flip").stdout.strip()
    again = flipped("eval", path, "--post", "flip", "--post", "qe:k=3")

    assert files_of(Path("runs")).keys() == stood.keys()
    assert [row["measures"] for row in again] == [row["measures"] for row in rows]
    scores = harness.evaluate(
        load(["lopsided.py"]).method("lopsided"), rows[0]["task"], data=small_synthetic, post=["flip", "qe:k=3"]
    )
    assert dict(scores.mean) == rows[0]["measures"]


def test_features_without_mirrored_ones_are_refused_with_the_command_that_makes_them(flipped):
    path = flipped("extract", "--method", "lopsided").stdout.strip()
    done = flipped("eval", path, "--post", "flip", status=2)

    assert "the feature file has no features of mirrored pictures" in done.output
    assert "bench extract --flip" in done.output
    assert done.output.count("bench:") <= 1


def test_a_method_with_boxes_cannot_be_mirrored_and_says_so_before_anything_is_computed(flipped):
    for words in (("run", "--post", "flip"), ("extract", "--flip")):
        done = flipped(*words, "--method", "with-boxes", status=2)
        assert "cannot be mirrored" in done.output
        assert "boxes.parts" in done.output
    assert not list(Path("runs").rglob("*.h5"))


def test_one_picture_that_cannot_be_read_counts_once(flipped, small_synthetic, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(small_synthetic, broken)
    picture = sorted((broken / "image_test").glob("*.jpg"))[0]
    picture.write_bytes(b"no picture")

    done = flipped("extract", "--method", "lopsided", "--flip", data=broken, status=2)

    assert "1 of" in done.output
    assert json.dumps(picture.name)[1:-1] in done.output


def test_features_from_elsewhere_may_have_mirrored_ones_and_say_so(flipped, small_synthetic):
    path = Path(flipped("extract", "--method", "lopsided", "--flip").stdout.strip())
    with harness.FeatureFile.open(path) as file:
        keys, rows = file.keys, file.read()
    harness.write_features("own.h5", keys, rows, dataset="synthetic", method="own", mirrored=True)
    harness.write_features("lost.h5", keys[: len(keys) // 2], rows[: len(keys) // 2], dataset="synthetic",
        method="own", mirrored=True)  # fmt: skip

    task = "synthetic/image-to-image"
    one, other = (harness.evaluate(name, task, data=small_synthetic, post=["flip"]) for name in (path, "own.h5"))
    assert dict(one.mean) == dict(other.mean)
    with pytest.raises(FeatureError, match="images have no feature"):
        harness.evaluate("lost.h5", task, data=small_synthetic, post=["flip"])
