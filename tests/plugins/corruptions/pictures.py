"""Pictures of several shapes for the tests of corruptions."""

import numpy as np

from harness.corruptions.applied import probe


def smooth(height, width, seed=0):
    """A picture with gradients, blocks and a little texture."""
    rng = np.random.Generator(np.random.PCG64(seed))
    rows, columns = np.mgrid[0:height, 0:width]
    found = np.stack([60 + rows * 80 // height, 90 + columns * 90 // width, 140 - rows * 60 // height], axis=2)
    for _ in range(6):
        top, left = rng.integers(0, height), rng.integers(0, width)
        found[top : top + height // 3, left : left + width // 3] = rng.integers(0, 256, 3)
    return np.clip(found + rng.integers(-6, 7, found.shape), 0, 255).astype(np.uint8)


PICTURES = [probe(), smooth(64, 64), smooth(150, 90, 1), smooth(40, 170, 2)]


def distance(one, other):
    return float(np.abs(one.astype(np.int64) - other.astype(np.int64)).mean())
