import numpy as np
import pytest

import harness
from harness.data.images import UNKNOWN
from harness.errors import DataError
from harness.features import write_features
from harness.scoring.recording import evaluate_file
from harness.scoring.settings import ScoringSettings
from harness.tasks.check import check_copy
from harness.tasks.conventions import serve, with_conventions
from harness.tasks.counts import counts
from protocols.cityflow import PUBLIC, TRAINING, CityFlow
from tests.protocols.trees import write_cityflow, write_named
from tests.protocols.veri_tree import write_lines


def test_the_last_fifth_of_the_training_vehicles_stands_for_the_withheld_test(tmp_path):
    dataset = CityFlow().load(write_cityflow(tmp_path))

    assert sorted(set(dataset.splits["train"].vehicle.tolist())) == list(range(1, 9))
    assert sorted(set(dataset.splits["public-gallery"].vehicle.tolist())) == [9, 10]
    assert dataset.splits["public-query"].paths == tuple(f"image_train/{n:06}.jpg" for n in (34, 35, 38, 39))
    assert counts(PUBLIC, dataset)["positives"] == 4 * 2
    assert counts(TRAINING, dataset)["queries"] == 20
    assert dataset.splits["train"].track.max() == 15


@pytest.mark.parametrize("convention", ["no-camera-rule", "first-100"])
def test_no_query_finds_itself_where_cameras_are_not_looked_at(tmp_path, convention):
    dataset = CityFlow().load(write_cityflow(tmp_path))
    (task,) = [one for one in with_conventions([PUBLIC], [convention]) if one.convention]

    assert counts(task, dataset)["ignored"] == 4
    assert counts(task, dataset)["positives"] == 4 * 3


def test_the_users_own_list_of_the_substitute_is_followed_and_noted(tmp_path):
    write_lines(write_cityflow(tmp_path) / "public_split.txt", ["0002", "3"])
    dataset = CityFlow().load(tmp_path)

    assert sorted(set(dataset.splits["public-gallery"].vehicle.tolist())) == [2, 3]
    assert "the vehicles of the substitute are those of public_split.txt" in dataset.notes


@pytest.mark.parametrize("line", ["77", "car", "-1"])
def test_a_list_that_names_no_training_vehicle_is_refused(tmp_path, line):
    write_lines(write_cityflow(tmp_path) / "public_split.txt", [line])
    with pytest.raises(DataError, match=r"is not a vehicle of train_label\.xml"):
        CityFlow().load(tmp_path)


def test_a_list_of_every_vehicle_leaves_none_to_train_on(tmp_path):
    write_lines(write_cityflow(tmp_path) / "public_split.txt", [str(number) for number in range(1, 11)])
    with pytest.raises(DataError, match="names every vehicle"):
        CityFlow().load(tmp_path)


@pytest.mark.parametrize("line", ["9999", ""])
def test_nobody_is_sent_to_the_release_for_a_list_of_their_own(tmp_path, line):
    write_lines(write_cityflow(tmp_path) / "public_split.txt", [line])
    with pytest.raises(DataError) as caught:
        CityFlow().load(tmp_path)

    assert "release" not in str(caught.value)
    assert "public_split.txt" in str(caught.value)


def test_the_withheld_test_can_be_extracted_and_never_scored(tmp_path):
    dataset = CityFlow().load(write_cityflow(tmp_path))
    served, lost = serve(CityFlow.tasks, dataset)

    assert [task.name for task in served] == ["public", "training"]
    assert "the vehicles of this test are withheld" in str(lost["test"])
    assert "bench track2 write" in str(lost["test"])
    assert dataset.splits["test-query"].vehicle.tolist() == [UNKNOWN] * 3
    assert dataset.splits["test-gallery"].track.tolist() == [0, 0, 1, 1, 1, 1, UNKNOWN]


@pytest.mark.parametrize(
    ("origin", "departs"),
    [
        ({}, False),
        ({"train_on": "veri776"}, False),
        ({"train_on": "cityflow"}, True),
        ({"trained_on": ["cityflow"]}, True),
    ],
)
def test_who_was_trained_on_the_training_vehicles_has_no_official_result_on_them(tmp_path, origin, departs):
    root = write_cityflow(tmp_path / "data")
    keys = CityFlow().load(root).splits["training-gallery"].paths
    values = np.random.default_rng(1).normal(size=(len(keys), 4))
    write_features(tmp_path / "f.h5", keys, values, dataset="cityflow", method="m", **origin)

    def reasons(task):
        words = {"registry": harness.load(), "data": root, "folder": None}
        (record,) = evaluate_file(tmp_path / "f.h5", f"cityflow/{task}", ScoringSettings(), **words)
        return [reason for reason in record.differences if "trained on cityflow" in reason]

    assert bool(reasons("training")) is departs
    assert reasons("public") == []


def test_a_check_does_not_hold_the_withheld_test_or_the_training_task_against_a_copy(tmp_path):
    write_cityflow(tmp_path)
    write_named(tmp_path, *[f"image_train/{n:06}.jpg" for n in range(40)])
    report = check_copy(CityFlow(), tmp_path)

    assert not any("are in 'train' and in" in finding for finding in report.findings)
    assert [split.found.get("vehicles") for split in report.splits if split.split.startswith("test")] == [None, None]
    assert "withheld" not in report.verdict


def test_without_the_lists_of_the_test_the_rest_is_served(tmp_path):
    dataset = CityFlow().load(write_cityflow(tmp_path, test=False))

    assert "the lists of the challenge's test are missing" in str(dataset.unavailable["test"])
    assert [note for note in dataset.notes if "the challenge's test cannot be answered" in note]
    assert [task.name for task in serve(CityFlow.tasks, dataset)[0]] == ["public", "training"]


def test_odd_items_and_tracks_are_named(tmp_path):
    write_cityflow(tmp_path)
    items = ['<Item imageName="1.jpg" vehicleID="x" cameraID="c001" />', '<Item imageName="../2.jpg" />']
    items += ['<Item imageName="3.jpg" vehicleID="1" cameraID="c001" />'] * 2
    write_lines(tmp_path / "train_label.xml", ["<A>", *items, "</A>"])
    write_lines(tmp_path / "train_track.txt", ["3.jpg", "3.jpg", "../x.jpg"])
    with pytest.raises(DataError) as raised:
        CityFlow().load(tmp_path)

    message = str(raised.value)
    assert "train_label.xml:2: " in message
    assert "train_label.xml:3: " in message
    assert "train_label.xml:5: '3.jpg' is already in an earlier item" in message
    assert "train_track.txt:2: '3.jpg' is already in an earlier track" in message
    assert "train_track.txt:3: '../x.jpg' is not a path inside" in message


def test_an_empty_label_file_is_refused(tmp_path):
    write_cityflow(tmp_path)
    write_lines(tmp_path / "train_label.xml", ["<A>", "</A>"])
    with pytest.raises(DataError, match="the label file names no image"):
        CityFlow().load(tmp_path)
