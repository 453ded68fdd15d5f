import pytest

from harness.errors import UsageError
from harness.registry.registry import load
from harness.tuning.settings import settings_of

FIND = load().step


def options(chains):
    return [tuple(dict(use.options) for use in chain.stated.uses) for chain in chains]


def test_the_first_setting_is_that_of_the_sources():
    first = settings_of(("alpha-qe", "rerank"), FIND, count=100)[0]
    assert first.stated.chosen == "paper"


@pytest.mark.parametrize("count", [2, 7, 100])
def test_there_are_at_most_as_many_settings_as_are_asked_for_and_none_twice(count):
    chains = settings_of(("alpha-qe", "rerank"), FIND, count=count)
    found = [chain.stated for chain in chains]
    assert count / 2 < len(found) <= count
    assert len(set(found)) == len(found)


def test_the_settings_follow_the_seed():
    one, same, other = (options(settings_of(("rerank",), FIND, count=20, seed=seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_every_kept_setting_of_a_step_is_combined_with_every_one_of_the_others():
    found = options(settings_of(("alpha-qe", "rerank"), FIND, count=100))
    first, second = ({repr(pair[place]) for pair in found} for place in (0, 1))
    assert len(found) == len(first) * len(second) == 100


def test_given_values_replace_a_step_s_own():
    found = options(settings_of(("rerank",), FIND, count=100, values=("rerank:k1=10/30,lambda=0.1/0.2/0.3",)))
    assert len(found) == 6
    assert {one["k1"] for (one,) in found} == {10, 30}
    assert {one["k2"] for (one,) in found} == {6}


@pytest.mark.parametrize(
    ("steps", "values", "message"),
    [
        ((), (), "no step was named"),
        (("reranking",), (), "unknown"),
        (("rerank", "qe"), (), "means nothing"),
        (("camera-mean",), (), "nothing to choose"),
        (("rerank",), ("rerank:k3=1/2",), "unknown parameter of step 'rerank' 'k3'"),
        (("rerank",), ("rerank:k1=1/x",), "does not fit"),
        (("rerank",), ("rerank:lambda=0.1/7",), "does not fit"),
        (("rerank",), ("qe:k=1/2",), "unknown step of this search"),
        (("rerank",), ("rerank:k1=1/2", "rerank:k2=1/2"), "given twice"),
        (("rerank",), ("rerank:k1",), "has no value"),
        (("rerank",), ("rerank:k1=" + "/".join(map(str, range(1, 10_100))),), "too many"),
    ],
)
def test_a_search_that_means_nothing_is_one_message(steps, values, message):
    with pytest.raises(UsageError, match=message):
        settings_of(steps, FIND, count=10, values=values)
