"""A method from outside: the mean colours of the cells of a grid."""

from pydantic import Field

import harness


class MeanColour(harness.Method):
    """Three numbers a cell; one cell is the whole image."""

    class Options(harness.Options):
        """What a user can set with ``--set``."""

        cells: int = Field(1, ge=1, le=32, description="cells a side")
        input_size: int = Field(64, ge=32, description="height and width of the images in pixels")

    variants = {"grid": {"cells": 4}}  # noqa: RUF012 - nobody changes it

    def embed(self, images):
        """Return (n, 3 * cells ** 2) means of (n, 3, height, width) images."""
        from torch.nn.functional import adaptive_avg_pool2d

        return adaptive_avg_pool2d(images, self.options.cells).flatten(1)


@harness.hookimpl
def bench_register_methods(register):
    """Register the one method."""
    register("mean-colour", MeanColour, about="the mean colours of a grid of cells")
