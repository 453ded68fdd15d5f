"""Database augmentation: a gallery image is replaced by the mean of itself and the gallery images nearest to it."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from pydantic import Field

from harness import FeatureSets, Options, Step
from harness.postprocessing.mixing import mix

LONGEST = 1000
"""The most images that may be averaged."""


class AugmentationOptions(Options):
    """The number of images of Gordo et al."""

    k: int = Field(20, ge=1, le=LONGEST, description="images averaged, the image itself first (section 5.3)")


class DatabaseAugmentation(Step):
    """Adds to each gallery image its neighbours, with weights that fall evenly with their rank."""

    about = "database augmentation (Arandjelovic and Zisserman, 2012)"
    source = (
        "Arandjelovic and Zisserman, Three Things Everyone Should Know to Improve Object Retrieval, CVPR 2012; for one "
        "vector an image, with weights by rank: Gordo et al., End-to-end Learning of Deep Visual Representations for "
        "Image Retrieval, IJCV 2017"
    )
    repeats = True
    grid = MappingProxyType({"k": (2, 3, 5, 10)})

    Options = AugmentationOptions

    def apply(self, sets: FeatureSets) -> FeatureSets:
        """Return the sets with an augmented gallery: the image of rank r, itself 0, weighs (k - r) / k."""
        k = self.options.k
        near = sets.neighbours("gallery", k - 1)
        weights = (k - np.arange(1, near.units.shape[1] + 1)) / k
        return sets.changed(gallery=mix(sets, "gallery", near.units, np.tile(weights, (len(near.units), 1))))
