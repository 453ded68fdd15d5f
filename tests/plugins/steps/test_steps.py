"""Each built-in step, and chains of them, against dense definitions with all pairs at once."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from harness.compute.machine import Machine
from harness.postprocessing.running import ranks_of, search
from harness.registry.kinds import STEP
from harness.registry.registry import load
from harness.steps.chain import Chain
from harness.steps.sets import FeatureSets
from harness.tasks.relevance import Relevance, RowLists
from tests import reference
from tests.plugins.steps import dense
from tests.tables import table

REGISTRY = load()
METRICS = ["cosine", "euclidean"]
NAMES = ["alpha-qe", "camera-mean", "dba", "flip", "qe", "rerank", "track-mean"]


@dataclass(frozen=True, eq=False)
class Problem:
    """A small gallery with labels, its features and those of mirrored pictures."""

    sets: FeatureSets
    mirrored: tuple

    @property
    def features(self):
        return tuple(np.asarray(rows, dtype=np.float64) for rows in (self.sets.query, self.sets.gallery))


@st.composite
def problems(draw, metric=None):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    q, g, d = draw(st.integers(1, 5)), draw(st.integers(1, 14)), draw(st.integers(4, 40))
    centres = rng.standard_normal((3, d))
    rows = centres[rng.integers(0, 3, q + g)] + draw(st.sampled_from([0.1, 1.0])) * rng.standard_normal((q + g, d))
    if draw(st.booleans()):
        rows[rng.integers(0, q + g)] = 0
    rows = rows.astype(draw(st.sampled_from([np.float32, np.float16])))
    others = (rows + rng.standard_normal(rows.shape)).astype(np.float32)
    camera, track = rng.integers(1, 4, q + g), rng.integers(0, 4, g)
    mirrored = (others[:q], others[q:])
    sets = FeatureSets(
        rows[:q],
        rows[q:],
        table([-1] * q, camera[:q]),
        table([-1] * g, camera[q:], track),
        metric or draw(st.sampled_from(METRICS)),
        search,
        mirrored=mirrored,
    )
    return Problem(sets, mirrored)


def in_full(name, problem, query, gallery, **options):
    """Return what the dense definition of a step makes of features."""
    metric, sets = problem.sets.metric, problem.sets
    if name == "qe":
        return dense.average_expansion(query, gallery, metric, **options)
    if name == "alpha-qe":
        return dense.alpha_expansion(query, gallery, metric, **options)
    if name == "dba":
        return dense.augmentation(query, gallery, metric, **options)
    if name == "camera-mean":
        return dense.camera_mean(query, gallery, metric, cameras=(sets.query_table.camera, sets.gallery_table.camera))
    if name == "track-mean":
        return dense.track_mean(query, gallery, metric, tracks=sets.gallery_table.track)
    return dense.flip(query, gallery, metric, mirrored=problem.mirrored)


def words(name, options):
    return f"{name}:{','.join(f'{key}={value}' for key, value in options.items())}" if options else name


USES = st.one_of(
    st.tuples(st.just("qe"), st.fixed_dictionaries({"k": st.integers(1, 20)})),
    st.tuples(
        st.just("alpha-qe"),
        st.fixed_dictionaries({"k": st.integers(1, 20), "alpha": st.sampled_from([0.0, 1.0, 2.5, 3.0])}),
    ),
    st.tuples(st.just("dba"), st.fixed_dictionaries({"k": st.integers(1, 20)})),
    st.tuples(st.sampled_from(["camera-mean", "track-mean", "flip"]), st.just({})),
)


@settings(max_examples=60, deadline=None)
@given(problem=problems(), use=USES)
def test_a_step_gives_what_its_dense_definition_gives(problem, use):
    name, options = use
    (step,) = Chain.parse([words(name, options)], REGISTRY.step).steps

    found = step.apply(problem.sets)

    expected = in_full(name, problem, *problem.features, **options)
    for rows, wanted in zip((found.query, found.gallery), expected, strict=True):
        assert rows.dtype in (np.float32, np.float16)
        np.testing.assert_allclose(np.asarray(rows, dtype=np.float64), wanted, rtol=1e-5, atol=1e-6)


@st.composite
def chains(draw):
    """Draw a chain in an order that means something, with its parameters."""
    body = draw(st.lists(USES.filter(lambda use: use[0] != "flip"), max_size=3, unique_by=lambda use: use[0]))
    first = draw(st.sampled_from([[], [("flip", {})]]))
    ranking = st.fixed_dictionaries(
        {"k1": st.integers(1, 8), "k2": st.integers(1, 5), "lambda": st.sampled_from([0.0, 0.3])}
    )
    last = draw(st.one_of(st.just([]), ranking.map(lambda options: [("rerank", options)])))
    return [*first, *body, *last]


@settings(max_examples=40, deadline=None)
@given(problem=problems(), uses=chains().filter(bool))
def test_a_chain_ranks_as_a_dense_computation_of_all_its_steps(problem, uses):
    sets = problem.sets
    relevance = everything_by_one(sets)
    query, gallery = problem.features
    for name, options in uses:
        if name != "rerank":
            query, gallery = in_full(name, problem, query, gallery, **options)
    if uses[-1][0] == "rerank":
        numbers = uses[-1][1]
        rows = reference.reranked(
            query, gallery, sets.metric, k1=numbers["k1"], k2=numbers["k2"], share=numbers["lambda"]
        )
    else:
        rows = dense.distances(query, gallery, sets.metric)
    gaps = np.diff(np.sort(rows, axis=1))
    assume(not len(gaps) or not gaps.size or gaps.min() > 1e-4)  # nothing is decided by how float32 rounds a step
    assume(decided(query, gallery, sets.metric))

    (found,) = ranks_of(Chain.parse([words(*use) for use in uses], REGISTRY.step), sets, relevance)

    order = np.argsort(np.argsort(rows, axis=1), axis=1) + 1
    assert found.ranks.tolist() == [order[row, row % len(gallery)] for row in range(len(query))]


def everything_by_one(sets):
    """Return the relevance in which one image is right for each query and none is ignored."""
    q, g = len(sets.query), len(sets.gallery)
    right = RowLists(np.arange(q + 1), np.arange(q) % g)
    return Relevance(q, g, right, RowLists.empty(q))


def decided(query, gallery, metric):
    """Return whether no two images are almost as near to a third, so that all neighbourhoods are clear."""
    rows = np.concatenate([query, gallery])
    similar = np.array([[reference.similarity(one, other, metric) for other in rows] for one in rows])
    gaps = np.diff(np.sort(similar, axis=1))
    return not gaps.size or gaps.min() > 1e-4


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "uses", [["qe", "rerank:k1=4,k2=2"], ["camera-mean", "dba:k=4", "alpha-qe:k=6"], ["track-mean"]]
)
def test_no_digit_depends_on_the_block_the_memory_or_the_threads(metric, uses, monkeypatch):
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((700, 33)).astype(np.float32)
    labels = [rng.integers(0, 3, 700), rng.integers(0, 90, 700)]
    sets = [
        FeatureSets(
            rows[:60],
            rows[60:],
            table([-1] * 60, labels[0][:60]),
            table([-1] * 640, labels[0][60:], labels[1][60:]),
            metric,
            search,
            machine=Machine(memory=memory),
        )
        for memory in (None, 1, 300_000)
    ]
    chain = Chain.parse(uses, REGISTRY.step)
    relevance = everything_by_one(sets[0])

    ranks = []
    for threads, one in zip((1, 2, 3), sets, strict=True):
        monkeypatch.setattr("torch.get_num_threads", lambda threads=threads: threads)
        ranks.append(ranks_of(chain, one, relevance)[0].ranks.tolist())
        (first, *_) = chain.steps
        changed = first.apply(one)
        ranks[-1].append([np.asarray(changed.query).tobytes(), np.asarray(changed.gallery).tobytes()])

    assert ranks[0] == ranks[1] == ranks[2]


def test_every_built_in_step_says_what_it_is_and_where_it_is_from():
    assert REGISTRY.names(STEP) == NAMES
    for name in NAMES:
        step = REGISTRY.step(name)
        assert step.about
        assert step.source
        assert all(field.description for field in step.Options.model_fields.values())


def test_an_expansion_by_more_images_than_there_are_takes_all():
    rows = np.eye(3, dtype=np.float32)
    sets = FeatureSets(rows[:1], rows[1:], table([-1]), table([-1, -1]), "euclidean", search)
    (few, many) = (Chain.parse([f"qe:k={k}"], REGISTRY.step).steps[0].apply(sets) for k in (2, 1000))

    assert few.query.tolist() == many.query.tolist() == [pytest.approx([1 / 3, 1 / 3, 1 / 3])]
    assert few.gallery is sets.gallery


def test_the_longest_list_that_was_asked_for_answers_every_shorter_one():
    rng = np.random.default_rng(1)
    calls = []

    def counted(sets, side, k):
        calls.append((side, k))
        return search(sets, side, k)

    rows = rng.standard_normal((30, 4)).astype(np.float32)
    sets = FeatureSets(rows[:5], rows[5:], table([-1] * 5), table([-1] * 25), "cosine", counted)
    lists = [sets.neighbours("query", k).units.tolist() for k in (9, 3, 9, 1)]

    assert calls == [("query", 9)]
    assert [found[0] for found in lists] == [lists[0][0][:k] for k in (9, 3, 9, 1)]
    assert (sets.neighbours("gallery", 99).units != np.arange(25)[:, None]).all()
    assert sets.neighbours("gallery", 99).units.shape == (25, 24)
