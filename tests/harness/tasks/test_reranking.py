"""Re-ranking as it is asked for."""

import pytest
from hypothesis import given, strategies as st

from harness.errors import UsageError
from harness.tasks.reranking import LARGEST, Reranking

RERANKINGS = st.builds(Reranking, st.integers(1, LARGEST), st.integers(1, LARGEST), st.floats(0, 1))


@given(numbers=RERANKINGS, data=st.data())
def test_the_numbers_are_read_in_any_order_as_they_are_written(numbers, data):
    words = data.draw(st.permutations([f"{name}={value}" for name, value in numbers.values.items()]))

    assert Reranking.parse(",".join(words)) == numbers
    assert Reranking.parse(" , ".join(words)) == numbers


def test_a_number_that_is_not_named_is_the_papers():
    assert Reranking() == Reranking(k1=20, k2=6, share=0.3)
    assert Reranking.parse("k2=1") == Reranking(k2=1)
    assert Reranking.parse("lambda=0") == Reranking(share=0.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("20", "cannot be read"),
        ("features.h5", "name a file before --rerank"),
        ("k1=20,", "cannot be read"),
        ("k3=2", "unknown parameter of re-ranking 'k3'; did you mean"),
        ("lamda=0.3", "did you mean 'lambda'"),
        ("k1=2,k1=2", "'k1' of re-ranking is set twice"),
        ("k1=", "'k1' of re-ranking cannot be read"),
        ("k1=2.5", "expected: a whole number from 1"),
        ("k1=" + "9" * 5000, "'k1' of re-ranking cannot be read"),
        ("k1=" + "9" * 400, "cannot work with these numbers"),
        ("k2=six", "found: six"),
        ("lambda=many", "expected: a number from 0 to 1"),
        ("lambda=nan", "cannot work with these numbers"),
        ("lambda=1.01", "lambda from 0 to 1"),
        ("k1=0", "found: k1 0, k2 6, lambda 0.3"),
    ],
    ids=lambda value: value[:20],
)
def test_words_that_are_no_numbers_of_re_ranking_are_refused(text, message):
    with pytest.raises(UsageError) as caught:
        Reranking.parse(text)
    assert message in str(caught.value)


@given(text=st.text() | st.text("k12lambda=,.0-e "))
def test_any_text_is_read_or_refused(text):
    try:
        numbers = Reranking.parse(text)
    except UsageError:
        return
    assert Reranking.parse(",".join(f"{name}={value}" for name, value in numbers.values.items())) == numbers


@given(
    wrong=st.one_of(
        st.fixed_dictionaries({"k1": st.integers(max_value=0) | st.integers(LARGEST + 1) | st.floats()}),
        st.fixed_dictionaries({"k2": st.integers(max_value=0) | st.integers(LARGEST + 1) | st.text()}),
        st.fixed_dictionaries({"share": st.floats(max_value=-1e-9) | st.floats(1.001) | st.just(float("nan"))}),
        st.fixed_dictionaries({"share": st.none() | st.text()}),
    )
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match="cannot work with these numbers"):
        Reranking(**wrong)


@pytest.mark.parametrize("nothing", [0, 0.0, -0.0])
def test_one_share_has_one_form(nothing):
    assert repr(Reranking(share=nothing)) == "Reranking(k1=20, k2=6, share=0.0)"


@given(one=RERANKINGS, other=RERANKINGS)
def test_two_re_rankings_share_no_mark_and_no_file(one, other):
    assert (str(one) == str(other)) == (one.slug == other.slug) == (one == other)


def test_the_mark_names_the_three_numbers():
    assert str(Reranking()) == "re-ranking (20, 6, 0.3)"
    assert Reranking().slug == "rerank-20-6-0.3"
    assert Reranking(k1=2).values == {"k1": 2, "k2": 6, "lambda": 0.3}


def test_each_number_ends_where_it_says():
    """2 ** 31 - 1, which an int32 holds."""
    assert Reranking(k1=2_147_483_647, k2=2_147_483_647).slug == "rerank-2147483647-2147483647-0.3"
    with pytest.raises(UsageError, match="whole numbers from 1 to 2147483647"):
        Reranking(k1=2_147_483_648)
    for share in (-0.5, 1.5):
        with pytest.raises(UsageError, match="lambda from 0 to 1"):
            Reranking(share=share)
    assert Reranking(k1=1, k2=1, share=1).values == {"k1": 1, "k2": 1, "lambda": 1.0}


def test_the_remark_is_one_sentence_with_the_three_numbers():
    sentence = "By re-ranking (30, 6, 0.3): k-reciprocal, with k1 30, k2 6 and lambda 0.3."

    assert Reranking(k1=30).remark == sentence
