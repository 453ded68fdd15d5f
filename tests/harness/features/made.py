"""A small feature file that the tests of feature files share."""

from pathlib import Path

import numpy as np

from harness.features import Provenance, write_features

ABOUT = Provenance(method="mine", dataset="veri776")


def example(folder: Path, rows: int = 600, width: int = 4, **about) -> tuple[Path, list[str], np.ndarray]:
    keys = [f"image_test/{row:05d}.jpg" for row in range(rows)]
    features = np.random.default_rng(1).standard_normal((rows, width)).astype(np.float32)
    path = write_features(folder / "f.h5", keys, features, dataset="veri776", method="mine", **about)
    return path, keys, features
