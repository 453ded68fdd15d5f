"""Runs that are refused or fail: one message, and nothing half-done is left."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.methods.checkpoint import load_checkpoint, save_checkpoint
from harness.scoring.record import read_record
from tests.harness.runs.made import SMALL, files_of, only_folder


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--method", "strong-baseline"), "another method"),
        (("--method", "tiny/longer"), "another variant"),
        (("--method", "tiny", "--set", "input_size=64"), "another option"),
        (("--method", "random"), "does not train"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(bench, words, message):
    checkpoint = bench("train", "--method", "tiny").stdout.strip()

    refused = bench("run", *words, "--checkpoint", checkpoint, status=2)

    assert message in refused.output


@pytest.fixture
def checkpoint(bench):
    return Path(bench("train", "--method", "tiny", "--set", "epochs=0", "--runs", "made").stdout.strip())


@pytest.mark.parametrize("verb", ["run", "extract"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": {"vehicle": 7}}, "size mismatch for classifier"),
        ({"classes": {}}, "no 'vehicle'"),
        ({"options": {"epochs": "many"}}, "option 'epochs': Input should be a valid integer"),
        ({}, 'Missing key(s) in state_dict: "classifier.bias"'),
    ],
)
def test_a_checkpoint_of_another_form_of_the_method_is_refused_and_leaves_nothing(
    bench, checkpoint, verb, change, message
):
    state, info = load_checkpoint(checkpoint)
    if not change:
        del state["classifier.bias"]
    save_checkpoint(Path("other.safetensors"), state, info.model_copy(update=change))

    refused = bench(verb, "--method", "tiny", "--checkpoint", "other.safetensors", status=2)

    assert "the checkpoint does not fit the method 'tiny'" in refused.output
    assert "where: other.safetensors" in refused.output
    assert message in refused.output
    assert list(Path().glob("runs/*")) == []


@pytest.mark.parametrize("verb", ["run", "extract"])
def test_a_checkpoint_with_an_option_that_the_method_lacks_names_it(bench, checkpoint, verb):
    state, info = load_checkpoint(checkpoint)
    save_checkpoint(Path("other.safetensors"), state, info.model_copy(update={"options": {"layers": 9}}))

    refused = bench(verb, "--method", "tiny", "--checkpoint", "other.safetensors", status=2)

    assert "the checkpoint names an option that method 'tiny' does not have" in refused.output
    assert "found: layers" in refused.output
    assert list(Path().glob("runs/*")) == []


@pytest.mark.parametrize("verb", ["run", "train"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--method", "no-label"), "no image has the label 'wheels'"),
        (("--method", "tiny", "--set", "vehicles=1000"), "cannot fill a batch of 1000 x 2"),
        (("--method", "strong-baseline", *SMALL, "--set", "weights=gone.pth"), "no such weights file"),
    ],
)
def test_a_run_that_fails_before_anything_is_trained_leaves_nothing(bench, verb, words, message):
    refused = bench(verb, *words, "--recipe", "", status=2)

    assert message in refused.output
    assert list(Path().glob("runs/*")) == []


def test_a_run_that_fails_after_an_epoch_leaves_what_the_next_one_goes_on_from(bench):
    bench("run", "--method", "stops-after-an-epoch", status=2)

    assert {"config.json", "run.log", "state.pt"} <= {path.name for path in only_folder().rglob("*")}
    again = bench("train", "--method", "stops-after-an-epoch", status=2)
    assert "that was the first epoch" in again.output
    assert list(only_folder().rglob("state.pt"))


def test_a_run_that_fails_leaves_a_folder_that_stood_before(bench):
    bench("train", "--method", "tiny")
    stood = files_of(only_folder())
    (only_folder() / "checkpoint.safetensors").write_bytes(b"torn")

    bench("run", "--method", "tiny", status=2)

    assert files_of(only_folder()).keys() == stood.keys()


@pytest.fixture
def damaged(small_synthetic, tmp_path):
    """A copy of the data set with a truncated, a foreign and a missing image in the gallery and in training."""
    copy = tmp_path / "damaged"
    shutil.copytree(small_synthetic, copy)
    for name in ("image_train", "image_test"):
        images = sorted((copy / name).iterdir())
        images[0].write_bytes(images[0].read_bytes()[:300])
        images[1].write_text("this is no picture")
        images[2].unlink()
    return copy


@pytest.mark.parametrize("verb", ["train", "extract"])
def test_broken_images_are_named_and_counted_and_the_run_is_refused(bench, damaged, verb):
    method = "tiny" if verb == "train" else "random"

    refused = bench(verb, "--method", method, data=damaged, status=2)

    assert "3 of" in refused.output
    assert not list(Path("runs").rglob("checkpoint.safetensors"))
    assert not list(Path("runs").rglob("features.h5"))


def test_broken_images_are_left_out_on_request_and_the_result_is_not_official(bench, damaged):
    results = bench("run", "--method", "tiny", "--skip-broken", data=damaged)

    assert all(result["official"] is False for result in results)
    assert all(0 <= result["measures"]["ap"] <= 1 for result in results)


@pytest.mark.parametrize(
    ("method", "message", "status"), [("not-finite", "not finite", 1), ("transposed", "wrong shape", 2)]
)
def test_a_method_that_breaks_the_contract_fails_the_run_and_leaves_no_features(bench, method, message, status):
    failed = bench("run", "--method", method, status=status)

    assert message in failed.output
    assert not list(Path("runs").rglob("features.h5"))


def test_a_damaged_record_is_written_again(bench):
    first = bench("run", "--method", "random")
    record = next(Path("runs").rglob("record-synthetic-image-to-image-cosine.json"))
    record.write_text(record.read_text().replace('"ap":', '"ap_":'))

    assert bench("run", "--method", "random") == first
    assert read_record(record)


def test_a_feature_file_of_another_data_set_is_refused(bench):
    harness.write_features("other.h5", ["image/0000001.jpg"], np.ones((1, 4)), dataset="vehicleid", method="mine")

    refused = bench("eval", "other.h5", status=2)

    assert "have no feature" in refused.output
    assert "vehicleid" in refused.output
