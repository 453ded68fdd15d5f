"""Small sets of features with known right answers, for the tests of the search."""

import numpy as np

from harness.data.images import ImageTable
from harness.postprocessing.running import search
from harness.steps.sets import FeatureSets
from harness.tasks.relevance import Relevance, matching

WIDTH = 12


def made(seed=0, vehicles=8, images=9, queries=20, tracks=False):
    """Return query features, gallery features and the relevance, with some ignored images."""
    rng = np.random.default_rng(seed)
    vehicle = np.repeat(np.arange(vehicles), images)
    table = rng.standard_normal((vehicles, WIDTH))[vehicle] + 1.2 * rng.standard_normal((len(vehicle), WIDTH))
    asked = np.sort(rng.choice(len(vehicle), queries, replace=False))
    rest = np.setdiff1d(np.arange(len(vehicle)), asked)
    unit_of = np.unique(vehicle[rest] * 4 + rest % 4, return_inverse=True)[1].astype(np.int64) if tracks else None
    of_unit = vehicle[rest] if unit_of is None else vehicle[rest][np.unique(unit_of, return_index=True)[1]]
    pairs = matching(vehicle[asked], of_unit)
    out = (np.arange(len(pairs.units)) + seed) % 5 == 0
    relevance = Relevance(
        queries=queries,
        units=len(of_unit),
        positives=pairs.where(~out),
        ignored=pairs.where(out),
        unit_of=unit_of,
    )
    return table[asked].astype(np.float32), table[rest].astype(np.float32), relevance


def sets_of(query, gallery, metric="cosine"):
    return FeatureSets(query, gallery, _table("q", len(query)), _table("g", len(gallery)), metric, search)


def _table(name, count):
    rows = np.arange(count)
    return ImageTable(tuple(f"{name}/{row}.jpg" for row in rows), np.full(count, -1), camera=rows % 3, track=rows // 3)
