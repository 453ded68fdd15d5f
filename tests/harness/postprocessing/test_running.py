"""What a chain gives its steps, and what it takes from them."""

import numpy as np
import pytest

import harness
from harness.errors import DataError, FeatureError, PluginError
from harness.postprocessing.running import ranks_of, search
from harness.steps.chain import NOTHING, Chain
from harness.steps.sets import FeatureSets
from harness.tasks.relevance import Relevance, RowLists
from tests.plugins.steps.dense import nearest
from tests.tables import table

RELEVANCE = Relevance(2, 3, RowLists(np.arange(3), np.array([0, 2])), RowLists.empty(2))


def sets(rows=None, metric="euclidean"):
    rows = np.random.default_rng(2).standard_normal((5, 6)).astype(np.float32) if rows is None else rows
    return FeatureSets(rows[:2], rows[2:], table([-1, -1]), table([-1] * 3), metric, search)


def ranked(apply, base=harness.Step, name="apply"):
    kind = type("Mine", (base,), {name: apply})
    return ranks_of(Chain.of([("mine", {})], {"mine": kind}.__getitem__), sets(), RELEVANCE)


def test_a_chain_of_nothing_ranks_the_features_as_they_are():
    own = sets()

    found = ranks_of(NOTHING, own, RELEVANCE)

    expected = harness.rank(own.query, own.gallery, RELEVANCE, metric="euclidean")
    assert found[0].ranks.tolist() == expected[0].ranks.tolist()


def test_a_step_changes_what_is_ranked_and_its_width():
    own = sets()
    (found,) = ranked(lambda _self, given: given.changed(query=given.rows("query")[:, :2], gallery=own.gallery[:, :2]))

    expected = harness.rank(own.query[:, :2].copy(), own.gallery[:, :2].copy(), RELEVANCE, metric="euclidean")
    assert found.ranks.tolist() == expected[0].ranks.tolist()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_are_those_of_the_dense_definition(metric):
    rows = np.random.default_rng(4).integers(-2, 3, (14, 3)).astype(np.float32)  # with ties, copies and zeros
    own = FeatureSets(rows[:4], rows[4:], table([-1] * 4), table([-1] * 10), metric, search)

    for side, rows, other in (("query", own.query, False), ("gallery", own.gallery, True)):
        wanted = nearest(rows.astype(np.float64), own.gallery.astype(np.float64), metric, without_itself=other)
        assert own.neighbours(side, 6).units.tolist() == [found[:6] for found in wanted]
        assert own.neighbours(side, 1000).units.tolist() == wanted


def test_a_gallery_of_one_image_has_no_neighbours():
    own = FeatureSets(*2 * [np.ones((1, 2), dtype=np.float32)], table([-1]), table([-1]), "cosine", search)

    assert own.neighbours("gallery", 5).units.shape == (1, 0)
    assert own.neighbours("query", 5).units.tolist() == [[0]]


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (lambda _self, _given: None, "did not return feature sets\n  found: NoneType"),
        (lambda _self, given: given.changed(query=given.rows("query")[:1]), "query features that cannot be ranked"),
        (lambda _self, given: given.changed(gallery=given.rows("gallery").tolist()), "gallery features that cannot"),
        (lambda _self, given: given.changed(gallery=given.gallery.astype(np.float64)), "features are float64"),
        (lambda _self, given: given.changed(query=given.query * np.nan), "query features that are not finite"),
        (lambda _self, given: given.changed(query=given.rows("query")[:, :3]), "different widths\n  found: 3 and 6"),
        (lambda _self, given: given.gallery[99], "step 'mine' failed\n  found: IndexError"),
    ],
)
def test_a_step_that_breaks_its_contract_is_named(apply, message):
    with pytest.raises(PluginError) as caught:
        ranked(apply)
    assert "step 'mine'" in str(caught.value)
    assert message in str(caught.value)


def test_an_error_for_the_user_passes_as_it_is():
    def refuse(_self, *_given):
        raise DataError("no sun in these pictures")

    for base, name in ((harness.Step, "apply"), (harness.RankingStep, "rank")):
        with pytest.raises(DataError, match="no sun"):
            ranked(refuse, base, name)


def test_a_ranking_step_that_fails_is_named():
    with pytest.raises(PluginError, match="step 'mine' failed"):
        ranked(lambda _self, _sets, _relevance: 1 / 0, harness.RankingStep, "rank")


def test_features_that_are_not_finite_are_refused_before_anything_is_searched():
    rows = np.ones((5, 2), dtype=np.float32)
    rows[4, 0] = np.inf

    with pytest.raises(FeatureError, match="not finite"):
        sets(rows).neighbours("query", 1)
