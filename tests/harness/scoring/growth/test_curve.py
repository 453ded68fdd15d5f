"""Curves of a task of a data set, equal to separate evaluations at each size."""

from __future__ import annotations

import math

import numpy as np
import pytest

import harness
from harness.compute.machine import Machine
from harness.errors import DataError, FeatureError, UsageError
from harness.features import FeatureFile
from harness.features.added.joined import JoinedRows
from harness.kernel.memory import block_images
from harness.kernel.settings import Settings
from harness.scoring.growth.counting import rank_parts
from harness.scoring.growth.curve import Steps, curves_of
from harness.scoring.growth.nested import Nested
from harness.scoring.settings import ScoringSettings
from tests.strategies import row_lists

DRAWN = """\
table = "images.csv"

[tasks.main]
query = "test"
gallery = "test"
draws = {count = 3, seed = 0, drawn = "gallery"}
"""


def values_of(keys, seed=0):
    return np.random.default_rng(seed).integers(-3, 4, (len(keys), 6)).astype(np.float32)


def written(path, keys, seed=0, **about):
    return harness.write_features(path, keys, values_of(keys, seed), **{"dataset": "d", "method": "mine", **about})


@pytest.fixture(scope="module")
def tested(small_synthetic, tmp_path_factory):
    dataset = harness.load().protocol("synthetic").load(small_synthetic)
    keys = list(dict.fromkeys([*dataset.split("query").paths, *dataset.split("gallery").paths]))
    return written(tmp_path_factory.mktemp("test") / "f.h5", keys)


@pytest.fixture
def others(tmp_path):
    keys = [f"others/{number}.jpg" for number in range(90)]
    return keys, [written(tmp_path / "1.h5", keys[:30], 1), written(tmp_path / "2.h5", keys[30:], 2)]


def curves(features, task, data, steps, *files, **settings):
    chosen = ScoringSettings(distractor_files=tuple(files), **settings)
    return curves_of(features, task, steps, chosen, registry=harness.load(), data=data)


def separate(tmp_path, files, keys, nested, repeat, size):
    """A feature file with the distractors of one subset."""
    kept = {keys[row] for row in np.flatnonzero(nested.taken(repeat, size)[nested.buckets])}
    path = tmp_path / "part.h5"
    rows = {}
    for name in files:
        with FeatureFile.open(name) as file:
            rows.update(zip(file.keys, file.read(), strict=True))
    chosen = sorted(kept)
    return harness.write_features(path, chosen, np.array([rows[key] for key in chosen]), dataset="d", method="mine")


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_every_size_has_the_digits_of_a_separate_evaluation(tested, small_synthetic, others, tmp_path, metric):
    keys, files = others
    steps = Steps("7,all", repeats=2, seed=3)

    found = curves(tested, "synthetic", small_synthetic, steps, *files, metric=metric)

    assert [one.task for one in found] == ["synthetic/image-to-track", "synthetic/image-to-image"]
    nested = Nested.of(keys, [0, 7, 90], repeats=2, seed=3)
    for curve in found:
        assert [point.size for point in curve.points] == [0, 7, 90]
        assert [point.gallery - point.size for point in curve.points] == [curve.points[0].gallery] * 3
        for point in curve.points:
            for repeat in range(2 if point.size == 7 else 1):
                added = [separate(tmp_path, files, keys, nested, repeat, point.size)] if point.size else []
                alone = harness.evaluate(tested, curve.task, data=small_synthetic, metric=metric, distractors=added)
                assert {word: values[repeat] for word, values in point.values.items()} == alone.mean


