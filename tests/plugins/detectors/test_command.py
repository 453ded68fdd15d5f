"""From labelled images to a run with detected boxes, as a user types it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import harness
from harness.boxes import CLASSES, read_boxes
from harness.cli import main
from harness.methods.checkpoint import load_checkpoint
from harness.scoring.record import read_record
from plugins.detectors.command import parts
from tests.harness.boxes.files import same

PAGE = Path(__file__).parents[3] / "docs" / "parts.md"
PLUGIN = """
import torch
from torch import nn
import harness
from harness.methods.batches import PK
from harness.methods.network import NetworkMethod, Stage


class ByBoxes:
    needs = test_needs = frozenset({"boxes.parts"})

    def embed(self, images, boxes_parts):
        places = [torch.cat([rows[:, 2:], torch.ones(1, 4)]).mean(0) for rows in boxes_parts]
        return torch.cat([images.mean((2, 3)), torch.stack(places)], 1)


class Network(nn.Module):
    def __init__(self, vehicles):
        super().__init__()
        self.classifier = nn.Linear(3, vehicles)

    def forward(self, images, **boxes):
        mean = images.mean((2, 3))
        return {"logits": self.classifier(mean)} if self.training else mean


class TrainedByRegions(NetworkMethod):
    needs = frozenset({"vehicle", "boxes.regions"})

    class Options(harness.Options):
        input_size: int = 16

    def network(self, classes):
        return Network(classes["vehicle"])

    def stages(self, classes):
        return [Stage("train", 1, PK(4, 2), lambda net: torch.optim.SGD(net.parameters(), 1e-3))]

    def losses(self, outputs, labels, stage):
        return {"vehicle": nn.functional.cross_entropy(outputs["logits"], labels["vehicle"])}


@harness.hookimpl
def bench_register_methods(register):
    register("by-boxes", ByBoxes)
    register("trained-by-regions", TrainedByRegions)
"""
QUICK = ("--set", "epochs=1", "--set", "input_size=64", "--set", "keep=8", "--set", "batch=32")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, small_synthetic: Path) -> Path:
    """The small drawn set without its boxes."""
    copy = tmp_path_factory.mktemp("bare") / "data"
    shutil.copytree(small_synthetic, copy, ignore=shutil.ignore_patterns("boxes"))
    return copy


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, small_synthetic: Path, bare: Path) -> Path:
    """A folder with a detector of one epoch, what it printed, and the boxes that it found."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "plugin.py").write_text(PLUGIN)
    where = ["--protocol", "synthetic", "--data", str(bare)]
    labels = small_synthetic / "boxes" / "parts.json"
    done = invoke(
        "parts", "train", "--detector", "ssd-small", "--boxes", labels, "--out", folder / "d.safetensors", *QUICK,
        *where, "--json",
    )  # fmt: skip
    (folder / "precision.json").write_text(done.stdout)
    for name in ("boxes.h5", "boxes.json"):
        invoke("parts", "detect", "--detector", folder / "d.safetensors", "--out", folder / name, *where)
    return folder


def invoke(*words: object, status: int = 0) -> Any:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
    assert "Traceback" not in done.output
    return done


@pytest.fixture
def run(bare: Path, trained: Path, tmp_path: Path):
    """Run a method on the bare set with the runs in a fresh folder."""

    def call(method: str, *words: object, status: int = 0, data: Path = bare, verb: str = "run") -> Any:
        return invoke(
            verb, "--method", method, "--protocol", "synthetic/image-to-image", "--data", data, "--plugin",
            trained / "plugin.py", "--runs", tmp_path / "runs", *words, status=status,
        )  # fmt: skip

    return call


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.rglob(pattern)
    return found


def test_training_prints_the_precision_on_the_images_held_out(trained: Path):
    measured = json.loads((trained / "precision.json").read_text())
    assert measured["images"] > 10
    assert set(measured["AP50"]) == {name for name, count in measured["boxes"].items() if count}
    assert 0 <= measured["means"]["AP50:95"] <= measured["means"]["AP50"] <= 1


def test_detected_boxes_are_the_same_in_both_forms(trained: Path, bare: Path):
    one, other = (read_boxes(trained / name, kind="parts") for name in ("boxes.h5", "boxes.json"))
    assert same(one, other)
    assert all(path.startswith("image_") for path in one.of_image)
    assert {len(rows) for rows in one.of_image.values()} == {8}


