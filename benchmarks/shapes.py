"""The seeded problems of the benchmarks: shapes of the field's data sets, features, and what is right for a query.

Features are seeded: vehicles are points of a 48-dimensional space, images scatter around them by an amount of their
own, for a mixture of easy and hard queries as in real features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.tasks.relevance import Draw, Relevance, RowLists

RANK = 48


@dataclass(frozen=True)
class Shape:
    """One problem: vehicles, gallery images, queries, numbers per feature, scatter, and how it is run."""

    vehicles: int
    images: int
    queries: int
    width: int
    scatter: float = 0.7
    draws: int = 0
    streamed: bool = False
    sorts: bool = True
    reranks: bool = False
    dense: bool = False


SHAPES = {
    "veri776": Shape(200, 11_579, 1_678, 512, scatter=1.0, dense=True),
    "veri776-easy": Shape(200, 11_579, 1_678, 512, scatter=0.6),
    "veri776-hard": Shape(200, 11_579, 1_678, 512, scatter=1.6),
    "veri776-2048": Shape(200, 11_579, 1_678, 2048, scatter=1.0),
    "veri776-2048-easy": Shape(200, 11_579, 1_678, 2048, scatter=0.6),
    "veri776-2048-hard": Shape(200, 11_579, 1_678, 2048, scatter=1.6),
    "vehicleid-large": Shape(2_400, 19_777, 19_777, 512, draws=10),
    "wild-small": Shape(3_000, 38_861, 3_000, 512),
    "wild-medium": Shape(5_000, 64_389, 5_000, 512),
    "wild-large": Shape(10_000, 128_517, 10_000, 512, reranks=True),
    "wild-large-hard": Shape(10_000, 128_517, 10_000, 512, scatter=1.2),
    "streamed": Shape(25_000, 4_000_000, 1_000, 512, streamed=True, sorts=False),
}


def features(shape: Shape, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return (n, width) float32 features of images of the labelled vehicles; the same space for every call."""
    space = np.random.default_rng(20)
    basis = (space.standard_normal((RANK, shape.width)) / np.sqrt(RANK)).astype(np.float32)
    centres = space.standard_normal((shape.vehicles, RANK)).astype(np.float32)
    scatter = shape.scatter * rng.gamma(4, 0.25, (len(labels), 1))
    points = centres[labels] + (scatter * rng.standard_normal((len(labels), RANK))).astype(np.float32)
    return points @ basis + np.float32(0.05) * rng.standard_normal((len(labels), shape.width), dtype=np.float32)


def lists(rows: list[np.ndarray]) -> RowLists:
    """Return compressed rows."""
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return RowLists(starts, np.concatenate([*rows, np.empty(0, np.int64)]).astype(np.int64))


def relevance_of(shape: Shape, query: np.ndarray, gallery: np.ndarray) -> Relevance:
    """Return the relevance: the gallery images of a query's vehicle are its positives; with the shape's draws."""
    order = np.argsort(gallery, kind="stable")
    edges = np.searchsorted(gallery[order], np.arange(shape.vehicles + 1))
    own = [order[edges[vehicle] : edges[vehicle + 1]] for vehicle in query]
    if not shape.draws:
        return Relevance(len(query), len(gallery), lists(own), lists([own[0][:0]] * len(query)))
    draws = []
    for seed in range(shape.draws):
        drawn = np.random.default_rng(seed).integers(edges[:-1], edges[1:])
        draws.append(Draw(np.setdiff1d(np.arange(len(query)), drawn), drawn))
    positives = lists([np.delete(row, np.searchsorted(row, number)) for number, row in enumerate(own)])
    itself = RowLists(np.arange(len(query) + 1), np.arange(len(query)))
    return Relevance(len(query), len(gallery), positives, itself, draws=tuple(draws))
