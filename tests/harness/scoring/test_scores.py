import numpy as np
import pandas as pd
import pytest

import harness
from harness.errors import UsageError
from harness.measures.ranks import PositiveRanks
from harness.scoring.scores import Scores


@pytest.fixture(scope="module")
def scores(small_synthetic, tmp_path_factory):
    dataset = harness.load().protocol("synthetic").load(small_synthetic)
    keys = sorted({*dataset.split("query").paths, *dataset.split("gallery").paths})
    values = np.random.default_rng(1).normal(size=(len(keys), 8)).astype(np.float32)
    path = tmp_path_factory.mktemp("frame") / "f.h5"
    harness.write_features(path, keys, values, dataset="synthetic", method="mine")
    return harness.evaluate(path, "synthetic/image-to-image", data=small_synthetic), dataset.split("query")


def test_the_frame_has_one_typed_row_a_query(scores):
    found, queries = scores
    frame = found.frame()

    assert list(frame["query"]) == list(queries.paths)
    assert frame["vehicle"].tolist() == queries.vehicle.tolist()
    assert frame["camera"].tolist() == queries.camera.tolist()
    assert {str(frame[name].dtype) for name in ("vehicle", "camera", "track")} == {"Int64"}
    assert {str(frame[name].dtype) for name in ("first_hit", "ap", "cmc@1")} == {"float64"}
    assert frame["ap"].mean() == pytest.approx(found.mean["ap"], abs=1e-12)
    pd.testing.assert_series_equal(
        (frame["first_hit"] <= 5).astype(float)[frame["ap"].notna()], frame["cmc@5"].dropna(), check_names=False
    )


def test_scores_of_bare_ranks_have_no_frame():
    none = np.zeros(0, dtype=np.int64)
    ranks = PositiveRanks(np.array([0]), np.array([0, 0]), none, none, none)
    scores = Scores.of([ranks], ["ap"], queries=1)

    assert np.isnan(scores.first_hit).all()
    with pytest.raises(UsageError, match="have no table of queries"):
        scores.frame()


def test_the_first_hit_of_draws_is_the_mean_over_those_that_use_the_query():
    def draw(asked, closer):
        count = len(asked)
        starts, zero = np.arange(count + 1), np.zeros(count, dtype=np.int64)
        return PositiveRanks(np.array(asked), starts, zero, np.array(closer), zero)

    scores = Scores.of([draw([0, 1], [0, 4]), draw([1, 2], [2, 7])], ["ap"], queries=4)

    assert scores.first_hit.tolist()[:3] == [1.0, 4.0, 8.0]
    assert np.isnan(scores.first_hit[3])
