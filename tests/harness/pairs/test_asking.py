"""Questions in Python: what is counted, carried over, refused and noted."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import harness
from harness.errors import DataError, FeatureError, RecordError, UsageError
from harness.kernel.exact import similarities
from harness.pairs.open_set import without_vehicles
from harness.pairs.result import THE_TEST, read_result
from harness.registry.registry import load
from harness.tasks.rules import relevance
from tests.harness.pairs import reference

TASK = "synthetic/image-to-image"


@pytest.fixture
def asked(features, small_synthetic):
    def done(task=TASK, of=features, **settings):
        return harness.verification(of, task, data=small_synthetic, **settings)

    return done


def rows_of(made, root, task=TASK, left_out=()):
    """Return the similarities of each query to its positives and its negatives, without vehicles left out."""
    protocol, (task, *_) = load().tasks(task)
    dataset = protocol.load(root)
    rule, query, gallery = relevance(task, dataset), dataset.split(task.query), dataset.split(task.gallery)
    keys, table = made
    place = {key: number for number, key in enumerate(keys)}
    wanted = table[[place[path] for path in gallery.paths]]
    kept = ~np.isin(gallery.vehicle, left_out)
    rows = []
    for number, path in enumerate(query.paths):
        similar = similarities(table[place[path]], wanted, euclidean=False)
        right, hidden = (np.isin(np.arange(rule.units), lists.of(number)) for lists in (rule.positives, rule.ignored))
        rows.append((similar[right & kept].tolist(), similar[~right & ~hidden & kept].tolist()))
    return rows


def test_an_answer_is_that_of_a_list_of_all_pairs(asked, made, small_synthetic):
    rows = rows_of(made, small_synthetic)
    positives, negatives = ([one for row in rows for one in row[side]] for side in (0, 1))

    answer = asked(far=["0.1", 1e-2])

    assert (answer.positives, answer.negatives) == (len(positives), len(negatives))
    values = {word: one.value for word, one in answer.measures.items()}
    assert values.pop("pr-auc") == pytest.approx(float(reference.pr_area(positives, negatives)), abs=1e-13)
    assert values == {
        "tar@far=0.1": float(reference.tar_at_far(positives, negatives, "0.1")),
        "tar@far=0.01": float(reference.tar_at_far(positives, negatives, "0.01")),
        "eer": float(reference.equal_error(positives, negatives)),
        "f1": float(reference.best_f1(positives, negatives)),
        "roc-auc": float(reference.roc_area(positives, negatives)),
    }
    assert {point.chosen_on for point in answer.points} == {THE_TEST}


def test_thresholds_alone_are_the_same_numbers(asked):
    whole, quick = asked(), asked(areas=False)

    assert quick.points == whole.points
    assert quick.measures == {word: value for word, value in whole.measures.items() if "auc" not in word}
    assert "The areas under the curves were not asked for." in quick.notes


def test_vehicles_left_out_make_an_open_set(asked, made, small_synthetic):
    protocol, (task, *_) = load().tasks(TASK)
    dataset = protocol.load(small_synthetic)
    rule = without_vehicles(relevance(task, dataset), task, dataset, 0.5, 3)
    vehicles = dataset.split(task.gallery).vehicle
    left_out = np.setdiff1d(vehicles, vehicles[rule.draws[0].units])
    rows = rows_of(made, small_synthetic, left_out=left_out)
    known, unknown = [row for row in rows if row[0]], [wrong for right, wrong in rows if not right]

    answer = asked(unknown=0.5, seed=3, fpir=["0.2", "0.05"]).open_set

    assert len(left_out) == round(len(np.unique(vehicles)) / 2)
    assert (answer.left_out, answer.seed) == (0.5, 3)
    assert (answer.known, answer.unknown) == (len(known), len(unknown))
    assert {word: one.value for word, one in answer.measures.items()} == {
        f"fnir@fpir={rate}": float(reference.fnir_at_fpir(known, unknown, rate)) for rate in ("0.2", "0.05")
    }
    assert answer != asked(unknown=0.5, seed=4, fpir=["0.2", "0.05"], areas=False).open_set


def test_an_open_set_without_unknown_queries_is_refused(asked):
    with pytest.raises(DataError, match="queries whose vehicle is in the gallery, and others") as error:
        asked(fpir=["0.01"])
    assert "--unknown 0.5" in error.value.next_step


def test_held_out_thresholds_are_carried_to_the_test(asked, tmp_path):
    path = tmp_path / "held-out-same-or-not.json"
    held = asked(held_out=0.5)
    held.write(path)

    answer = asked(threshold_from=path, unknown=0.5)

    carried = [point for point in answer.points if point.chosen_on != THE_TEST]
    assert {point.chosen_on for point in carried} == {
        f"{held.held_out.vehicles} held-out training vehicles of synthetic"
    }
    assert [point.threshold for point in carried] == [point.threshold for point in held.points]
    assert all(point.fnir is not None for point in carried)
    assert answer.thresholds_from == held.digest == read_result(path).digest
    assert answer.calibration.curve == held.calibration.curve
    assert 0 <= held.calibration.error < 0.2
    assert sum(one.positives for one in answer.calibration.bins) == answer.positives
    assert sum(one.negatives for one in answer.calibration.bins) == answer.negatives
    assert asked(threshold_from=tmp_path, unknown=0.5) == answer


def test_thresholds_of_the_test_stay_marked(asked, tmp_path):
    path = tmp_path / "test.json"
    asked().write(path)

    assert {point.chosen_on for point in asked(threshold_from=path).points} == {THE_TEST}
    other = asked("synthetic/image-to-track", threshold_from=path)
    assert f"test vehicles of {TASK}" in {point.chosen_on for point in other.points}


@pytest.mark.parametrize("change", ["method", "metric"])
def test_thresholds_of_another_model_are_refused(asked, made, tmp_path, change):
    path = tmp_path / "thresholds.json"
    asked(metric="euclidean" if change == "metric" else None, areas=False).write(path)
    of = tmp_path / "other.h5"
    harness.write_features(of, *made, dataset="synthetic", method="another" if change == "method" else "mine")

    with pytest.raises(RecordError, match="another model") as error:
        asked(of=of, threshold_from=path)
    assert change in error.value.found


def test_carried_thresholds_are_not_carried_on(asked, tmp_path):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    asked(held_out=0.5, areas=False).write(first)
    asked(threshold_from=first, areas=False).write(second)

    with pytest.raises(RecordError, match="gives no threshold"):
        asked(threshold_from=second)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "no result of 'bench same'"),
        ("[1]", "no result of 'bench same'"),
        ('{"kind": "record"}', "no result of 'bench same'"),
        ('{"kind": "same or not", "schema": 2, "digest": ""}', "another schema"),
        ('{"kind": "same or not", "schema": 1, "digest": ""}', "changed after it was written"),
    ],
)
def test_a_file_that_is_no_result_is_refused(asked, tmp_path, content, what):
    path = tmp_path / "odd.json"
    path.write_text(content)

    with pytest.raises(RecordError, match=what):
        asked(threshold_from=path)


def test_a_changed_result_is_refused(asked, tmp_path):
    path = tmp_path / "changed.json"
    asked(areas=False).write(path)
    content = json.loads(path.read_text())
    content["points"][0]["threshold"] += 0.1
    path.write_text(json.dumps(content))

    with pytest.raises(RecordError, match="changed after it was written"):
        asked(threshold_from=path)


def test_a_folder_without_a_result_is_refused(asked, tmp_path):
    with pytest.raises(RecordError, match="no result that could give thresholds"):
        asked(threshold_from=tmp_path)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"far": ["0"]}, "a rate is not between 0 and 1"),
        ({"far": ["one"]}, "a rate is not between 0 and 1"),
        ({"far": [1.5]}, "a rate is not between 0 and 1"),
        ({"far": "0.1"}, "far is a text"),
        ({"far": [n / 100 for n in range(1, 30)]}, "too many rates"),
        ({"unknown": 1.0}, "share of unknown vehicles is out of range"),
        ({"held_out": 0.0}, "share of held-out vehicles is out of range"),
        ({"held_out": 0.5, "unknown": 0.5}, "not about held-out training vehicles"),
        ({"seed": -1}, "the seed is out of range"),
        ({"threshold": 1}, "unknown setting of verification"),
        ({"metric": "dot"}, "unknown metric"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(asked, settings, what):
    with pytest.raises(UsageError, match=what):
        asked(**settings)


def test_held_out_images_without_features_are_said(asked, made, small_synthetic, tmp_path):
    protocol, _ = load().tasks(TASK)
    test = {
        path for name, table in protocol.load(small_synthetic).splits.items() if name != "train" for path in table.paths
    }
    own = [number for number, key in enumerate(made[0]) if key in test]
    harness.write_features(
        tmp_path / "test.h5", [made[0][n] for n in own], made[1][own], dataset="synthetic", method="mine"
    )

    with pytest.raises(FeatureError, match="have no feature") as error:
        asked(of=tmp_path / "test.h5", held_out=0.5)
    assert "same-or-not.md" in error.value.next_step


def test_a_task_with_draws_has_a_deviation(asked, made, small_synthetic, monkeypatch):
    protocol, (task, *_) = load().tasks(TASK)
    rule = harness.Rule(draws=harness.Draws(count=3))
    drawn = replace(task, rule=rule, query="gallery", gallery="gallery")
    registry = load()
    monkeypatch.setattr(type(registry), "tasks", lambda self, word: (protocol, [drawn]))

    answer = harness.verification(made, TASK, data=small_synthetic, registry=registry, unknown=0.5)

    assert answer.draws == 3
    assert answer.measures["eer"].deviation > 0
    assert answer.open_set.measures["fnir@fpir=0.1"].deviation is not None
    assert any(point.threshold is None for point in answer.points)
