"""The way from images to records, through the command as a user types it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import harness
from harness.scoring.per_query import read_per_query
from harness.scoring.record import read_record
from tests.harness.runs.made import PLUGIN, files_of, only_folder


def test_everything_of_a_run_lies_in_one_folder(bench):
    bench("run", "--method", "tiny")

    names = {path.name for path in only_folder().rglob("*") if path.is_file()}
    assert {
        "config.json",
        "run.log",
        "checkpoint.safetensors",
        "features.h5",
        "validation.csv",
        "validation.png",
    } <= names
    assert {"record-synthetic-image-to-track-cosine.json", "record-synthetic-image-to-image-cosine.json"} <= names
    assert {"per-query-synthetic-image-to-image-cosine.csv.gz"} <= names
    assert json.loads((only_folder() / "config.json").read_text())["method"] == "tiny"


def test_the_record_says_what_the_extraction_took_and_is_compared_without_it(bench):
    for folder in ("a", "b"):
        bench("run", "--method", "random", "--runs", folder)
    paths = sorted(Path().glob("[ab]/*/*/record-synthetic-image-to-image-cosine.json"))

    first, second = (read_record(path) for path in paths)

    assert first.cost.images == len(harness.FeatureFile.open(paths[0].with_name("features.h5")))
    assert first.cost.device.startswith("cpu")
    assert first.cost.seconds != second.cost.seconds
    assert first.run == second.run
    assert first.model_copy(update={"cost": None}) == second.model_copy(update={"cost": None})


def test_a_record_that_stands_is_not_written_again_for_its_cost(bench):
    bench("run", "--method", "random")
    (cost,) = Path("runs").rglob("cost.json")
    stood = files_of(only_folder())
    cost.write_text(cost.read_text().replace('"images":', '"images":1'))

    bench("run", "--method", "random")

    changed = {name for name, time in files_of(only_folder()).items() if stood.get(name) != time}
    assert changed == {str(cost.relative_to(only_folder()))}


def test_a_second_identical_run_does_nothing_and_answers_the_same(bench):
    first = bench("run", "--method", "tiny")
    stood = files_of(only_folder())

    second = bench("run", "--method", "tiny")

    assert second == first
    assert files_of(only_folder()) == stood


def test_the_same_command_in_another_folder_gives_the_same_digits(bench):
    first = bench("run", "--method", "tiny", "--runs", "a")
    second = bench("run", "--method", "tiny", "--runs", "b")

    assert second == first
    features = [harness.FeatureFile.open(path).digest for path in sorted(Path().glob("[ab]/*/*/features.h5"))]
    assert len(features) == 2
    assert features[0] == features[1]


@pytest.mark.parametrize(
    "change",
    [
        ("--seed", "1"),
        ("--set", "epochs=1"),
        ("--method", "tiny/longer"),
        ("--hold-out", "0.3"),
        ("--validate", "none"),
    ],
)
def test_a_changed_word_trains_anew(bench, change):
    bench("train", "--method", "tiny")

    bench("train", *(("--method", "tiny") if "--method" not in change else ()), *change)

    assert len(list(Path("runs").iterdir())) == 2


def test_a_choice_that_moves_last_digits_gives_other_features_of_the_same_training(bench):
    first = Path(bench("extract", "--method", "tiny").stdout.strip())
    second = Path(bench("extract", "--method", "tiny", "--batch", "8").stdout.strip())

    assert first.parent.parent == second.parent.parent == only_folder()
    assert first != second
    with harness.FeatureFile.open(first) as one, harness.FeatureFile.open(second) as other:
        assert (one.provenance.precision, other.provenance.precision) == ("32-true", "32-true, batches of 8")
        np.testing.assert_allclose(one.read(), other.read(), atol=1e-5)


def test_pictures_that_the_decoder_shrinks_give_other_features_and_the_record_says_so(bench, small_synthetic, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(small_synthetic, copy)
    for path in copy.glob("image_*/*.jpg"):
        with Image.open(path) as image:
            image.resize((80, 80)).save(path)  # the input is 32 x 32
    words = ("--method", "tiny", "--set", "epochs=0")
    first = Path(bench("extract", *words, data=copy).stdout.strip())

    bench("run", *words, "--reduce", data=copy)

    second = next(path for path in only_folder().glob("*/features.h5") if path.parent != first.parent)
    record = read_record(second.with_name("record-synthetic-image-to-image-cosine.json"))
    assert record.precision == "32-true, reduced while decoding"
    with harness.FeatureFile.open(first) as one, harness.FeatureFile.open(second) as other:
        assert other.provenance.precision == record.precision
        assert not np.array_equal(one.read(), other.read())


def test_a_changed_code_or_data_set_trains_anew(bench, small_synthetic, tmp_path):
    bench("train", "--method", "tiny")
    (tmp_path / "plugin.py").write_text(PLUGIN.replace("stride=4", "stride=3"))
    bench("train", "--method", "tiny")
    assert len(list(Path("runs").iterdir())) == 2

    copy = tmp_path / "copy"
    shutil.copytree(small_synthetic, copy)
    image = next((copy / "image_train").iterdir())
    image.write_bytes(image.read_bytes() + b"\0")
    bench("train", "--method", "tiny", data=copy)

    assert len(list(Path("runs").iterdir())) == 3


def test_a_changed_file_under_the_name_that_an_option_gives_trains_anew(bench, tmp_path):
    (tmp_path / "plugin.py").write_text(PLUGIN.replace("input_size: int = 32", "input_size: int = 32; start: str = ''"))
    for content in ("one", "two"):
        (tmp_path / "start.bin").write_text(content)
        bench("train", "--method", "tiny", "--set", "start=start.bin", "--set", "epochs=0")

    assert len(list(Path("runs").iterdir())) == 2


def test_the_steps_alone_give_what_the_run_gives(bench):
    whole = bench("run", "--method", "tiny", "--runs", "whole")

    checkpoint = bench("train", "--method", "tiny", "--runs", "steps").stdout.strip()
    features = bench("extract", "--method", "tiny", "--checkpoint", checkpoint, "--runs", "steps").stdout.strip()
    alone = bench("eval", features)

    assert alone == whole


def test_eval_writes_records_where_it_is_asked_to(bench):
    features = bench("extract", "--method", "random").stdout.strip()

    bench("eval", features, "--record", "records")

    record = read_record(next(Path("records").glob("record-random-synthetic-image-to-image-cosine-*.json")))
    values = read_per_query(Path("records") / record.per_query.name, expected=record.per_query.digest)
    assert record.method == "random"
    assert np.nanmean(values.values["ap"]) == pytest.approx(record.measures["ap"], abs=1e-12)


def test_a_checkpoint_serves_without_repeating_its_options(bench):
    first = bench("run", "--method", "tiny/longer", "--set", "input_size=48")
    checkpoint = next(Path("runs").rglob("checkpoint.safetensors"))

    again = bench("run", "--method", "tiny", "--checkpoint", checkpoint)

    assert [row["measures"] for row in again] == [row["measures"] for row in first]
    assert again[0]["variant"] == "longer"


def test_training_on_another_copy_is_named_in_the_record(bench, small_synthetic):
    bench("run", "--method", "tiny", "--train-on", "synthetic", "--train-data", small_synthetic)

    record = read_record(next(Path("runs").rglob("record-*.json")))
    assert record.train_on == "synthetic"
    assert record.official is False


def test_oracle_scores_one_everywhere_and_constant_features_at_chances_worst(bench):
    for result in bench("run", "--method", "oracle"):
        assert set(result["measures"].values()) == {1.0}
    for result in bench("run", "--method", "constant"):
        assert result["measures"]["ap"] < 0.2
        assert result["ties"] > 0


@pytest.mark.parametrize("method", ["random", "colour-histogram", "tiny"])
def test_hit_1_of_tracks_is_cmc_1_of_images_for_every_query(bench, method):
    bench("run", "--method", method)

    values = {}
    for task, word in (("image-to-track", "hit@1"), ("image-to-image", "cmc@1")):
        record = read_record(next(Path("runs").rglob(f"record-synthetic-{task}-cosine.json")))
        values[task] = read_per_query(next(Path("runs").rglob(record.per_query.name))).values[word]
    assert np.array_equal(values["image-to-track"], values["image-to-image"])


def test_the_python_surface_gives_what_the_command_gives(bench, small_synthetic):
    features = bench("extract", "--method", "colour-histogram").stdout.strip()
    printed = bench("eval", features, "--protocol", "synthetic/image-to-image", "--metric", "euclidean")[0]

    scores = harness.evaluate(features, "synthetic/image-to-image", data=small_synthetic, metric="euclidean")

    assert scores.mean == printed["measures"]
    assert (scores.fingerprint, scores.official) == (printed["fingerprint"], printed["official"])
    assert scores.queries == printed["queries"] == len(scores.per_query["ap"])
    assert scores.ignored_queries == printed["ignored_queries"]


def test_features_are_evaluated_without_the_images(bench, small_synthetic, tmp_path):
    features = bench("extract", "--method", "random").stdout.strip()
    lists = tmp_path / "lists"
    shutil.copytree(small_synthetic, lists, ignore=lambda folder, names: [n for n in names if n.endswith(".jpg")])

    assert bench("eval", features, data=lists)[0]["measures"] == bench("eval", features)[0]["measures"]