def test_a_drawn_gallery_grows_by_distractors_alone(others, tmp_path):
    keys, files = others
    rows = [f"test/{vehicle}_{image}.jpg,{vehicle},test" for vehicle in range(8) for image in range(4)]
    (tmp_path / "images.csv").write_text("\n".join(["path,vehicle,split", *rows]))
    (tmp_path / "drawn.toml").write_text(DRAWN)
    features = written(tmp_path / "f.h5", [row.partition(",")[0] for row in rows])
    task, steps = str(tmp_path / "drawn.toml"), Steps("10,all", repeats=2)

    (curve,) = curves(features, task, tmp_path, steps, *files)
    nested = Nested.of(keys, [10], repeats=2, seed=0)
    added = separate(tmp_path, files, keys, nested, 1, 10)

    assert [(point.size, point.gallery) for point in curve.points] == [(0, 8), (10, 18), (90, 98)]
    alone = harness.evaluate(features, task, data=tmp_path, distractors=[added])
    assert {word: values[1] for word, values in curve.points[1].values.items()} == alone.mean
    assert len(alone.per_draw["ap"]) == 3
    with pytest.raises(UsageError, match="always of one size"):
        curves(features, task, tmp_path, steps)


def test_the_galleries_own_units_grow_to_the_plain_result(tested, small_synthetic):
    (curve,) = curves(tested, "synthetic/image-to-track", small_synthetic, Steps("5,all", repeats=3))
    plain = harness.evaluate(tested, curve.task, data=small_synthetic)

    assert curve.points[-1].values == {word: (value,) * 3 for word, value in plain.mean.items()}
    assert all(value >= plain.mean["ap"] for value in curve.points[0].values["ap"])
    assert curve.distractors == 0
    assert curve.fingerprint == plain.fingerprint


def test_further_measures_are_scored_at_every_size(tested, small_synthetic, others):
    measure = harness.load().measure("cmc@20")
    (curve,) = curves(
        tested, "synthetic/image-to-image", small_synthetic, Steps("9", 1), *others[1], measures=(measure,)
    )

    assert all(0 <= point.values["cmc@20"][0] <= 1 for point in curve.points)
    assert not any(math.isnan(value) for point in curve.points for (value,) in point.values.values())


def test_a_distractor_with_a_key_of_the_test_is_refused(tested, small_synthetic):
    with pytest.raises(FeatureError, match="images of the test itself"):
        curves(tested, "synthetic/image-to-image", small_synthetic, Steps("5"), tested)


def test_a_task_without_a_right_answer_is_refused(tmp_path, others):
    (tmp_path / "images.csv").write_text("path,vehicle\na.jpg,1\nb.jpg,2\n")
    (tmp_path / "own.toml").write_text('table = "images.csv"\n[tasks.main]\n')
    features = written(tmp_path / "f.h5", ["a.jpg", "b.jpg"])

    with pytest.raises(DataError, match="no query has a positive"):
        curves(features, str(tmp_path / "own.toml"), tmp_path, Steps("5"), *others[1])


@pytest.mark.parametrize("repeats", [0, 101])
def test_repeats_out_of_range_are_refused(repeats):
    with pytest.raises(UsageError, match="so many repeats"):
        Steps("5", repeats)


def test_a_gallery_larger_than_memory_is_read_in_blocks_and_each_row_once(tmp_path, monkeypatch):
    memory, width, rng = 1 << 19, 64, np.random.default_rng(0)
    keys = [f"{number}.jpg" for number in range(9000)]
    path = harness.write_features(tmp_path / "g.h5", keys, rng.standard_normal((9000, width)), dataset="d", method="m")
    asked = rng.standard_normal((5, width)).astype(np.float32)
    read: list[int] = []
    slices = JoinedRows.__getitem__
    monkeypatch.setattr(
        JoinedRows, "__getitem__", lambda self, rows: read.append(len(self.order[rows])) or slices(self, rows)
    )
    nothing = row_lists([[] for _ in asked])
    relevance = harness.Relevance(5, 9000, row_lists([[number] for number in range(5)]), nothing)
    nested = Nested.of(keys, [100, 9000], repeats=4, seed=0)
    parts = np.array([nested.taken(repeat, size) for repeat in range(4) for size in nested.sizes])

    with FeatureFile.open(path) as file:
        gallery = JoinedRows([file.rows(keys[:4000]), file.rows(keys[4000:])])
        found = list(
            rank_parts(asked, gallery, relevance, nested.buckets, parts, Settings(machine=Machine(memory=memory)))
        )

    assert len(found) == 8
    assert max(read) <= block_images(memory, width, streamed=True) < 1000
    assert sum(read) < 9000 + 2000  # one pass, and the blocks that hold the positives
