"""With lists of all images the search is the definition; with short ones it is near it."""

import numpy as np
import pytest

from harness.kernel.ranking import rank
from harness.kernel.rerank import rerank
from harness.measures import parse
from harness.registry.registry import load
from harness.steps.chain import Chain
from harness.tasks.reranking import Reranking
from harness.tuning import search
from harness.tuning.listed import ListedUnits
from harness.tuning.nearby import look_around, with_queries
from harness.tuning.reciprocal import Reciprocal
from harness.tuning.search import Searcher
from harness.tuning.settings import settings_of
from tests.harness.tuning.made import made, sets_of

EVERYTHING = 10**6
FIND = load().step


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("tracks", [False, True])
@pytest.mark.parametrize("numbers", [(20, 6, 0.3), (5, 1, 0.5), (8, 3, 0.0), (60, 10, 1.0)])
def test_with_lists_of_all_images_the_ranks_are_those_of_the_kernel(metric, tracks, numbers):
    query, gallery, relevance = made(seed=numbers[0], tracks=tracks)
    known = look_around(query, gallery, metric, EVERYTHING)
    before = rank(query, gallery, relevance, metric=metric)[0]
    listed = ListedUnits(known.images[: known.queries], relevance, before)

    plain = listed.ranks(known.distances[: known.queries])
    again = listed.ranks(Reciprocal(known).distances(Reranking(*numbers)))

    [expected] = rerank(query, gallery, relevance, Reranking(*numbers), metric=metric)
    assert np.array_equal(plain.ranks, before.ranks)
    assert np.array_equal(again.ranks, expected.ranks)
    assert np.array_equal(again.units, expected.units)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_changed_queries_are_compared_anew_with_the_images_of_their_lists(metric):
    query, gallery, _ = made()
    changed = (query + gallery[: len(query)]).astype(np.float32)

    found = with_queries(look_around(query, gallery, metric, EVERYTHING), changed, metric)

    expected = look_around(changed, gallery, metric, EVERYTHING)
    assert np.array_equal(found.images, expected.images)
    assert found.distances == pytest.approx(expected.distances, abs=1e-4)


def test_a_positive_outside_of_its_query_s_list_keeps_the_negatives_before_it():
    query, gallery, relevance = made(queries=12)
    before = rank(query, gallery, relevance)[0]
    known = look_around(query, gallery, "cosine", 10)

    found = ListedUnits(known.images[: known.queries], relevance, before).ranks(known.distances[: known.queries])

    assert np.array_equal(found.ranks, before.ranks)


@pytest.mark.parametrize(
    "steps", [("alpha-qe", "rerank"), ("qe",), ("dba", "qe", "rerank"), ("camera-mean", "alpha-qe"), ("rerank",)]
)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_values_of_a_search_with_whole_lists_are_exact(steps, metric, monkeypatch):
    query, gallery, relevance = made()
    chains = settings_of(steps, FIND, count=9)
    searcher = Searcher(sets_of(query, gallery, metric), relevance, parse("ap"), chains)

    found = searcher.run()

    assert [one.value for one in found] == sorted((one.value for one in found), reverse=True)
    assert {one.chain.stated for one in found} == {chain.stated for chain in chains}
    # The farthest image of an expanded query is taken to be that of the query, which moves a rank or two.
    moves = "rerank" in steps and len(steps) > 1
    for one in found[:: max(1, len(found) // 4)]:
        assert one.value == pytest.approx(searcher.exactly(one.chain), abs=0.02 if moves else 1e-9)


def test_one_pass_serves_all_settings_that_leave_the_gallery_alone(monkeypatch):
    passes = []

    def counted(*args, **settings):
        passes.append(args)
        return look_around(*args, **settings)

    monkeypatch.setattr(search, "look_around", counted)
    query, gallery, relevance = made()
    Searcher(sets_of(query, gallery), relevance, parse("ap"), settings_of(("alpha-qe", "rerank"), FIND, count=30)).run()
    assert len(passes) == 1

    chains = settings_of(("dba", "rerank"), FIND, count=100, values=("dba:k=2/3",))
    Searcher(sets_of(query, gallery), relevance, parse("ap"), chains).run()
    assert len(passes) == 3  # one for each of the two galleries


def test_a_third_party_s_way_of_ranking_is_called_as_it_is():
    calls = []

    class Backwards(type(Chain.parse(["rerank"], FIND).steps[0])):
        def rank(self, sets, relevance):
            calls.append(self.options.k1)
            return rank(-sets.rows("query"), sets.gallery, relevance)

    kinds = {"backwards": Backwards}
    query, gallery, relevance = made()
    chains = settings_of(("backwards",), kinds.__getitem__, count=5, values=("backwards:k1=5/7",))

    found = Searcher(sets_of(query, gallery), relevance, parse("ap"), chains).run()

    assert calls == [5, 7]
    assert found[0].value == found[1].value < 0.3
