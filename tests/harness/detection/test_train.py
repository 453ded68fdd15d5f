"""Detectors learn, the same on every run, and what they leave is read back or refused."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.boxes import find_boxes
from harness.compute.compute import Compute
from harness.detection.detect import detect, load_detector, make
from harness.detection.precision import average_precision
from harness.detection.train import DetectorRequest, hold_out_images, train_detector
from harness.errors import CheckpointError, DataError, RunError, UsageError
from harness.methods.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from harness.methods.detector import Detector
from harness.registry.registry import load
from harness.training import engine
from tests.harness.boxes.files import same
from tests.plugins.parts.drawn import draw

COMPUTE = Compute(device="cpu", workers=0)
SMALL = {"ssd-small": ("parts", {"input_size": 64}), "localnet-small": ("regions", {"input_size": 64, "dropout": 0})}


def detector(name: str, **options: Any) -> Detector:
    kind = load().detector(name)
    return make(kind, kind.Options(**{**SMALL[name][1], "shift": 0, "keep": 20, **options}))


def trained(folder: Path, name: str, out: str = "detector.safetensors", *, share: float = 0.0, **options: Any) -> Path:
    dataset, labels = draw(folder, SMALL[name][0])
    request = DetectorRequest(name, load().protocol("synthetic"), dataset, labels, share, compute=COMPUTE)
    train_detector(detector(name, **options), request, folder / out)
    return folder / out


@pytest.mark.parametrize("name", list(SMALL))
def test_a_small_detector_learns_eight_images_by_heart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setattr(engine, "SMALL", 0)  # one state in place of 45
    path = trained(tmp_path, name, epochs=45, batch=8)
    dataset, labels = draw(tmp_path, SMALL[name][0])
    truth = find_boxes(dataset, {f"boxes.{SMALL[name][0]}"}, labels)[SMALL[name][0]]
    found = detect(load_detector(path, load()), dataset, truth.of_image, compute=COMPUTE)
    assert average_precision(found, truth, list(truth.of_image)).means["AP50"] > 0.9
    assert sorted(found.of_image) == sorted(truth.of_image)
    assert [item.name for item in tmp_path.iterdir() if item.name.startswith(".")] == []


def test_the_same_seed_gives_the_same_network_and_the_same_boxes_to_the_bit(tmp_path: Path):
    paths = [trained(tmp_path, "ssd-small", f"{run}.safetensors", epochs=2, share=0.25) for run in ("one", "other")]
    dataset, _ = draw(tmp_path, "parts")
    keys = dataset.splits["train"].paths
    found = [detect(load_detector(path, load()), dataset, keys, compute=COMPUTE) for path in paths]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert same(found[0], found[1])
    assert all(len(rows) for rows in found[0].of_image.values())


def test_the_checkpoint_says_what_it_was_trained_on(tmp_path: Path):
    _, info = load_checkpoint(trained(tmp_path, "localnet-small", epochs=0))
    dataset, labels = draw(tmp_path, "regions")
    assert info.boxes == {"regions": find_boxes(dataset, {"boxes.regions"}, labels)["regions"].digest}
    assert (info.method, info.options["kind"], info.train_on) == ("localnet-small", "regions", "synthetic")


def test_a_seed_holds_out_the_same_images_and_another_seed_others():
    one, again, other = (hold_out_images(100, 0.2, seed) for seed in (1, 1, 2))
    assert sorted([*one[0], *one[1]]) == list(range(100))
    assert len(one[1]) == 20
    assert one[1].tolist() == again[1].tolist() != other[1].tolist()
    assert [len(part) for part in hold_out_images(5, 0.01, 0)] == [4, 1]
    assert [len(part) for part in hold_out_images(5, 0.0, 0)] == [5, 0]
    with pytest.raises(UsageError, match="too few images"):
        hold_out_images(1, 0.5, 0)


def test_boxes_of_test_images_alone_are_not_trained_on(tmp_path: Path):
    dataset, labels = draw(tmp_path, "parts")
    table = dataset.splits["train"]
    dataset = replace(
        dataset, splits={"train": replace(table, paths=tuple(f"x{key}" for key in table.paths)), "query": table}
    )
    request = DetectorRequest("ssd-small", load().protocol("synthetic"), dataset, labels, compute=COMPUTE)
    with pytest.raises(DataError, match="no training image has a box"):
        train_detector(detector("ssd-small"), request, tmp_path / "detector.safetensors")
    assert not (tmp_path / "detector.safetensors").exists()


def test_a_training_that_cannot_begin_leaves_nothing_and_goes_on_without_the_broken_image(tmp_path: Path):
    dataset, labels = draw(tmp_path, "parts")
    (tmp_path / dataset.splits["train"].paths[3]).write_text("no picture")
    request = DetectorRequest("ssd-small", load().protocol("synthetic"), dataset, labels, 0.0, compute=COMPUTE)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="1 of 8 images cannot be read"):
        train_detector(detector("ssd-small", epochs=1), request, tmp_path / "detector.safetensors")
    assert sorted(tmp_path.rglob("*")) == before
    train_detector(
        detector("ssd-small", epochs=1), replace(request, skip_broken=True), tmp_path / "detector.safetensors"
    )
    assert sorted({*tmp_path.rglob("*")} - {*before}) == [tmp_path / "detector.safetensors"]


def test_a_second_training_of_the_same_detector_is_told_and_the_first_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fit, told = Detector.fit, []

    def meanwhile(self: Detector, session: Any) -> None:
        if not told:
            told.append(True)
            with pytest.raises(RunError, match="another bench is training this detector"):
                trained(tmp_path, "ssd-small", epochs=1)
        fit(self, session)

    monkeypatch.setattr(Detector, "fit", meanwhile)
    path = trained(tmp_path, "ssd-small", epochs=1)

    assert told
    assert load_detector(path, load())
    assert not [item for item in tmp_path.iterdir() if item.name.startswith(".")]


def test_an_interrupted_training_goes_on_to_the_same_digits(tmp_path: Path):
    whole = trained(tmp_path, "ssd-small", "whole.safetensors", epochs=2)
    dataset, labels = draw(tmp_path, "parts")
    request = DetectorRequest("ssd-small", load().protocol("synthetic"), dataset, labels, 0.0, compute=COMPUTE)
    killed = detector("ssd-small", epochs=2)
    losses, calls = killed.losses, []

    def until_the_second_epoch(*words):
        calls.append(words)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return losses(*words)

    killed.losses = until_the_second_epoch
    with pytest.raises(KeyboardInterrupt):
        train_detector(killed, request, tmp_path / "again.safetensors")
    assert not (tmp_path / "again.safetensors").exists()
    train_detector(detector("ssd-small", epochs=2), request, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == whole.read_bytes()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("untrained"), "ssd-small", epochs=0)


def test_a_torn_file_and_one_that_executes_code_are_refused(tmp_path: Path, checkpoint: Path):
    whole, path = checkpoint.read_bytes(), tmp_path / "detector.safetensors"
    for content in (whole[: len(whole) // 2], whole[:-1], b"", pickle.dumps({"weights": print})):
        path.write_bytes(content)
        with pytest.raises(CheckpointError):
            load_detector(path, load())
    torch.save({"weights": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="execute code"):
        load_detector(path, load())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "strong-baseline"}, "not of a known detector"),
        ({"method": "localnet"}, "an option that method 'localnet' does not have"),
        ({"options": {"kind": "regions", "input_size": 64}}, "does not fit the detector 'ssd-small'"),
        ({"options": {"kind": "wheels"}}, "does not fit the detector 'ssd-small'"),
        ({"options": {"layers": 9}}, "an option that method 'ssd-small' does not have"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, checkpoint: Path, changes: dict, message: str):
    state, info = load_checkpoint(checkpoint)
    path = save_checkpoint(tmp_path / "other.safetensors", state, CheckpointInfo(**{**info.model_dump(), **changes}))
    with pytest.raises(CheckpointError, match=message):
        load_detector(path, load())


def test_a_checkpoint_that_lacks_a_tensor_is_refused(tmp_path: Path, checkpoint: Path):
    state, (_, info) = load_file(checkpoint), load_checkpoint(checkpoint)
    state.pop(min(state))
    with pytest.raises(CheckpointError, match="Missing key"):
        load_detector(save_checkpoint(tmp_path / "less.safetensors", state, info), load())
