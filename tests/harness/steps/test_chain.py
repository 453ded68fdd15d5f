"""Chains as they are written: what they mean, what they are called, and what is refused in one message."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pydantic import Field

import harness
from harness.errors import BenchError, DataError, PluginError, UsageError
from harness.registry.registry import load
from harness.steps.chain import NOTHING, Chain, split
from harness.steps.checking import checked
from harness.steps.stated import MOST, StatedChain, StepUse
from harness.tasks.conventions import serve
from harness.tasks.reranking import Reranking
from harness.tasks.task import Convention, Draws, Rule, Task
from tests.tables import dataset, table

REGISTRY = load()
FIXED = Task("fixed", Rule(), ("ap",))
DRAWN = replace(FIXED, name="drawn", rule=Rule(draws=Draws(count=2)))
BY_MEAN = replace(FIXED, name="by-mean", rule=Rule(unit="track", reduce="mean feature"))


def parsed(*words):
    return Chain.parse(words, REGISTRY.step)


def test_a_chain_keeps_the_order_and_completes_the_parameters():
    chain = parsed("camera-mean", "alpha-qe:alpha=2", "rerank:lambda=0.5 , k1=9")

    assert str(chain.stated) == "camera-mean + alpha-qe (alpha=2.0, k=50) + re-ranking (9, 6, 0.5)"
    assert chain.stated.values == [
        {"step": "camera-mean", "options": {}},
        {"step": "alpha-qe", "options": {"alpha": 2.0, "k": 50}},
        {"step": "rerank", "options": {"k1": 9, "k2": 6, "lambda": 0.5}},
    ]
    assert chain.ranking is chain.steps[-1]
    assert not NOTHING
    assert NOTHING.stated == StatedChain()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["alpha-eq"], "unknown step 'alpha-eq'; did you mean 'alpha-qe'?"),
        ([""], "unknown step ''"),
        (["qe:m=3"], "unknown parameter of step 'qe' 'm'\n  found: m\n  expected: k"),
        (["flip:k=3"], "step 'flip' has no parameters"),
        (["qe:k"], "a parameter of step 'qe' has no value"),
        (["qe:"], "a parameter of step 'qe' has no value"),
        (["qe:k="], "a parameter of step 'qe' has no value"),
        (["qe:k=3,k=4"], "'k' of step 'qe' is set twice"),
        (["qe:k=0"], "parameter 'k' of step 'qe' does not fit\n  found: 0"),
        (["qe:k=two"], "parameter 'k' of step 'qe' does not fit\n  found: two"),
        (["qe:k=2.5"], "parameter 'k' of step 'qe' does not fit\n  found: 2.5"),
        (["alpha-qe:alpha=nan"], "parameter 'alpha' of step 'alpha-qe' does not fit\n  found: nan"),
        (["alpha-qe:alpha=-1"], "parameter 'alpha' of step 'alpha-qe' does not fit\n  found: -1"),
        (["rerank:share=0.3"], "unknown parameter of step 'rerank' 'share'"),
        (["rerank", "qe"], "rerank ranks, and leaves no features that qe could change"),
        (["rerank", "rerank"], "rerank ranks, and leaves no features that rerank could change"),
        (["qe", "flip"], "flip works on the features as they were extracted"),
        (["flip", "flip"], "flip works on the features as they were extracted"),
        (["track-mean", "qe", "track-mean"], "track-mean a second time"),
        (["camera-mean", "camera-mean"], "camera-mean a second time"),
        (["qe"] * (MOST + 1), "the chain of steps is too long"),
    ],
    ids=lambda value: "-".join(value)[:30] if isinstance(value, list) else "",
)
def test_a_chain_that_means_nothing_is_refused_in_one_message(words, message):
    with pytest.raises(UsageError) as caught:
        parsed(*words)
    assert message in str(caught.value)


def test_an_expansion_may_be_repeated():
    assert len(parsed("dba:k=3", "qe:k=2", "dba:k=3", "qe:k=2").steps) == 4


@given(st.text() | st.text("qe:k=,1 ralph-"))
def test_any_text_is_a_chain_or_refused(text):
    try:
        chain = parsed(text)
    except BenchError:
        return
    assert chain.stated.uses[0].step == split(text)[0]


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (["qe"], "paper"),
        (["qe:k=5"], "paper"),
        (["alpha-qe:alpha=3,k=50", "rerank"], "paper"),
        (["camera-mean"], "paper"),
        (["qe:k=6"], "test"),
        (["camera-mean", "qe", "rerank:k1=19"], "test"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else value,
)
def test_parameters_are_the_papers_or_chosen_on_the_test(words, chosen):
    assert parsed(*words).stated.chosen == chosen


def test_only_the_digest_of_a_file_makes_parameters_held_out():
    chain = Chain.of([("qe", {"k": 9})], REGISTRY.step, tuned="a" * 64)

    assert (chain.stated.chosen, chain.stated.tuned) == ("held-out", "a" * 64)
    assert str(chain.stated) == "qe (k=9) (tuned)"
    assert chain.stated.remark == "After qe (k=9) (tuned), with parameters chosen on held-out training vehicles."


def test_re_ranking_alone_is_called_as_it_always_was():
    chain = Chain.of([("rerank", {"k1": 9, "lambda": -0.0})], REGISTRY.step)

    assert chain.stated.rerank == Reranking(k1=9, share=0.0)
    assert chain.stated.slug == Reranking(k1=9, share=0.0).slug == "rerank-9-6-0.0"
    assert str(chain.stated) == "re-ranking (9, 6, 0.0)"
    assert chain.stated.remark == f"{Reranking(k1=9, share=0.0).remark[:-1]}, with parameters chosen on the test."
    assert parsed("rerank").stated.remark == Reranking().remark
    assert parsed("qe", "rerank").stated.rerank is None


@given(st.lists(st.sampled_from(["qe", "qe:k=6", "dba", "alpha-qe:alpha=1"]), min_size=1, max_size=5))
def test_two_chains_share_no_name_and_no_file(words):
    one = parsed(*words).stated
    turned, tuned = parsed(*reversed(words)).stated, replace(one, chosen="held-out", tuned="a" * 64)

    assert (one == turned) == (one.slug == turned.slug) == (str(one) == str(turned))
    assert one.slug != tuned.slug
    assert len(one.slug) < 80
    assert set(one.slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789+-.")


@pytest.mark.parametrize("word", ["qe", "alpha-qe", "dba", "track-mean", "rerank"])
@pytest.mark.parametrize("task", [DRAWN, BY_MEAN], ids=lambda task: task.name)
def test_where_a_step_has_no_meaning_a_task_is_refused(word, task):
    chain = parsed(word)

    assert chain.undefined(FIXED) is None
    problem = str(chain.undefined(task))
    named = "re-ranking" if word == "rerank" else f"step '{word}'"
    assert f"{named} is not defined for draws or for the mean feature of a track" in problem
    assert f"where: task '{task.name}'" in problem
    assert f"leave {'--rerank' if word == 'rerank' else f'--post {word}'} out" in problem


def test_what_changes_each_image_by_itself_has_a_meaning_everywhere():
    assert parsed("flip").undefined(DRAWN) is parsed("flip").undefined(BY_MEAN) is None
    assert parsed("camera-mean").undefined(BY_MEAN) is None
    assert "not defined for draws\n" in str(parsed("camera-mean").undefined(DRAWN))


def test_only_tasks_none_of_which_has_a_meaning_are_refused():
    parsed("qe").refuse_undefined([DRAWN, FIXED])
    NOTHING.refuse_undefined([DRAWN])
    with pytest.raises(UsageError, match="not defined for draws") as caught:
        parsed("rerank").refuse_undefined([BY_MEAN, DRAWN])
    assert "task 'by-mean'" in str(caught.value)


def test_tasks_without_a_meaning_are_left_out_with_their_reason():
    data = dataset(table([1, 1], [0, 0]), table([1, 1], [1, 1]))
    chain = parsed("rerank")

    assert serve([FIXED, DRAWN], data, NOTHING.problem)[1] == {}
    served, lost = serve([FIXED, DRAWN], data, chain.problem)
    assert served == [FIXED]
    assert str(lost["drawn"]) == str(chain.undefined(DRAWN))


def test_a_convention_without_cameras_takes_no_place_where_a_step_has_no_meaning():
    by_camera = Rule(ignore=("same camera",), draws=Draws(count=2))
    asked = replace(
        DRAWN, rule=by_camera, conventions={"no-camera-rule": Convention("none", rule=Rule(draws=by_camera.draws))}
    )
    data = dataset(table([1, 1]), table([1, 1]))

    assert serve([asked], data)[0] == [asked.under("no-camera-rule")]
    assert serve([asked], data, parsed("rerank").problem)[0] == []


def test_a_step_that_needs_labels_is_refused_where_they_are_missing():
    complete = dataset(table([1, 1], [1, 2]), table([1, 1], [1, 2], [5, 5]))
    without = dataset(table([1, 1]), table([1, 1]))
    some = dataset(table([1, 1], [1, 2]), table([1, 1, 1], [1, -1, -1], [5, -1, 5]))

    for word in ("camera-mean", "track-mean"):
        assert parsed(word).problem(FIXED, complete) is None
    for word, label in (("camera-mean", "camera"), ("track-mean", "track")):
        problem = parsed(word).problem(FIXED, without)
        assert isinstance(problem, DataError)
        assert f"step '{word}' needs the {label} of every image" in str(problem)
    assert "2 of 3 images of 'gallery' without a camera" in str(parsed("camera-mean").problem(FIXED, some))
    assert "1 of 3 images of 'gallery' without a track" in str(parsed("track-mean").problem(FIXED, some))


class Doubled(harness.Step):
    def apply(self, sets):
        return sets.changed(query=2 * sets.rows("query"))


class Open(harness.Options):
    size: int


class Listed(harness.Options):
    sizes: tuple[int, ...] = (1, 2)


class Infinite(harness.Options):
    size: float = Field(float("inf"))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Doubled(), "'mine' is not a step"),
        (harness.Options, "'mine' is not a step"),
        (harness.Step, "step 'mine' does not define apply"),
        (harness.RankingStep, "step 'mine' does not define rank"),
        (type("A", (Doubled,), {"needs": frozenset({"colour"})}), "needs of step 'mine' has an unknown word"),
        (type("B", (Doubled,), {"undefined": frozenset({"always"})}), "undefined of step 'mine' has an unknown word"),
        (type("C", (Doubled,), {"Options": dict}), "the parameters of step 'mine' are of another kind"),
        (
            type("D", (Doubled,), {"Options": Open}),
            "the parameters of step 'mine' cannot be used\n  found: size: Field",
        ),
        (type("E", (Doubled,), {"Options": Listed}), "found: sizes is (1, 2)"),
        (type("F", (Doubled,), {"Options": Infinite}), "found: size is inf"),
    ],
    ids=lambda value: getattr(value, "__name__", "")[:20],
)
def test_what_is_no_step_is_refused_when_it_is_first_used(target, message):
    with pytest.raises(PluginError) as caught:
        checked("mine", target)
    assert message in str(caught.value)


def test_a_step_with_defaults_is_a_step():
    assert checked("mine", Doubled) is Doubled
    assert Doubled().options == harness.Options()


def test_a_step_that_cannot_be_set_up_is_named():
    class Broken(Doubled):
        def __init__(self, options=None):
            raise KeyError("weights")

    with pytest.raises(PluginError, match="step 'mine' could not be set up"):
        Chain.of([("mine", {})], {"mine": Broken}.__getitem__)


def test_the_use_of_a_step_sorts_its_parameters_and_knows_no_negative_zero():
    assert StepUse.of("a", {"z": -0.0, "b": True, "c": "word"}).options == (("b", True), ("c", "word"), ("z", 0.0))
    assert np.signbit(dict(StepUse.of("a", {"z": -0.0}).options)["z"]) == np.False_
