"""Trying a run: two batches of each stage, a small evaluation, an estimate of the whole, and nothing kept."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from harness.cli.smoke import as_text, duration, size
from harness.data import pictures
from harness.runs.smoke import SmokeReport, Work
from harness.training.smoke import StageTrial, TrainingTrial
from tests.harness.runs.made import PLUGIN, SMALL, files_of, only_folder

ROOT = Path(__file__).parents[3]

MORE = """    register_more(register)


from harness.methods.batches import Shuffled


def adam(net):
    return torch.optim.Adam(net.parameters(), 1e-3)


class ThreeStages(Tiny):
    def stages(self, classes):
        return [
            Stage("all images", 5, Shuffled(16), adam),
            Stage("left out", 0, Shuffled(16), adam),
            Stage("pairs", None, PK(4, 2), adam, iterations=1000),
            Stage("one batch", 7, Shuffled(100_000), adam),
        ]


class Once(Tiny):
    def losses(self, outputs, labels, stage):
        with Path("steps.txt").open("a") as file:
            print(stage.name, len(outputs["logits"]), file=file)
        return super().losses(outputs, labels, stage)


class Diverging(Tiny):
    def losses(self, outputs, labels, stage):
        return {"vehicle": outputs["logits"].sum() * torch.inf}


class Interrupted(Tiny):
    def losses(self, outputs, labels, stage):
        raise KeyboardInterrupt


class Unlike(Tiny):
    def architecture(self, classes):
        return Network(1)


class ByItself(harness.Method):
    def fit(self, session):
        raise AssertionError("it trains")

    def embed(self, images):
        return images.mean((2, 3))


def register_more(register):
    for found in (ThreeStages, Once, Diverging, Interrupted, Unlike, ByItself):
        register(found.__name__.lower(), found)
"""


@pytest.fixture
def smoke(bench, tmp_path, monkeypatch):
    """Try a run, and return what it printed as JSON, or its result; nothing may be left of it."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (tmp_path / "plugin.py").write_text(PLUGIN + MORE)

    def run(method, *words, **choices):
        stood = {path: files_of(path) for path in Path("runs").glob("*")}
        done = bench("run", "--method", method, "--smoke", "--workers", "0", *words, **choices)
        assert {path: files_of(path) for path in Path("runs").glob("*")} == stood
        assert list(temporary.iterdir()) == []
        return done

    return run


def test_each_stage_is_tried_and_estimated_by_its_steps(smoke):
    report = smoke("threestages", "--validate", "none")  # on 292 images

    words = ("stage", "images", "steps_per_epoch", "epochs", "iterations", "steps")
    assert [tuple(stage[word] for word in words) for stage in report["stages"]] == [
        ("all images", 16, 18, 5, None, 90),
        ("pairs", 8, 36, None, 1000, 1000),
        ("one batch", 292, 1, 7, None, 7),
    ]
    for stage in report["stages"]:
        assert stage["first_step_seconds"] > 0
        assert stage["peak_memory_bytes"] > 1 << 20
        assert stage["seconds"] == stage["step_seconds"] * stage["steps"]
    assert report["reading"]["images"] == 292
    assert report["validation"]["images"] == 0


def test_a_stage_is_two_steps_of_whole_batches(smoke):
    smoke("once", "--set", "epochs=9", "--set", "vehicles=6")

    assert Path("steps.txt").read_text().splitlines() == ["train 12", "train 12"]


def test_the_estimate_is_the_sum_of_its_parts(smoke):
    report = smoke("threestages", "--hold-out", "0.25")

    parts = [*report["stages"], report["reading"], report["validation"], report["extraction"]]
    assert report["seconds"] == pytest.approx(sum(part["seconds"] for part in parts))
    assert report["validation"]["images"] == 82 * (5 + 39 + 7)  # of 292 images 210 train, in 26 batches of 8
    assert 0 < report["checkpoint_bytes"] < report["state_bytes"] * 2


def test_it_shows_no_score_and_says_that_it_is_no_result(smoke):
    report = smoke("tiny")
    text = smoke("tiny", json_wanted=False).stdout

    assert report["smoke"] is True
    assert report["evaluation"]["queries"] <= 64
    assert report["evaluation"]["gallery"] <= 256
    assert "Nothing was recorded or kept" in text
    assert "evaluation: works" in text
    for word in ("mAP", "CMC", "ap", "measures", "fingerprint"):
        assert f'"{word}"' not in json.dumps(report)
        assert f" {word} " not in text


def test_only_the_images_of_two_batches_and_of_the_small_evaluations_are_read(smoke, monkeypatch):
    read = []
    decode = pictures.decode
    monkeypatch.setattr(
        pictures, "decode", lambda path, *words, **more: read.append(path) or decode(path, *words, **more)
    )

    smoke("tiny", "--set", "vehicles=2", "--hold-out", "0.2")

    trained = {path for path in read if path.parent.name == "image_train"}
    assert len(trained) <= 2 * 2 * 2 + 64
    assert len({path for path in read if path.parent.name == "image_test"}) <= 256


@pytest.mark.parametrize("rerank", [(), ("--rerank", "k1=3,k2=2,lambda=0.3")])
def test_a_method_that_does_not_train_is_extracted_and_evaluated(smoke, rerank):
    report = smoke("random", *rerank, "--measure", "minp")

    assert (report["stages"], report["checkpoint_bytes"], report["train_on"]) == ([], None, None)
    assert report["extraction"]["images"] > 0
    assert report["seconds"] == report["extraction"]["seconds"]


