"""Training on several data sets together, as a user types it."""

import json
import shutil
from pathlib import Path

import pytest

from harness.features.seen import apart, trained_sets
from harness.methods.checkpoint import load_checkpoint
from harness.scoring.evaluation import with_training
from harness.scoring.record import read_record
from leaderboard.pages.columns import elsewhere
from tests.harness.runs.made import only_folder
from tests.protocols.trees import write_cityflow
from tests.records import record as made_record

BOTH = ("run", "--method", "tiny", "--set", "epochs=1", "--protocol", "synthetic/image-to-image")


def test_a_training_on_two_data_sets_is_one_run_in_any_order_and_says_so_everywhere(bench, small_synthetic):
    data = f"veri776={small_synthetic}"
    first = bench(*BOTH, "--train-on", "veri776+synthetic", "--train-data", data)
    again = bench(*BOTH, "--train-on", "synthetic+veri776", "--train-data", f"{data},synthetic={small_synthetic}")

    assert first == again
    folder = only_folder()
    assert folder.name.startswith("tiny-synthetic+veri776-")
    info = load_checkpoint(folder / "checkpoint.safetensors")[1]
    record = read_record(next(folder.rglob("record-*.json")))
    assert info.train_on == record.train_on == "synthetic+veri776"
    assert info.train_data == record.train_data == json.loads((folder / "config.json").read_text())["train_data"]
    assert elsewhere(record) == "synthetic+veri776 (this data set and more)"


def test_both_data_sets_have_classes_of_their_own(bench, small_synthetic):
    bench(*BOTH, "--validate", "none")
    one = load_checkpoint(only_folder() / "checkpoint.safetensors")[1].classes
    shutil.rmtree("runs")
    bench(*BOTH, "--validate", "none", "--train-on", "veri776+synthetic", "--train-data", f"veri776={small_synthetic}")
    both = load_checkpoint(only_folder() / "checkpoint.safetensors")[1].classes

    assert both["vehicle"] == 2 * one["vehicle"]
    assert both["camera"] == 2 * one["camera"]
    assert both["colour"] == one["colour"], "yellow is yellow in both"


@pytest.mark.slow
def test_the_checkpoint_of_two_data_sets_is_evaluated_like_any_other(bench, small_synthetic):
    bench(*BOTH, "--train-on", "veri776+synthetic", "--train-data", f"veri776={small_synthetic}")
    path = only_folder() / "checkpoint.safetensors"

    bench("run", "--method", "tiny", "--protocol", "synthetic/image-to-image", "--checkpoint", path)

    records = [read_record(file) for file in Path("runs").rglob("record-*.json")]
    assert [record.train_on for record in records] == ["synthetic+veri776"] * 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("veri776+veri776",), "'veri776' is to be trained on twice"),
        (("veri776+sinthetic",), "did you mean 'synthetic'?"),
        (("veri776+",), "a data set to train on has no name"),
        (("synthetic+veri776",), "give it with --train-data veri776=DIR"),
        (("synthetic+veri776", "--train-data", "VeRi"), "expected: synthetic=DIR,veri776=DIR"),
        (("synthetic+veri776", "--train-data", "veri77=VeRi"), "did you mean 'veri776'?"),
        (("synthetic+veri776", "--train-data", "veri776=a,veri776=b"), "the folder of 'veri776' is given twice"),
        (("synthetic+veri776", "--train-data", "veri776=nowhere"), "give the right one with --train-data veri776=DIR"),
        (("synthetic+veri776", "--validate", "test"), "has no test split to validate on"),
    ],
)
def test_what_cannot_be_trained_on_is_one_message_and_leaves_nothing(bench, words, message):
    done = bench(*BOTH, "--train-on", *words, status=2)

    assert message in done.stderr
    assert done.stderr.count("bench: ") == 1
    assert not Path("runs").exists()


def test_a_data_set_without_training_images_is_named_with_its_folder(bench, small_synthetic, tmp_path):
    lists = tmp_path / "wild" / "test_split"
    lists.mkdir(parents=True)
    (lists / "All_query.txt").write_text("00001/000001.jpg 1 1\n")
    (lists / "All_gallery.txt").write_text("00001/000002.jpg 1 2\n")

    done = bench(*BOTH, "--train-on", "synthetic+veriwild2", "--train-data", f"veriwild2={tmp_path / 'wild'}", status=2)

    assert "veriwild2 has no training images" in done.stderr


def test_one_data_set_keeps_its_plain_folder_and_may_name_it(bench, small_synthetic):
    plain = bench(*BOTH, "--train-on", "veri776", "--train-data", small_synthetic)
    named = bench(*BOTH, "--train-on", "veri776", "--train-data", f"veri776={small_synthetic}")

    assert plain == named
    assert only_folder().name.startswith("tiny-veri776-")


def test_data_sets_that_weights_have_seen_together_are_told_apart(bench, small_synthetic):
    assert trained_sets(None) == ()
    assert apart(["veri776+vric", "veri776", "laion2b+coco"], ["veri776"]) == ("veri776", "vric", "laion2b+coco")

    bench("run", "--method", "constant", "--trained-on", "synthetic+vric")
    record = read_record(next(Path("runs").rglob("record-*.json")))
    assert record.trained_on == ("synthetic", "vric")


@pytest.mark.parametrize(
    ("origin", "known"),
    [
        ({"train_on": "cityflow"}, True),
        ({"train_on": "cityflow+vric"}, True),
        ({"trained_on": ("imagenet", "cityflow")}, True),
        ({"train_on": "vric"}, False),
        ({}, False),
    ],
)
def test_a_method_that_was_trained_on_the_vehicles_of_a_task_is_never_official_there(tmp_path, origin, known):
    from protocols.cityflow import PUBLIC, TRAINING, CityFlow

    embedding = made_record(**origin)

    dataset = CityFlow().load(write_cityflow(tmp_path))

    def departures(task):
        return with_training(embedding, "cityflow", task, dataset).departures.get(task.query, ())

    assert [sentence[:34] for sentence in departures(TRAINING)] == ["the method was trained on cityflow"] * known
    assert departures(PUBLIC) == ()
