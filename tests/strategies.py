"""Hypothesis strategies: small evaluation problems with every edge that a real one may have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from harness.tasks.relevance import Draw, Relevance, RowLists


@dataclass(frozen=True)
class Problem:
    """Features and who is right for whom."""

    queries: np.ndarray
    gallery: np.ndarray
    relevance: Relevance


def row_lists(rows) -> RowLists:
    """Return lists of unit numbers as compressed rows."""
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return RowLists(starts=starts, units=np.array([unit for row in rows for unit in sorted(row)], dtype=np.int64))


@st.composite
def relevances(draw, *, grouped=True, drawn=True, reduces=("maximum", "mean feature")) -> Relevance:
    """Relevance of up to 8 queries and 14 units: empty sets, everything ignored, groups, draws."""
    queries = draw(st.integers(0, 8))
    units = draw(st.integers(0 if queries == 0 else 1, 14))
    roles = st.sampled_from(["positive", "ignored", "negative", "negative"])
    positives, ignored = [], []
    for _ in range(queries):
        marks = draw(st.lists(roles, min_size=units, max_size=units))
        positives.append([unit for unit, mark in enumerate(marks) if mark == "positive"])
        ignored.append([unit for unit, mark in enumerate(marks) if mark == "ignored"])
    unit_of, reduce = None, "maximum"
    if grouped and draw(st.booleans()):
        more = draw(st.lists(st.integers(0, units - 1), max_size=12)) if units else []
        unit_of = np.array(draw(st.permutations([*range(units), *more])), dtype=np.int64)
        reduce = draw(st.sampled_from(reduces))
    return Relevance(
        queries=queries,
        units=units,
        positives=row_lists(positives),
        ignored=row_lists(ignored),
        unit_of=unit_of,
        reduce=reduce,
        draws=draw(draws(queries, units)) if drawn else (),
    )


@st.composite
def draws(draw, queries, units) -> tuple[Draw, ...]:
    """Up to three draws, often none."""
    return tuple(
        Draw(queries=draw(subset(queries)), units=draw(subset(units)))
        for _ in range(draw(st.sampled_from([0, 0, 1, 3])))
    )


@st.composite
def subset(draw, count):
    """Ascending numbers below ``count``."""
    marks = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return np.flatnonzero(np.array(marks, dtype=bool))


KINDS = ("normal", "integers", "constant", "copies", "near", "cone", "offset", "scales", "zeros")


@st.composite
def features(draw, rows, width, kinds=KINDS):
    """(rows, width) float32: plain, constant, duplicated, nearly duplicated, huge, tiny, far from zero, zero rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(kinds))
    table = rng.standard_normal((rows, width))
    if kind == "integers":
        table = rng.integers(-2, 3, (rows, width)).astype(np.float64)
    elif kind == "constant":
        table[:] = 0.7
    elif kind == "copies" and rows:
        table = table[rng.integers(0, max(rows // 3, 1), rows)]
    elif kind == "near":
        size = draw(st.sampled_from([1e-7, 1e-5, 1e-3]))
        table = rng.standard_normal(width) * (1 + size * rng.standard_normal((rows, width)))
    elif kind == "cone":
        table = np.abs(table) * 0.1 + 1
    elif kind == "offset":  # a few float32 apart, round two points that are far apart
        table = (1000 + 3e-4 * table) * rng.choice([1, 1, 1, -1], (rows, 1))
    elif kind == "scales":
        table *= rng.choice([1e-43, 1e-30, 1e-6, 1.0, 1e6, 1e24, 1e30], (rows, 1))
    elif kind == "zeros":
        table[rng.random(rows) < 0.5] = 0
    scale = draw(st.sampled_from([1.0, 1.0, 1e-30, 1e-41, 1e6]))
    return (table * (1.0 if kind == "scales" else scale)).astype(np.float32)


@st.composite
def problems(draw, kinds=KINDS, **more) -> Problem:
    """A small problem; about half the galleries hold copies of the queries' rows."""
    relevance = draw(relevances(**more))
    images = relevance.units if relevance.unit_of is None else len(relevance.unit_of)
    width = draw(st.sampled_from([1, 2, 3, 31, 32, 33, 70]))
    table = draw(features(relevance.queries + images, width, kinds))
    queries, gallery = table[: relevance.queries].copy(), table[relevance.queries :].copy()
    if relevance.queries and images and draw(st.booleans()):
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        picked = rng.random(images) < 0.5
        gallery[picked] = queries[rng.integers(0, relevance.queries, int(picked.sum()))]
    if draw(st.integers(0, 4)) == 0:
        with np.errstate(over="ignore"):
            half = np.clip(queries, -6e4, 6e4).astype(np.float16), np.clip(gallery, -6e4, 6e4).astype(np.float16)
        queries, gallery = half
    return Problem(queries, gallery, relevance)
