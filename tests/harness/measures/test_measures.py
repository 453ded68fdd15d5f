"""Measures agree with their definitions, and have their general properties for all ranks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.errors import UsageError
from harness.measures import parse, usual_word, words
from harness.measures.ranks import PositiveRanks
from harness.scoring.scores import Scores
from tests import reference

ALL = ["cmc@1", "cmc@5", "hit@5", "ap", "ap_trapezoid", "ap_truncated@4", "ap_top@4", "minp"]


def ranks_of(*queries, asked=None):
    """Return the ranks of queries, each given as a list of (closer, tied) with one pair per positive."""
    entries = [sorted(query, key=sum) for query in queries]
    flat = [entry for query in entries for entry in query]
    return PositiveRanks(
        asked=np.arange(len(queries)) if asked is None else np.array(asked),
        starts=np.concatenate([[0], np.cumsum([len(query) for query in entries])]).astype(np.int64),
        units=np.array([unit for query in entries for unit in range(len(query))], dtype=np.int64),
        closer=np.array([closer for closer, _ in flat], dtype=np.int64),
        tied=np.array([tied for _, tied in flat], dtype=np.int64),
    )


def first_values(word, ranks):
    return parse(word).values(ranks).tolist()


queries = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=6)


@given(query=queries, word=st.sampled_from(ALL))
def test_a_value_is_what_the_whole_ranking_gives(query, word):
    entries = [(unit, closer, tied) for unit, (closer, tied) in enumerate(sorted(query, key=sum))]

    (value,) = first_values(word, ranks_of(query))

    assert value == pytest.approx(reference.measure(word, reference.ranking(entries, 16)), abs=1e-12, nan_ok=True)


@given(table=st.lists(queries, max_size=6), word=st.sampled_from(ALL))
def test_values_lie_between_zero_and_one_and_are_unknown_without_a_positive(table, word):
    values = parse(word).values(ranks_of(*table))

    assert [math.isnan(value) for value in values] == [not query for query in table]
    assert all(0 <= value <= 1 for value in values if not math.isnan(value))


@given(positives=st.integers(1, 9), word=st.sampled_from(ALL))
def test_an_oracle_scores_one(positives, word):
    assert first_values(word, ranks_of([(0, 0)] * positives)) == [1.0]


@given(query=queries.filter(len))
def test_the_trapezoid_never_exceeds_the_steps(query):
    (steps,), (trapezoids,) = (first_values(word, ranks_of(query)) for word in ("ap", "ap_trapezoid"))

    assert trapezoids <= steps + 1e-15


@given(query=queries.filter(len))
def test_cmc_never_falls_with_k_and_ends_at_one(query):
    curve = [first_values(f"cmc@{k}", ranks_of(query))[0] for k in range(1, 25)]

    assert curve == sorted(curve)
    assert curve[-1] == 1.0


@given(query=queries.filter(len), word=st.sampled_from([word for word in ALL if "truncated" not in word]))
def test_one_more_negative_in_front_never_helps(query, word):
    behind = [(closer + 1, tied) for closer, tied in query]

    assert first_values(word, ranks_of(behind))[0] <= first_values(word, ranks_of(query))[0]


def test_the_worst_ranking_scores_what_chance_would_at_worst():
    assert first_values("ap", ranks_of([(9, 0)])) == [0.1]
    assert first_values("minp", ranks_of([(8, 0), (8, 0)])) == [0.2]
    assert first_values("ap_trapezoid", ranks_of([(9, 0)])) == [0.05]


def test_a_tie_counts_as_a_negative_in_front():
    assert first_values("cmc@1", ranks_of([(0, 1)])) == [0.0]


def test_words_name_every_measure_and_each_is_documented():
    assert words() == ["ap", "ap_top@k", "ap_trapezoid", "ap_truncated@k", "cmc@k", "hit@k", "minp"]
    for word in words():
        measure = parse(word.replace("@k", "@3"))
        assert measure.word == word.replace("@k", "@3")
        assert measure.name
        assert measure.about.endswith(".")
        assert measure.source


def test_equal_words_are_equal_measures():
    assert parse("cmc@5") == parse("cmc@5") != parse("cmc@1")
    assert parse("cmc@05").word == "cmc@5"


@pytest.mark.parametrize("word", ["cmc", "cmc@", "cmc@0", "cmc@-1", "cmc@one", "cmc@1.5", "hit@²"])
def test_a_cutoff_that_is_no_number_from_one_is_refused(word):
    with pytest.raises(UsageError, match="needs a cutoff from 1 to 999,999,999"):
        parse(word)


def test_a_cutoff_that_is_not_wanted_is_refused():
    with pytest.raises(UsageError, match="takes no cutoff"):
        parse("ap@5")


def test_an_unknown_measure_gets_the_nearest_word():
    with pytest.raises(UsageError, match="did you mean 'ap_trapezoid'"):
        parse("trapezoid_ap")


def test_scores_keep_queries_without_a_positive_out_of_the_mean_and_count_them():
    scores = Scores.of([ranks_of([(0, 0)], [], [(1, 2)])], ["cmc@1", "ap"], queries=3)

    assert scores.mean == {"cmc@1": 0.5, "ap": 0.625}
    assert (scores.queries, scores.ignored_queries, scores.ties, scores.official) == (3, 1, 2, False)
    assert (scores.deviation, scores.per_draw) == ({}, {})
    assert scores.per_query["ap"].tolist() == pytest.approx([1.0, math.nan, 0.25], nan_ok=True)


def test_scores_of_draws_are_averaged_over_the_draws():
    draws = [ranks_of([(0, 0)], [(3, 0)], asked=[0, 2]), ranks_of([(1, 0)], [], asked=[0, 1])]

    scores = Scores.of(draws, ["ap"], queries=4)

    assert scores.per_draw == {"ap": (0.625, 0.5)}
    assert scores.mean == {"ap": 0.5625}
    assert scores.deviation["ap"] == pytest.approx(math.sqrt(2) * 0.0625)
    assert scores.per_query["ap"].tolist() == pytest.approx([0.75, math.nan, 0.25, math.nan], nan_ok=True)
    assert scores.ignored_queries == 1


def test_scores_of_a_single_draw_say_that_it_is_one():
    scores = Scores.of([ranks_of([(0, 0)])], ["ap"], queries=1, drawn=True)

    assert (scores.per_draw, scores.deviation) == ({"ap": (1.0,)}, {"ap": 0.0})


def test_scores_without_any_positive_have_no_mean():
    scores = Scores.of([ranks_of([], [])], ["ap", "cmc@1"], queries=2)

    assert all(math.isnan(value) for value in scores.mean.values())
    assert scores.ignored_queries == 2


@given(table=st.lists(queries, min_size=1, max_size=6), seed=st.integers(0, 99))
def test_no_order_of_the_queries_moves_a_digit_of_the_mean(table, seed):
    shuffled = [table[place] for place in np.random.default_rng(seed).permutation(len(table))]

    one, other = (Scores.of([ranks_of(*rows)], ["ap"], queries=len(table)).mean["ap"] for rows in (table, shuffled))

    assert one == other or (math.isnan(one) and math.isnan(other))


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("mAP", "ap"), ("mINP", "minp"), ("Rank-1", "cmc@1"), ("R@5", "cmc@5"), ("top10", "cmc@10"), ("CMC-1", "cmc@1"),
        ("cmc@0", ""), ("speed", ""),
    ],
)  # fmt: skip
def test_what_papers_call_a_measure_leads_to_our_word(written, ours):
    assert usual_word(written) == ours
    if ours:
        with pytest.raises(UsageError, match=f"unknown measure '{written}'; did you mean '{ours}'"):
            parse(written)
