"""The way from images to records, through the command as a user types it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.methods.checkpoint import load_checkpoint, save_checkpoint
from harness.scoring.per_query import read_per_query
from harness.scoring.record import read_record

PLUGIN = """
from pathlib import Path
import torch
from torch import nn
import harness
from harness.errors import DataError
from harness.methods.batches import PK
from harness.methods.network import NetworkMethod, Stage


class Network(nn.Module):
    def __init__(self, vehicles):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.classifier = nn.Linear(32, vehicles)

    def forward(self, images):
        feature = self.body(images)
        return {"logits": self.classifier(feature)} if self.training else feature


class Tiny(NetworkMethod):
    needs = frozenset({"vehicle"})

    class Options(harness.Options):
        epochs: int = 2
        input_size: int = 32
        vehicles: int = 4

    variants = {"longer": {"epochs": 3}}

    def network(self, classes):
        return Network(classes["vehicle"])

    def stages(self, classes):
        batches = PK(self.options.vehicles, 2)
        return [Stage("train", self.options.epochs, batches, lambda net: torch.optim.Adam(net.parameters(), 1e-3))]

    def losses(self, outputs, labels, stage):
        return {"vehicle": nn.functional.cross_entropy(outputs["logits"], labels["vehicle"])}


class NoLabel(Tiny):
    def stages(self, classes):
        raise DataError("no image has the label 'wheels'")


class StopsAfterAnEpoch(Tiny):
    def losses(self, outputs, labels, stage):
        if any(Path("runs").rglob("state.pt")):
            raise DataError("that was the first epoch")
        return super().losses(outputs, labels, stage)


class Constant:
    def embed(self, images):
        return torch.ones(len(images), 4)


class NotFinite:
    def embed(self, images):
        return torch.full((len(images), 4), torch.nan)


class Transposed:
    def embed(self, images):
        return images.mean((2, 3)).T


@harness.hookimpl
def bench_register_methods(register):
    register("tiny", Tiny)
    register("no-label", NoLabel)
    register("stops-after-an-epoch", StopsAfterAnEpoch)
    register("constant", Constant)
    register("not-finite", NotFinite)
    register("transposed", Transposed)
"""


@pytest.fixture
def bench(tmp_path, monkeypatch, small_synthetic):
    """Run a verb in an empty folder on the small drawn data set; return what it printed as JSON, or its result."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plugin.py").write_text(PLUGIN)

    def run(verb, *words, data=small_synthetic, status=0, json_wanted=True):
        where = ["--protocol", "synthetic"] if "--protocol" not in words else []
        flags = ["--json"] if json_wanted and verb in {"run", "eval"} else []
        done = CliRunner().invoke(
            main, [verb, *map(str, words), *where, "--data", str(data), "--plugin", "plugin.py", *flags]
        )
        assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
        assert "Traceback" not in done.output
        return json.loads(done.stdout) if flags and status == 0 else done

    return run


def only_folder() -> Path:
    (folder,) = Path("runs").iterdir()
    return folder


def files_of(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {"run.log", ".lock", "config.json"}
    }


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

    record = read_record("records/record-synthetic-image-to-image-cosine.json")
    values = read_per_query(Path("records") / record.per_query.name, expected=record.per_query.digest)
    assert record.method == "random"
    assert np.nanmean(values.values["ap"]) == pytest.approx(record.measures["ap"], abs=1e-12)


def test_a_checkpoint_serves_without_repeating_its_options(bench):
    first = bench("run", "--method", "tiny/longer", "--set", "input_size=48")
    checkpoint = next(Path("runs").rglob("checkpoint.safetensors"))

    again = bench("run", "--method", "tiny", "--checkpoint", checkpoint)

    assert [row["measures"] for row in again] == [row["measures"] for row in first]
    assert again[0]["variant"] == "longer"


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
        ({"options": {"epochs": 0, "layers": 9}}, "option 'layers': Extra inputs are not permitted"),
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


SMALL = [word for option in ("backbone=resnet18", "input_size=32", "p=4") for word in ("--set", option)]


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
    ("method", "message", "status"),
    [("not-finite", "not finite", 1), ("transposed", "wrong shape", 2)],
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


def test_a_feature_file_of_another_data_set_is_refused(bench):
    harness.write_features("other.h5", ["image/0000001.jpg"], np.ones((1, 4)), dataset="vehicleid", method="mine")

    refused = bench("eval", "other.h5", status=2)

    assert "have no feature" in refused.output
    assert "vehicleid" in refused.output