def test_one_split_alone_can_be_looked_at(trained: Path, bare: Path, tmp_path: Path):
    words = ("--protocol", "synthetic", "--data", bare, "--split", "query", "--out", tmp_path / "boxes.h5")
    invoke("parts", "detect", "--detector", trained / "d.safetensors", *words)
    assert {path.split("/")[0] for path in read_boxes(tmp_path / "boxes.h5").of_image} == {"image_query"}


def test_a_run_with_the_detector_is_the_run_with_its_boxes(run, trained: Path, tmp_path: Path):
    run("by-boxes", "--boxes", trained / "boxes.json")
    features, record = only(tmp_path, "features.h5"), read_record(only(tmp_path, "record-*.json"))
    kept = read_boxes(features.with_name("boxes-parts.h5"))
    assert record.boxes == {"parts": kept.digest} == {"parts": read_boxes(trained / "boxes.h5").digest}
    assert (record.train_boxes, record.test_needs) == ({}, ("boxes.parts",))
    values = harness.FeatureFile.open(features).digest
    shutil.rmtree(tmp_path / "runs")
    run("by-boxes", "--detector", trained / "d.safetensors")
    assert harness.FeatureFile.open(only(tmp_path, "features.h5")).digest == values
    stood = only(tmp_path, "parts-*.h5").stat().st_mtime_ns
    run("by-boxes", "--detector", trained / "d.safetensors")
    assert only(tmp_path, "parts-*.h5").stat().st_mtime_ns == stood


def test_trying_a_run_looks_only_at_the_images_that_it_reads(run, trained: Path, caplog: pytest.LogCaptureFixture):
    small = [word for option in ("backbone=resnet18", "input_size=32", "p=2", "k=2") for word in ("--set", option)]
    words = ("--recipe", "quick", *small, "--detector", trained / "d.safetensors")

    done = run("pgan", *words, "--smoke", "--json")

    assert json.loads(done.stdout)["stages"][0]["images"] == 4
    trained_on, tested = map(int, re.findall(r"boxes of kind 'parts': \d+ in (\d+) images", caplog.text))
    assert trained_on <= 2 * 4 + 64
    assert tested <= 64 + 256


def test_other_boxes_are_another_run_and_other_forms_of_the_same_are_not(run, trained: Path, tmp_path: Path):
    run("by-boxes", "--boxes", trained / "boxes.h5")
    run("by-boxes", "--boxes", trained / "boxes.json")
    only(tmp_path, "features.h5")
    content = json.loads((trained / "boxes.json").read_text())
    content["annotations"] = content["annotations"][:-1]
    (tmp_path / "fewer.json").write_text(json.dumps(content))
    run("by-boxes", "--boxes", tmp_path / "fewer.json")
    assert len(list(tmp_path.rglob("features.h5"))) == 2


def test_boxes_of_training_decide_the_run_and_stand_in_checkpoint_and_record(
    run, tmp_path: Path, small_synthetic: Path
):
    labels = small_synthetic / "boxes" / "regions.json"
    run("trained-by-regions", "--boxes", labels)
    record = read_record(only(tmp_path, "record-*.json"))
    digests = {"regions": read_boxes(labels, kind="regions").digest}
    assert (record.boxes, record.train_boxes) == ({}, digests)
    assert load_checkpoint(only(tmp_path, "checkpoint.safetensors"))[1].boxes == digests
    run("trained-by-regions", data=small_synthetic)
    only(tmp_path, "checkpoint.safetensors")
    content = json.loads(labels.read_text())
    content["annotations"] = content["annotations"][:-1]
    (tmp_path / "fewer.json").write_text(json.dumps(content))
    run("trained-by-regions", "--boxes", tmp_path / "fewer.json", verb="train")
    assert len(list(tmp_path.rglob("checkpoint.safetensors"))) == 2


def test_a_run_without_boxes_says_what_is_missing_and_which_command_makes_it(run):
    missing = run("by-boxes", status=2).output
    for words in ("boxes of kind 'parts'", "--boxes", "bench parts train", "--detector"):
        assert words in missing