def test_a_checkpoint_is_extracted_and_evaluated(smoke, bench):
    checkpoint = Path(bench("train", "--method", "tiny").stdout.strip())

    report = smoke("tiny", "--checkpoint", checkpoint)

    assert report["stages"] == []
    assert report["checkpoint_bytes"] == checkpoint.stat().st_size


def test_a_run_of_the_same_configuration_is_neither_touched_nor_waited_for(smoke, bench):
    bench("train", "--method", "tiny")

    with FileLock(only_folder() / ".lock"):
        assert smoke("tiny")["stages"]
    shutil.rmtree("runs")
    smoke("tiny", "--runs", "runs")

    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("method", "message", "status"),
    [
        ("diverging", "the training diverged: the loss is not finite in epoch 1 of 'train'", 1),
        ("interrupted", "bench: interrupted; nothing was kept", 130),
        ("not-finite", "not finite", 1),
        ("unlike", "the checkpoint does not fit the method 'unlike'", 2),
        ("byitself", "method 'byitself' trains by itself, without stages that can be tried", 2),
    ],
)
def test_a_failure_is_reported_as_in_a_run(smoke, method, message, status):
    assert message in smoke(method, status=status).output


@pytest.fixture
def damaged(small_synthetic, tmp_path):
    """A copy of the data set, every second training image of which is no picture."""
    copy = tmp_path / "damaged"
    shutil.copytree(small_synthetic, copy)
    for path in sorted((copy / "image_train").iterdir())[::2]:
        path.write_text("this is no picture")
    return copy


def test_broken_images_are_named_or_replaced_by_others(smoke, damaged):
    refused = smoke("tiny", "--validate", "none", data=damaged, status=2)
    assert "of 16 images cannot be read" in refused.output or "of 15 images cannot be read" in refused.output

    report = smoke("tiny", "--validate", "none", "--skip-broken", data=damaged)
    assert [stage["images"] for stage in report["stages"]] == [8]


@pytest.mark.parametrize(
    ("method", "options", "stages"),
    [
        ("strong-baseline", SMALL, 1),
        ("pgan", [*SMALL, "--set", "weights=none"], 1),
        ("rnn-ha", ["--set", "input_size=64"], 3),
        pytest.param("ram", ["--set", "input_size=64", "--set", "fc_width=32"], 8, marks=pytest.mark.slow),
        ("pr-reid", ["--set", "input_size=32"], 1),
    ],
)
def test_the_built_in_methods_can_be_tried(smoke, method, options, stages):
    report = smoke(method, "--recipe", "quick", *options)

    assert len(report["stages"]) == stages


def test_training_on_another_copy_validates_on_its_test_images(smoke, small_synthetic):
    words = ("--train-on", "synthetic", "--train-data", small_synthetic, "--validate", "test")

    report = smoke("tiny", *words)

    tested = report["extraction"]["images"]
    assert report["validation"]["images"] == 2 * tested  # after each of two epochs


@pytest.mark.slow
def test_two_processes_report_once(tmp_path, small_synthetic):
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "temporary").mkdir()
    words = ["--method", "tiny", "--protocol", "synthetic", "--data", small_synthetic, "--plugin", "plugin.py"]
    command = [sys.executable, "-m", "harness", "run", *words, "--device", "cpu", "--devices", "2", "--smoke", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "temporary"), "OMP_NUM_THREADS": "1"}

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)  # noqa: S603

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["processes"], report["stages"][0]["images"]) == (2, 8)
    assert not (tmp_path / "runs").exists()
    assert not list((tmp_path / "temporary").glob(".vehicle-reid-bench-*"))


def test_the_table_shows_what_the_numbers_say():
    stage = StageTrial("conv", 64, 9.0, 0.25, 0.1, 4, 6_200_000_000, 590, None, 60_000)
    about = {"name": "ram/bn", "recipe": "paper", "protocol": "veri776", "device": "cuda, NVIDIA H100"}
    report = SmokeReport(
        about={**about, "memory": "of the GPU", "precision": "32-true"},
        task={"task": "veri776/image-to-track", "queries": 64, "gallery": 256},
        extraction=Work(13_257, 0.002),
        checkpoint_bytes=640_000_000,
        training=TrainingTrial((stage,), 0.001, 0.002, 1_840_000_000),
        reading=Work(37_778, 0.001),
        validation=Work(102 * 3_700, 0.002),
    )

    text = as_text(report)

    (row,) = [line for line in text.splitlines() if line.startswith("| conv")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        *("conv", "64", "9 s", "0.25 s", "6.2 GB", "590", "60,000 iterations", "4.2 h")
    ]
    assert "ram/bn by the recipe paper on veri776" in text
    assert "reading before training: 37,778 images, 38 s" in text
    assert "validation, all epochs together: 377,400 images, 13 min" in text
    assert "on disk: 1.8 GB of training state, then a checkpoint of 640 MB" in text
    assert "extraction: 13,257 images, 500 a second: 27 s" in text
    assert "about 4.4 h, estimated from few images" in text  # 15,000 + 38 + 755 + 27 s


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.26, "0.26 s"), (45, "45 s"), (120, "2 min"), (5940, "99 min"), (5990, "1.7 h"), (1_703_000, "473 h")],
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text


def test_sizes_are_short():
    assert [size(count) for count in (1_200_000, 640_000_000, 1_840_000_000)] == ["1.2 MB", "640 MB", "1.8 GB"]
