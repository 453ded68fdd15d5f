"""A finished matrix is ranked by the same counting rules as features."""

from pathlib import Path

import numpy as np
import pytest

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.errors import FeatureError
from harness.kernel import given
from harness.kernel.given import rank_given
from harness.kernel.ranking import rank
from harness.tasks.relevance import Relevance, RowLists
from harness.tasks.rules import relevance
from harness.tasks.task import Draws, Rule, Task

RULES = {
    "images": Rule(ignore=("same vehicle and camera",)),
    "tracks": Rule(unit="track", ignore=("same image",)),
    "same camera": Rule(ignore=("same camera",)),
    "a drawn gallery": Rule(draws=Draws(count=3)),
    "drawn queries": Rule(draws=Draws("query", count=2, seed=5)),
}


def drawn(seed, queries, gallery):
    """Return a data set and features of whole numbers, whose squared distances are exact and often tie."""
    random = np.random.default_rng(seed)

    def table(count, name):
        vehicle = np.concatenate([np.arange(4), np.arange(4), random.integers(0, 4, count - 8)])
        return ImageTable(
            tuple(f"{name}{number}.jpg" for number in range(count)),
            vehicle,
            camera=random.integers(0, 3, count),
            track=vehicle * 10 + np.arange(count) % 3,
        )

    tables = {"query": table(queries, "g"), "gallery": table(gallery, "g")}
    return Dataset(Path(), tables), [random.integers(-2, 3, (count, 3)) for count in (queries, gallery)]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(5))
def test_a_matrix_of_the_features_distances_gives_the_features_ranks(monkeypatch, name, seed):
    monkeypatch.setattr(given, "BLOCK", 100)  # a few rows at a time
    one_list = RULES[name].draws is not None
    task = Task("main", RULES[name], ("ap",), query="gallery" if one_list else "query")
    dataset, (queries, gallery) = drawn(seed, 12, 40)
    queries = gallery if one_list else queries
    rule = relevance(task, dataset)
    squares = ((queries[:, None] - gallery[None]) ** 2).sum(-1)

    expected = rank(queries.astype(np.float32), gallery.astype(np.float32), rule, metric="euclidean")
    by_distance = rank_given(squares.astype(np.int16), rule)
    by_similarity = rank_given(5.0 - squares, rule, similar=True)

    assert len(expected) == len(by_distance) == len(by_similarity)
    assert sum(one.ties for one in expected) > 0
    for known, *others in zip(expected, by_distance, by_similarity, strict=True):
        for other in others:
            for field in ("asked", "starts", "units", "closer", "tied"):
                assert np.array_equal(getattr(known, field), getattr(other, field)), field


ONE = Relevance(
    queries=1,
    units=3,
    positives=RowLists(np.array([0, 1]), np.array([2])),
    ignored=RowLists(np.array([0, 0]), np.zeros(0, np.int64)),
)


def test_a_positive_that_ties_ranks_behind():
    (found,) = rank_given(np.array([[1.0, 0.5, 1.0]]), ONE)

    assert (found.ranks.tolist(), found.ties) == ([3], 1)


def test_infinite_distances_are_the_farthest():
    (found,) = rank_given(np.array([[np.inf, 3.0, 2.0]]), ONE)

    assert found.ranks.tolist() == [1]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.array([[1.0, np.nan, 2.0]]), "holds NaN\n  where: row 1, column 2"),
        (np.ones((1, 2)), "does not fit the lists"),
        (np.ones((3, 1)), "does not fit the lists"),
    ],
)
def test_a_matrix_that_says_nothing_is_refused(matrix, message):
    with pytest.raises(FeatureError) as caught:
        rank_given(matrix, ONE)
    assert message in str(caught.value)


def test_mean_features_need_features():
    rule = Relevance(1, 3, ONE.positives, ONE.ignored, unit_of=np.array([0, 1, 2]), reduce="mean feature")

    with pytest.raises(FeatureError, match="mean feature"):
        rank_given(np.ones((1, 3)), rule)