@pytest.mark.parametrize(
    ("method", "words", "message"),
    [
        ("random", ("--boxes", "{boxes}"), "this run does not use --boxes"),
        ("random", ("--detector", "{detector}"), "this run does not use --detector"),
        ("by-boxes", ("--train-boxes", "{boxes}"), "this run does not use --train-boxes"),
        ("by-boxes", ("--boxes", "{boxes}", "--detector", "{detector}"), "this run does not use --detector"),
        ("trained-by-regions", ("--detector", "{detector}"), "finds boxes of kind 'parts'"),
        ("trained-by-regions", ("--boxes", "{boxes}"), "unknown class of the boxes 'regions'"),
        ("by-boxes", ("--boxes", "none.json"), "the file of boxes is missing"),
        ("by-boxes", ("--detector", "none.safetensors"), "the checkpoint is missing"),
        ("by-boxes", ("--detector", "{boxes}"), "the file is a JSON document"),
    ],
)
def test_a_wrong_word_is_refused_and_nothing_is_left(run, trained: Path, tmp_path: Path, method, words, message):
    given = [word.format(boxes=trained / "boxes.json", detector=trained / "d.safetensors") for word in words]
    assert message in run(method, *given, status=2).output
    assert not list(tmp_path.rglob("*.h5"))


def test_nothing_is_written_where_a_detector_or_its_words_are_wrong(trained: Path, bare: Path, tmp_path: Path):
    where = ("--protocol", "synthetic", "--data", bare)
    for words, message in (
        (("detect", "--detector", trained / "d.safetensors", "--out", tmp_path / "boxes.txt"), "ends in .h5"),
        (("detect", "--detector", trained / "boxes.h5", "--out", tmp_path / "boxes.h5"), "damaged"),
        (("train", "--detector", "ssd-smal", "--out", tmp_path / "d"), "did you mean 'ssd-small'"),
        (("train", "--detector", "ssd-small", "--out", tmp_path / "d"), "boxes of kind 'parts'"),
        (("train", "--detector", "ssd-small", "--set", "epoch=1", "--out", tmp_path / "d"), "did you mean 'epochs'"),
        (
            ("train", "--detector", "ssd-small", "--set", "keep=0", "--out", tmp_path / "d"),
            "see 'bench parts detectors'",
        ),
    ):
        assert message in invoke("parts", *words, *where, status=2).output
    assert not list(tmp_path.iterdir())


def test_the_detectors_are_listed_with_their_options():
    listed = {row["detector"]: row for row in json.loads(invoke("parts", "detectors", "--json").stdout)}
    assert list(listed) == ["localnet", "localnet-small", "ssd-small", "ssd300"]
    assert listed["ssd300"]["options"]["input_size"] == 300
    assert "ssd300: SSD on VGG-16" in invoke("parts", "detectors").stdout


def examples(command: click.Command) -> list[str]:
    """The commands at the end of a help text, without their continued lines' breaks."""
    head, _, lines = (command.epilog or "").replace("\\\n", "").partition("Examples:\n")
    assert head == "\b\n"
    return [line.strip().removeprefix("bench ") for line in lines.splitlines()]


EXAMPLES = [line for command in (parts, *parts.commands.values()) for line in examples(command)]


@pytest.mark.parametrize("line", [*re.findall(r"^    bench (.+)$", PAGE.read_text(), re.MULTILINE), *EXAMPLES])
def test_every_command_of_the_page_and_of_a_help_text_is_understood(line: str):
    command, words = main, line.split()
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(0))
    assert command.make_context("bench", words).command is command


@pytest.mark.parametrize("command", [parts, *parts.commands.values()], ids=lambda command: command.name)
def test_a_help_text_is_one_short_sentence_with_examples_and_a_sentence_for_each_option(command: click.Command):
    assert command.help
    assert len(command.help) <= 55
    assert examples(command)
    assert [option.name for option in command.params if not option.help] == []


def test_the_page_names_every_class_of_every_kind_in_its_order():
    rows = re.findall(r"^\| `(\w+)` \| ([^|;]+)", PAGE.read_text(), re.MULTILINE)
    listed = {kind: tuple(text.strip().split(", ")) for kind, text in rows if kind in CLASSES}
    assert listed == CLASSES
