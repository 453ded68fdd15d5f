"""Each measure by hand, at the border of its cutoff, and what a table shows of it."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import PluginError, UsageError
from harness.measures import heading, in_order, parse, usual_word, words
from harness.measures.family import MeasureFamily, first_ranks, places
from harness.measures.ranks import PositiveRanks


def ranked(*queries, tied=0):
    """Return queries by the ranks of their positives; of the negatives before each, ``tied`` tie."""
    ranks = [rank for query in queries for rank in query]
    place = [place for query in queries for place in range(len(query))]
    before = np.array(ranks, dtype=np.int64) - np.array(place, dtype=np.int64) - 1
    ties = np.minimum(before, tied)
    starts = np.cumsum([0, *map(len, queries)])
    return PositiveRanks(np.arange(len(queries)), starts, np.arange(len(ranks)), before - ties, ties)


RANKS = ranked([1, 3], [], [2], [4, 5, 6])
VALUES = {
    "ap": [(1 + 2 / 3) / 2, None, 1 / 2, (1 / 4 + 2 / 5 + 3 / 6) / 3],
    "ap_trapezoid": [
        (1 + (2 / 3 + 1 / 2) / 2) / 2,
        None,
        (1 / 2 + 0) / 2,
        ((1 / 4 + 0) + (2 / 5 + 1 / 4) + (3 / 6 + 2 / 5)) / 6,
    ],
    "ap_truncated@2": [1, None, 1 / 2, 0],
    "ap_truncated@3": [(1 + 2 / 3) / 2, None, 1 / 2, 0],
    "ap_truncated@5": [(1 + 2 / 3) / 2, None, 1 / 2, (1 / 4 + 2 / 5) / 2],
    "ap_top@1": [1, None, 0, 0],
    "ap_top@4": [(1 + 2 / 3) / 2, None, 1 / 2, (1 / 4) / 3],
    "ap_top@6": [(1 + 2 / 3) / 2, None, 1 / 2, (1 / 4 + 2 / 5 + 3 / 6) / 3],
    "cmc@1": [1, None, 0, 0],
    "cmc@2": [1, None, 1, 0],
    "cmc@3": [1, None, 1, 0],
    "hit@4": [1, None, 1, 1],
    "minp": [2 / 3, None, 1 / 2, 3 / 6],
}


@pytest.mark.parametrize("word", VALUES)
def test_values_by_hand(word):
    wanted = [np.nan if value is None else value for value in VALUES[word]]

    assert parse(word).values(RANKS) == pytest.approx(np.array(wanted), nan_ok=True)
    assert np.isnan(parse(word).values(ranked([], []))).all()
    assert parse(word).values(ranked()).shape == (0,)


def test_ranks_places_and_ties_of_positives():
    ranks = ranked([2, 3], [], [5], tied=1)

    assert ranks.ranks.tolist() == [2, 3, 5]
    assert ranks.counts.tolist() == [2, 0, 1]
    assert ranks.ties == 3
    assert places(ranks).tolist() == [1, 2, 1]
    assert first_ranks(ranks).tolist() == [2, 0, 5]
    assert first_ranks(ranked([], [3])).tolist() == [0, 3]


def test_columns_stand_in_the_order_of_the_field():
    found = in_order(
        ["other", "hit@1", "cmc@10", "minp", "cmc@5", "ap_truncated@9", "ap_trapezoid", "ap", "cmc@x"], "minp"
    )

    assert found == [
        *("minp", "ap", "ap_trapezoid", "ap_truncated@9"),
        *("cmc@x", "cmc@5", "cmc@10", "hit@1", "other"),
    ]
    assert words() == ["ap", "ap_top@k", "ap_trapezoid", "ap_truncated@k", "cmc@k", "hit@k", "minp"]
    cutoffs = ["cmc@x", "cmc@1", "cmc@2", "cmc@123456789"]
    assert in_order(reversed(cutoffs), "ap") == cutoffs
    assert in_order(["cmc@1", "cmc@1234567890"], "ap") == ["cmc@1234567890", "cmc@1"]  # no cutoff, so before the first


def test_headings_are_those_of_papers_and_unknown_words_their_own():
    known = {"ap": "mAP", "ap_trapezoid": "mAP (trapezoid)", "ap_truncated@7": "mAP (first 7)", "minp": "mINP"}
    for word, shown in (known | {"cmc@5": "CMC@5", "hit@1": "HIT@1"}).items():
        assert heading(word) == shown
        assert parse(word).word == word
    assert heading("cmc@123456789") == "CMC@123456789"
    for word in ("cmc@0", "cmc", "cmc@", "cmc@x", "cmc@٣", "cmc@1234567890", "ap@1", "other"):
        assert heading(word) == word


def test_other_names_of_measures_are_known():
    assert [usual_word(word) for word in ("mAP", "R1", "Rank-20", "top@5", "CMC-top5", "acc 1", "mINP", "INP")] == [
        *("ap", "cmc@1", "cmc@20", "cmc@5", "cmc@5", "cmc@1", "minp", "minp")
    ]
    assert [usual_word(word) for word in ("Rank-0", "rank", "xrank1", "recall")] == [""] * 4
    with pytest.raises(UsageError, match="cmc@20"):
        parse("Rank-20")


@pytest.mark.parametrize("word", ["cmc", "cmc@", "cmc@0", "cmc@-1", "cmc@1.5", "cmc@٣"])
def test_a_cutoff_is_a_whole_number_from_1(word):
    with pytest.raises(UsageError, match="'cmc' needs a cutoff from 1"):
        parse(word)


@pytest.mark.parametrize("word", ["ap@1", "minp@", "minp@5"])
def test_measures_without_a_cutoff_take_none(word):
    with pytest.raises(UsageError, match="takes no cutoff"):
        parse(word)


def computed(values):
    family = MeasureFamily("mine", "Mine", "About.", "Nobody", lambda _ranks, _k: np.array(values))
    return family.measure("mine").values(RANKS)


def test_scores_are_numbers_from_0_to_1_one_for_each_query():
    assert computed([0.0, 7.0, 1.0, 0.5]) == pytest.approx(np.array([0, np.nan, 1, 0.5]), nan_ok=True)
    assert computed([0, 1, 1, 0]) == pytest.approx(np.array([0, np.nan, 1, 0]), nan_ok=True)
    for wrong in ([0.0, 0.0, 1.5, 0.0], [-0.5, 0.0, 0.5, 0.0], [0.0, 0.0, np.nan, 0.0]):
        with pytest.raises(PluginError, match="found: values outside of 0 to 1"):
            computed(wrong)
    with pytest.raises(PluginError, match=r"found: \(3,\)"):
        computed([0.5, 0.5, 0.5])
    with pytest.raises(PluginError, match="did not return numbers"):
        computed(["a", "b", "c", "d"])


def test_a_family_stands_last_and_takes_no_cutoff_unless_it_says_so():
    family = MeasureFamily("mine", "Mine", "About.", "Nobody", lambda ranks, _k: np.ones(len(ranks.asked)))

    assert (family.cutoff, family.order, family.formula, family.measure("mine").k) == (False, 100, "", 0)
    assert (family.measure("mine").source, family.measure("mine").about) == ("Nobody", "About.")
    assert [
        parse(word).family.order for word in ("ap", "ap_trapezoid", "ap_truncated@1", "minp", "cmc@1", "hit@1")
    ] == [*range(1, 7)]
    assert parse("ap_top@1").family.order == 4
