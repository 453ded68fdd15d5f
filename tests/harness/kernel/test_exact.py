"""What the definition of similarity promises about real numbers, for images and for means of tracks."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from harness.errors import FeatureError, UsageError
from harness.kernel.exact import similarities, tolerance, unit_sums
from harness.kernel.ranking import rank
from harness.kernel.settings import Settings, Tuning
from harness.kernel.walk import open_walk
from harness.tasks.relevance import Relevance
from tests import rational, reference
from tests.campaigns.ties import KINDS, campaign
from tests.harness.kernel.native.plain import plain
from tests.strategies import row_lists

METRICS = ["cosine", "euclidean"]

WAYS = [
    {"tuning": Tuning("float32")},
    {"tuning": Tuning("bfloat16")},
    {"by_torch": True},
    {"by_torch": True, "tuning": Tuning("float32", block=1)},
]


def of_tracks(query, tracks, metric, **how):
    """Return (closer, tied) of the first track, each track compared by its mean."""
    gallery = np.float32(np.concatenate([np.reshape(track, (len(track), -1)) for track in tracks]))
    relevance = Relevance(
        queries=1,
        units=len(tracks),
        positives=row_lists([[0]]),
        ignored=row_lists([[]]),
        unit_of=np.repeat(np.arange(len(tracks)), [len(track) for track in tracks]),
        reduce="mean feature",
    )
    with open_walk(np.float32([query]), gallery, relevance, Settings(metric, **how)) as walk:
        ((answer,), _) = walk.run()
    return int(answer.closer[0]), int(answer.tied[0])


@pytest.mark.parametrize("how", WAYS)
def test_means_on_both_sides_of_a_query_tie(how):
    middle = 2.0**20

    assert of_tracks([middle], [middle + np.array([1, 1, 2]), middle - np.array([1, 1, 2])], "euclidean", **how) == (
        0,
        1,
    )


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("metric", METRICS)
def test_the_order_of_a_tracks_images_says_nothing(metric, how):
    query, near, far = [3.0, 1.0], np.array([[3.0, 1.0]]), np.array([[-3.0, 1.0]])
    for order in permutations([1e18, 3.0, -1e18]):
        track = np.array([[value, 1] for value in order])  # its mean is (1, 1), between the other two
        answers = of_tracks(query, [track, near, far], metric, **how), of_tracks(query, [far, track], metric, **how)

        assert answers == ((1, 0), (1, 0)), order


@pytest.mark.parametrize("metric", METRICS)
def test_a_track_of_equal_images_is_one_image_to_the_last_bit(metric):
    rows = np.random.default_rng(4).standard_normal((3, 65)).astype(np.float32)
    query, euclidean = rows[0], metric == "euclidean"

    alone = similarities(query, rows[1:], euclidean=euclidean)

    assert similarities(query, rows[[1, 2]], euclidean=euclidean, starts=np.arange(3)).tolist() == alone.tolist()
    four = similarities(query, rows[[1, 1, 1, 1, 2]], euclidean=euclidean, starts=np.array([0, 4, 5]))
    assert four.tolist() == alone.tolist()


sizes = st.sampled_from([0.0, 1e-45, 1e-38, 1e-20, 1e-7, 1.0, 1e7, 1e18, 1e30, 3e38])
numbers = st.tuples(sizes, st.floats(-1, 1, width=32)).map(lambda pair: float(np.float32(pair[0] * pair[1])))


@settings(max_examples=150, deadline=None)
@given(columns=st.lists(st.lists(numbers, min_size=7, max_size=7), min_size=1, max_size=4))
def test_sums_are_exact_to_twice_the_digits(columns):
    rows = np.array(columns, dtype=np.float32).T.copy()

    sums, means = unit_sums(rows, np.array([0, 1, 7]))

    for unit, part in enumerate((slice(0, 1), slice(1, 7))):
        for number, column in enumerate(rows[part].T.tolist()):
            exact = sum(map(Fraction, column))
            assert sums[unit, number] == float(exact)
            assert means.rests[unit, number] == float(exact - Fraction(float(exact)))
    assert means.images.tolist() == [1, 6]


@settings(max_examples=150, deadline=None)
@given(
    query=st.lists(numbers, min_size=3, max_size=3),
    track=st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=6),
    near=st.booleans(),
    metric=st.sampled_from(METRICS),
)
def test_the_similarity_of_a_mean_is_within_half_a_tolerance_of_real_numbers(query, track, near, metric):
    rows = np.array(track, dtype=np.float32)
    if near:  # a mean beside the query, with images far from it on both sides
        with np.errstate(over="ignore"):
            rows = np.concatenate([rows, -rows, np.float32([query])])
        query = [float(np.float32(value / len(rows))) for value in query]
    asked = np.array(query, dtype=np.float32)

    (found,) = similarities(asked, rows, euclidean=metric == "euclidean", starts=np.array([0, len(rows)]))

    real = rational.similarity([Fraction(value) for value in query], rational.mean(rows), metric)
    half = Fraction(tolerance(3)) / 2
    if metric == "euclidean":
        assert abs(Fraction(float(found)) - real) <= half * abs(real)
    else:
        root = math.copysign(math.sqrt(abs(real)), real)
        assert abs(found - root) <= float(half)


def test_random_tracks_that_tie_or_nearly_tie_are_ranked_as_rational_numbers_rank_them():
    found = campaign(3, 320)

    assert [fault for tally in found.values() for fault in tally.faults] == []
    assert {kind for (kind, _), tally in found.items() if tally.ties} == set(KINDS)


@pytest.mark.parametrize("metric", METRICS)
def test_tensors_are_ranked_like_the_arrays_that_they_hold(metric):
    rows = np.random.default_rng(7).standard_normal((6, 5)).astype(np.float32)
    relevance = Relevance(queries=1, units=6, positives=row_lists([[2, 4]]), ignored=row_lists([[0]]))
    (wanted,) = rank(rows[:1], rows, relevance, metric=metric)
    tensor = torch.from_numpy(rows).requires_grad_()

    for queries, gallery in ((tensor[:1], tensor), (list(tensor[:1]), tensor.to_sparse()), (rows[:1], tensor)):
        (found,) = rank(queries, gallery, relevance, metric=metric)
        assert (found.units.tolist(), found.ranks.tolist()) == (wanted.units.tolist(), wanted.ranks.tolist())


def test_what_cannot_be_ranked_is_refused_in_one_message():
    relevance = Relevance(queries=1, units=1, positives=row_lists([[0]]), ignored=row_lists([[]]))
    rows = np.ones((1, 2), dtype=np.float32)

    with pytest.raises(UsageError, match="unknown metric\n  found: l2\n  expected: cosine or euclidean"):
        rank(rows, rows, relevance, metric="l2")
    with pytest.raises(FeatureError, match="the query features are float64\n  expected: float32 or float16"):
        rank([[1.0, 1.0]], rows, relevance)
    with pytest.raises(FeatureError, match="numbers of the features are masked"):
        rank(rows, np.ma.masked_array(rows, mask=rows > 0), relevance)
    with pytest.raises(FeatureError, match="not numbers"):
        rank(None, rows, relevance)


@pytest.mark.parametrize("metric", METRICS)
def test_similarities_stay_within_their_arrays(metric):
    """As plain Python: compiled loops do not notice an index out of range."""
    rows = np.random.default_rng(8).standard_normal((4, 35)).astype(np.float32)

    found = plain(similarities)(rows[0], rows, euclidean=metric == "euclidean", starts=None)

    wanted = [reference.similarity(rows[0].astype(float), row, metric) for row in rows.astype(float)]
    assert found.tolist() == wanted
