"""Small image tables and data sets for tests, and the strategies that draw them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.tasks.task import Draws, Rule, Task


def column(values):
    return None if values is None else np.array(values, dtype=np.int64)


def table(vehicle, camera=None, track=None, paths=None, **labels) -> ImageTable:
    """Return a table; images are named by their row unless ``paths`` says otherwise."""
    paths = [f"{row}.jpg" for row in range(len(vehicle))] if paths is None else paths
    others = {name: column(values) for name, values in labels.items()}
    return ImageTable(tuple(paths), column(vehicle), column(camera), column(track), **others)


def dataset(query: ImageTable, gallery: ImageTable | None = None) -> Dataset:
    """Return a data set of a query and a gallery, or of one split ``test``."""
    if gallery is None:
        return Dataset(Path("nowhere"), {"test": query})
    return Dataset(Path("nowhere"), {"query": query, "gallery": gallery})


def task(rule: Rule, **others) -> Task:
    """Return a task of that rule; one that draws asks the split ``test``."""
    if rule.draws is not None:
        others = {"query": "test", "gallery": "test", **others}
    return Task("task", rule, ("ap",), **others)


@st.composite
def fixed_problems(draw) -> tuple[Task, Dataset]:
    """Draw a task of any rule without draws, and a data set with few vehicles, cameras and tracks."""
    unit = draw(st.sampled_from(["image", "track"]))
    ignore = draw(st.lists(st.sampled_from(["same image", "same vehicle and camera", "same camera"]), unique=True))
    tracks = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=12))
    rows = draw(st.lists(st.integers(0, len(tracks) - 1), min_size=1, max_size=20))
    gallery = table(
        [tracks[row][0] for row in rows],
        [tracks[row][1] for row in rows],
        [100 - row for row in rows],
        [f"g{place}.jpg" for place in range(len(rows))],
    )
    new = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=6))
    copied = draw(st.lists(st.integers(0, len(rows) - 1), max_size=6, unique=True))
    if not new and not copied:
        new = [(0, 0)]
    query = table(
        [vehicle for vehicle, _ in new] + gallery.vehicle[copied].tolist(),
        [camera for _, camera in new] + gallery.camera[copied].tolist(),
        paths=[f"q{row}.jpg" for row in range(len(new))] + [gallery.paths[row] for row in copied],
    )
    return task(Rule(unit=unit, ignore=tuple(ignore))), dataset(query, gallery)


@st.composite
def drawn_problems(draw) -> tuple[Task, Dataset]:
    """Draw a task that draws, and a data set of one split with two images or more of each vehicle."""
    sizes = draw(st.lists(st.integers(2, 5), min_size=1, max_size=6))
    vehicle = draw(st.permutations([number for number, size in enumerate(sizes) for _ in range(size)]))
    draws = Draws(draw(st.sampled_from(["gallery", "query"])), draw(st.integers(1, 3)), draw(st.integers(0, 99)))
    return task(Rule(draws=draws)), dataset(table(vehicle))
