"""The named tuples that the loops of re-ranking take beside those of ``tuples``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.kernel.native.tuples import Features, Floats, Integers, Limits, UnitLists


class Sparse(NamedTuple):
    """Sparse rows, one behind the other.

    Attributes:
        starts: (n + 1,) the start of each row.
        columns: of each weight, ascending in each row.
        weights: the values.
    """

    starts: Integers
    columns: npt.NDArray[np.int32]
    weights: Floats


class SparseRoom(NamedTuple):
    """Room for sparse rows: (rows,) columns written of each, then (rows, most) columns and weights."""

    counts: Integers
    columns: npt.NDArray[np.int32]
    weights: Floats


class Images(NamedTuple):
    """Queries and gallery together.

    Attributes:
        rows: (n, d) features.
        norms: (n,) their squared norms.
        farthest: (n,) the greatest squared distance from each.
        neighbours: (n, more than k1) the nearest images of each, itself among them.
        euclidean: the metric.
    """

    rows: npt.NDArray[np.float32]
    norms: Floats
    farthest: Floats
    neighbours: Integers
    euclidean: bool


class EncodingScratch(NamedTuple):
    """Scratch for encoding: two lists of images, a mark for each image (-1), 32 sums."""

    own: Integers
    theirs: Integers
    marks: Integers
    acc: Floats


class Groups(NamedTuple):
    """The images of each unit: their starts, the images, and the unit of each image."""

    starts: Integers
    images: Integers
    unit_of: Integers


class SharingQuestion(NamedTuple):
    """The input of re-ranking.

    Attributes:
        queries: the queries' features.
        gallery: the gallery's features.
        farthest: (queries,) the greatest squared distance from each.
        euclidean: the metric.
        share: of the original distance, lambda.
        groups: the images of each unit.
        positives: of each query.
        encoding: of all queries.
        inverse: for each image the gallery images whose encoding has it, and their weights.
    """

    queries: Features
    gallery: Features
    farthest: Floats
    euclidean: bool
    share: float
    groups: Groups
    positives: UnitLists
    encoding: Sparse
    inverse: Sparse


class SharingScratch(NamedTuple):
    """Scratch for one query: sums of images (zeros), images touched, units seen (-1), 32 sums, two numbers."""

    sums: Floats
    touched: Integers
    seen: Integers
    acc: Floats
    pair: Floats


class Answers(NamedTuple):
    """For each positive its re-ranked distance, its similarity, and whether it shares anything with the query."""

    finals: Floats
    similarities: Floats
    shares: npt.NDArray[np.bool_]


class SharingRoom(NamedTuple):
    """Room for the units that share anything with each query.

    Attributes:
        counts: (rows,) how many are written.
        units: (rows, most) their numbers.
        values: (rows, most, 2) their re-ranked distance and similarity.
    """

    counts: Integers
    units: Integers
    values: Floats


class Sharing(NamedTuple):
    """The units that share anything with each query, one query behind the other.

    Attributes:
        starts: (queries + 1,) the start of each query.
        units: (n,) the units.
        values: (n, 2) their re-ranked distance and similarity.
    """

    starts: Integers
    units: Integers
    values: Floats


class EntryList(NamedTuple):
    """The (entries,) query of each entry, ascending, and its place among the positives."""

    query: Integers
    pair: Integers


class Goals(NamedTuple):
    """The positives after re-ranking.

    Attributes:
        finals: (pairs,) re-ranked distances.
        limits: that the entries were counted against.
        level: (pairs,) whether each ties with all units that share nothing.
    """

    finals: Floats
    limits: Limits
    level: npt.NDArray[np.bool_]


class Negatives(NamedTuple):
    """The units that are no negatives of each query, and the (queries,) number of those that are."""

    positives: UnitLists
    ignored: UnitLists
    counts: Integers
