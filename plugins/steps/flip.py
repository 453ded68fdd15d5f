"""The flip test: the feature of a picture and that of its mirror image are averaged."""

from __future__ import annotations

import numpy as np

from harness import FeatureSets, Step
from harness.steps.sets import FeatureArray, Table

ROWS = 4096
"""Images averaged at once."""


class Flip(Step):
    """Averages each feature with that of the mirrored picture."""

    about = "flip test: the features of a picture and of its mirror image are averaged"
    source = (
        "Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012, who "
        "average over mirrored pictures"
    )
    needs = frozenset({"mirrored"})
    undefined = frozenset()
    opens = True

    def apply(self, sets: FeatureSets) -> FeatureSets:
        """Return the sets with the means of both features, as they are and not as directions."""
        if sets.mirrored is None:
            raise ValueError("the features of the mirrored pictures are missing")
        query, gallery = sets.mirrored
        return sets.changed(query=_halfway(sets.query, query), gallery=_halfway(sets.gallery, gallery))


def _halfway(plain: Table, mirrored: Table) -> FeatureArray:
    count, width = plain.shape
    rows = np.empty((count, width), dtype=np.float32)
    for first in range(0, count, ROWS):
        part = slice(first, first + ROWS)
        rows[part] = (np.asarray(plain[part], dtype=np.float64) + mirrored[part]) / 2
    return rows
