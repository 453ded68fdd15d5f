"""Processes that do not see the same features and lists are refused before they add anything up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.compute.machine import Machine
from harness.errors import UsageError
from harness.features import FeatureFile
from harness.kernel.ranking import rank
from harness.scoring.evaluation import score
from harness.scoring.recording import record_tasks
from harness.scoring.settings import ScoringSettings
from harness.tasks.relevance import RowLists
from tests.harness.kernel.problems import random_problem
from tests.harness.kernel.teams import in_threads

IMAGES = 60


class Plain(harness.Protocol):
    """Twenty queries, forty gallery images."""

    name = "plain"
    tasks = (harness.Task("image-to-image", harness.Rule(), measures=("ap", "cmc@1")),)

    def load(self, root):
        rows = np.arange(IMAGES)
        whole = harness.ImageTable(tuple(f"{row}.jpg" for row in rows), rows % 7, camera=rows % 3)
        return harness.Dataset(Path(root), {"query": whole.take(rows < 20), "gallery": whole.take(rows >= 20)})


def write(path, seed=1):
    keys = [f"{row}.jpg" for row in range(IMAGES)]
    table = np.random.default_rng(seed).standard_normal((IMAGES, 4)).astype(np.float32)
    return harness.write_features(path, keys, table, dataset="plain", method="mine")


def changed(dataset, *, vehicles=None, rows=None):
    """Return the data set with another gallery: other vehicles in the order of the images, or other rows."""
    gallery = dataset.split("gallery")
    if vehicles is not None:
        gallery = replace(gallery, vehicle=vehicles(gallery.vehicle.copy()))
    if rows is not None:
        gallery = gallery.take(rows)
    return replace(dataset, splits={**dataset.splits, "gallery": gallery})


def one_label(vehicles):
    vehicles[-1] += 1
    return vehicles


def swapped(vehicles):
    vehicles[[0, 1]] = vehicles[[1, 0]]
    return vehicles


CHANGES = {
    "one label": {"vehicles": one_label},
    "two labels swapped": {"vehicles": swapped},
    "a row fewer": {"rows": np.arange(39)},
}


def records(team, path, dataset, metric="cosine", **settings):
    chosen = ScoringSettings(metric=metric, machine=Machine(team=team), **settings)
    with FeatureFile.open(path) as file:
        return record_tasks(file, Plain(), Plain.tasks, dataset, chosen)


def refused(found, *words):
    """Check that all processes raised one error that names the second process and holds some words."""
    assert [type(one) for one in found] == [UsageError, UsageError]
    assert len({str(one) for one in found}) == 1
    assert [one.reported for one in found] == [False, True]
    for word in ("process 1 of 2", *words):
        assert word in str(found[0])


@pytest.mark.parametrize("change", CHANGES)
def test_lists_that_differ_are_refused(tmp_path, change):
    path, data = write(tmp_path / "f.h5"), Plain().load(tmp_path)
    seen = [data, changed(data, **CHANGES[change])]

    found = in_threads(2, lambda team: records(team, path, seen[team.index]))

    refused(found, "the lists of plain/image-to-image")


def test_features_of_other_numbers_are_refused(tmp_path):
    paths, data = [write(tmp_path / "a.h5"), write(tmp_path / "b.h5", seed=2)], Plain().load(tmp_path)
    digests = [FeatureFile.open(path).digest for path in paths]

    found = in_threads(2, lambda team: records(team, paths[team.index], data))

    refused(found, f"found: features {digests[1][:12]}...", f"expected: features {digests[0][:12]}...")


def test_another_metric_is_refused(tmp_path):
    path, data = write(tmp_path / "f.h5"), Plain().load(tmp_path)

    found = in_threads(2, lambda team: records(team, path, data, ("cosine", "euclidean")[team.index]))

    refused(found, "found: metric euclidean", "expected: metric cosine")


def test_the_same_lists_in_another_order_are_refused(tmp_path):
    path, data = write(tmp_path / "f.h5"), Plain().load(tmp_path)
    seen = [data, changed(data, rows=np.arange(40)[::-1])]

    found = in_threads(2, lambda team: records(team, path, seen[team.index]))

    refused(found, "gallery features")


def test_images_that_one_process_lacks_are_refused(tmp_path):
    paths, data = [write(tmp_path / "a.h5"), tmp_path / "b.h5"], Plain().load(tmp_path)
    with FeatureFile.open(paths[0]) as file:
        harness.write_features(paths[1], file.keys[:-1], file.read()[:-1], dataset="plain", method="mine")

    found = in_threads(2, lambda team: records(team, paths[team.index], data, skip_missing=True))

    refused(found, "features", "the lists of plain/image-to-image")


def test_a_score_in_python_compares_what_the_kernel_is_given(tmp_path):
    paths, data = [write(tmp_path / "a.h5"), write(tmp_path / "b.h5", seed=2)], Plain().load(tmp_path)

    def one(team):
        with FeatureFile.open(paths[team.index]) as file:
            return score(file, Plain(), Plain.tasks[0], data, ScoringSettings(machine=Machine(team=team)))

    refused(in_threads(2, one), "query features", "gallery features")


def test_arrays_and_relevance_are_compared_by_their_content():
    problem = random_problem(21)

    def one(team, **others):
        own = others if team.index else {}
        relevance = own.get("relevance", problem.relevance)
        return rank(own.get("queries", problem.queries), problem.gallery, relevance, machine=Machine(team=team))

    other = problem.queries.copy()
    other[0, 0] += 1
    refused(in_threads(2, lambda team: one(team, queries=other)), "found: query features")

    starts = np.zeros_like(problem.relevance.ignored.starts)
    nothing = replace(
        problem.relevance, ignored=RowLists(starts, np.zeros(0, np.int64)), positives=problem.relevance.positives
    )
    refused(in_threads(2, lambda team: one(team, relevance=nothing)), "found: right and ignored units")
