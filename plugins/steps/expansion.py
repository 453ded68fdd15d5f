"""Query expansion: a query is replaced by the mean of itself and the images that it finds."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from pydantic import Field

from harness import FeatureSets, Options, Step
from harness.postprocessing.mixing import lengths, mix
from harness.steps.sets import FloatArray, Nearest

LONGEST = 1000
"""The most neighbours that may be averaged: an expansion by more says nothing about the query any more."""


class AverageOptions(Options):
    """The paper's number of images, without its check by geometry, which one vector an image does not allow."""

    k: int = Field(5, ge=1, le=LONGEST, description="images added (section 3.1)")


class AverageExpansion(Step):
    """Adds to each query the images that it finds first, all with one weight."""

    about = "average query expansion (Chum et al., 2007)"
    source = (
        "Chum et al., Total Recall: Automatic Query Expansion with a Generative Feature Model for Object Retrieval, "
        "ICCV 2007"
    )
    repeats = True
    grid = MappingProxyType({"k": (1, 2, 3, 8, 12)})

    Options = AverageOptions

    def apply(self, sets: FeatureSets) -> FeatureSets:
        """Return the sets with expanded queries."""
        near = sets.neighbours("query", self.options.k)
        return sets.changed(query=mix(sets, "query", near.units, np.ones(near.units.shape)))


class AlphaOptions(Options):
    """The paper's two numbers."""

    k: int = Field(50, ge=1, le=LONGEST, description="images added (section 3.4)")
    alpha: float = Field(3.0, ge=0, le=100, description="power of the cosine (section 3.4)")


class AlphaExpansion(Step):
    """Adds to each query the images that it finds first, each with a power of its similarity as weight."""

    about = "alpha query expansion (Radenovic et al., 2018)"
    source = "Radenovic et al., Fine-tuning CNN Image Retrieval with No Human Annotation, TPAMI 2018"
    repeats = True
    grid = MappingProxyType({"k": (2, 3, 5, 10, 20), "alpha": (0.0, 1.0, 2.0, 5.0)})

    Options = AlphaOptions

    def apply(self, sets: FeatureSets) -> FeatureSets:
        """Return the sets with expanded queries."""
        near = sets.neighbours("query", self.options.k)
        weights = power(np.maximum(cosines(sets, near), 0.0), self.options.alpha)
        return sets.changed(query=mix(sets, "query", near.units, weights))


def cosines(sets: FeatureSets, near: Nearest) -> FloatArray:
    """Return the cosines, (q, k) float64, of queries and their nearest images; 0 with a row of zeros.

    Under the Euclidean metric they follow from the distances: 2 q.g = |q|^2 + |g|^2 - |q - g|^2.
    """
    if sets.metric == "cosine":
        return near.similarity
    query, gallery = lengths(sets.rows("query"))[:, None], lengths(sets.rows("gallery"))[near.units]
    products = (query**2 + gallery**2 + near.similarity) / 2
    sizes = query * gallery
    return np.divide(products, sizes, out=np.zeros_like(products), where=sizes > 0)


def power(values: FloatArray, exponent: float) -> FloatArray:
    """Return values of at least 0 to a power; a whole one by multiplications, which all machines round alike."""
    if exponent != int(exponent):
        return np.asarray(values**exponent)
    result = np.ones_like(values)
    for _ in range(int(exponent)):
        result = result * values
    return result
