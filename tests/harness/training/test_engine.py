"""The engine trains, reproduces every bit and resumes after interruptions."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric.plugins import Precision
from torch import Tensor, nn

from harness.boxes import Boxes
from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.errors import CheckpointError
from harness.methods.batches import Shuffled
from tests.harness.training.fits import STEPS, Interrupted, TwoOptimisers, fit, rows, same, session
from tests.tiny import Tiny, tiny


@pytest.mark.usefixtures("drawn")
def test_training_learns_the_vehicles_and_validates_on_others(dataset: Dataset, tmp_path: Path):
    fit(dataset, tmp_path, tiny(epochs=(6, 6), dropout=0.0, learning_rate=0.03), validate="train", hold_out=0.25)
    table = rows(tmp_path)
    assert [(row["stage"], row["epoch"]) for row in table[5:7]] == [("stage 1", "6"), ("stage 2", "1")]
    assert float(table[-1]["loss"]) < float(table[0]["loss"])
    assert float(table[-1]["cmc@1"]) == 1.0
    assert float(table[-1]["ap"]) > 0.8
    assert (tmp_path / "validation.png").exists()


def test_training_can_validate_on_the_test_split(dataset: Dataset, tmp_path: Path):
    fit(dataset, tmp_path, tiny(epochs=(1,)), validate="test")
    assert 0 < float(rows(tmp_path)[0]["ap"]) <= 1


@pytest.mark.usefixtures("drawn")
def test_the_same_seed_trains_the_same_bits_and_another_seed_others(dataset: Dataset, tmp_path: Path):
    first, again, other = (
        fit(dataset, tmp_path / name, tiny(), seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert same(first, again)
    assert not same(first, other)
    assert (tmp_path / "a/validation.csv").read_bytes() == (tmp_path / "b/validation.csv").read_bytes()
    assert (tmp_path / "a/validation.png").read_bytes() == (tmp_path / "b/validation.png").read_bytes()


def test_neither_workers_nor_validation_move_a_bit_of_the_network(dataset: Dataset, tmp_path: Path):
    alone = fit(dataset, tmp_path / "a", tiny(), validate="none")
    workers = Compute(device="cpu", workers=2)
    assert same(alone, fit(dataset, tmp_path / "b", tiny(), validate="none", compute=workers))
    assert same(alone, fit(dataset, tmp_path / "c", tiny(), validate="test"))


@pytest.mark.parametrize(
    ("kind", "schedule"), [(Interrupted, "steps"), (Interrupted, "one-cycle"), (TwoOptimisers, "steps")]
)
@pytest.mark.parametrize("step", [1, STEPS, STEPS + 1, 2 * STEPS + 3, 4 * STEPS])
def test_an_interrupted_training_ends_with_the_same_bits(
    dataset: Dataset, tmp_path: Path, kind: type[Interrupted], schedule: str, step: int
):
    expected = fit(dataset, tmp_path / "whole", tiny(kind, schedule=schedule))
    method = tiny(kind, schedule=schedule)
    method.stop_at = step
    with pytest.raises(KeyboardInterrupt):
        fit(dataset, tmp_path / "cut", method)
    resumed = tiny(kind, schedule=schedule)
    assert same(fit(dataset, tmp_path / "cut", resumed), expected)
    assert -resumed.stop_at == 4 * STEPS - (step - 1) // STEPS * STEPS
    assert (tmp_path / "cut/validation.csv").read_bytes() == (tmp_path / "whole/validation.csv").read_bytes()


def test_the_schedule_moves_the_first_of_several_optimisers_and_all_move_their_weights(
    dataset: Dataset, tmp_path: Path
):
    method, start = tiny(TwoOptimisers), fit(dataset, tmp_path / "start", tiny(epochs=()))

    end = fit(dataset, tmp_path / "run", method)

    adam, sgd = method.made
    assert adam.param_groups[0]["lr"] == pytest.approx(1e-3)  # by tests/tiny.py, after two epochs
    assert sgd.param_groups[0]["lr"] == 0.05
    assert [float(row["learning_rate"]) for row in rows(tmp_path / "run")] == pytest.approx([1e-3, 1e-2] * 2)
    assert all(not torch.equal(end[name], start[name]) for name in ("conv.weight", "norm.weight", "classifier.weight"))


def test_one_gradient_scaler_serves_all_optimisers_of_a_step(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    plain = fit(dataset, tmp_path / "plain", tiny(TwoOptimisers, epochs=(1,)))
    with monkeypatch.context() as patch:
        patch.setattr(Precision, "scaler", scaler, raising=False)
        patch.setattr(Precision, "backward", lambda _self, loss, _model: scaler.scale(loss).backward())
        scaled = fit(dataset, tmp_path / "scaled", tiny(TwoOptimisers, epochs=(1,)))

    assert scaler.get_scale() == 8.0 * 2**STEPS  # grown once a step
    assert same(plain, scaled), "powers of two change no bit"


def test_a_finished_training_is_not_repeated(dataset: Dataset, tmp_path: Path):
    expected = fit(dataset, tmp_path, tiny(Interrupted))
    again = tiny(Interrupted)
    assert same(fit(dataset, tmp_path, again), expected)
    assert again.stop_at == 0


def test_the_state_of_another_configuration_is_refused(dataset: Dataset, tmp_path: Path):
    fit(dataset, tmp_path, tiny())
    for method, choices in ((tiny(dropout=0.3), {}), (tiny(), {"seed": 1}), (tiny(), {"validate": "train"})):
        with pytest.raises(CheckpointError, match="another configuration"):
            fit(dataset, tmp_path, method, **choices)


def test_a_training_leaves_torch_as_it_found_it(dataset: Dataset, tmp_path: Path):
    generator, threads = torch.get_rng_state(), torch.get_num_threads()
    fit(dataset, tmp_path, tiny())
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory


class Unlabelled(Tiny):
    batches = Shuffled(16)

    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Any) -> Mapping[str, Tensor]:
        self.seen = {name: len(column) for name, column in labels.items()}
        return super().losses(outputs, labels, stage)


def test_losses_see_every_label_that_the_data_set_has(dataset: Dataset, tmp_path: Path):
    method = tiny(Unlabelled, epochs=(1,))
    fit(dataset, tmp_path, method)

    assert method.seen == {"camera": 16, "colour": 16, "vehicle": 16}


class Boxed(Tiny):
    """Needs the boxes of the parts."""

    needs = frozenset({"vehicle", "boxes.parts"})
    test_needs = frozenset({"boxes.parts"})

    def network(self, classes: Mapping[str, int]) -> nn.Module:
        self.seen = []
        network = super().network(classes)
        network.register_forward_pre_hook(
            lambda module, _images, boxes: self.seen.append((module.training, boxes["boxes_parts"])), with_kwargs=True
        )
        return network


@pytest.fixture
def boxed(dataset: Dataset, tmp_path: Path) -> Dataset:
    table = dataset.splits["train"]
    annotation = {"category_id": 3, "bbox": [6, 0, 12, 24]}
    coco = {
        "images": [{"id": row, "file_name": key, "width": 24, "height": 24} for row, key in enumerate(table.paths)],
        "annotations": [{"image_id": row, **annotation} for row in range(len(table))],
        "categories": [{"id": 3, "name": "plate"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(coco))
    return replace(dataset, boxes={"parts": tmp_path / "boxes.json"})


def test_a_method_that_needs_boxes_gets_them_in_training_and_validation(boxed: Dataset, tmp_path: Path):
    method = tiny(Boxed, epochs=(1,))
    fit(boxed, tmp_path / "run", method, validate="train")
    trained = [boxes for training, found in method.seen if training for boxes in found]
    validated = [boxes for training, found in method.seen if not training for boxes in found]
    assert len(trained) == len(method.seen[0][1]) * sum(training for training, _ in method.seen)
    assert all(boxes.shape == (1, 6) and 8 <= boxes[0, 4] <= 14 for boxes in trained)
    assert len({tuple(boxes[0].tolist()) for boxes in trained}) > 1
    assert all(boxes.tolist() == [[13, 1, 4, 0, 12, 16]] for boxes in validated)  # by its name in the kind
    assert len(validated) == 12


class Arranging(Boxed):
    """Uses the left half of every image as its only box."""

    def arrange_boxes(self, boxes, vehicles):
        self.asked = [*getattr(self, "asked", []), vehicles]
        self.given = [*getattr(self, "given", []), set(boxes["boxes_parts"].of_image)]
        half = np.array([[0, 1, 0, 0, 0.5, 1]], np.float32)
        found = boxes["boxes_parts"]
        return {"boxes_parts": Boxes(dict.fromkeys(found.of_image, half), {0: "half"})}


def test_a_method_may_arrange_its_boxes_and_knows_vehicles_in_training_alone(boxed: Dataset, tmp_path: Path):
    method = tiny(Arranging, epochs=(1,))
    asked = session(boxed, tmp_path / "run", method, validate="train")
    method.fit(asked)
    trained = [boxes for training, found in method.seen if training for boxes in found]
    validated = [boxes for training, found in method.seen if not training for boxes in found]
    table = asked.train
    assert method.asked == [dict(zip(table.paths, table.vehicle.tolist(), strict=True)), None]
    assert method.given == [set(table.paths), set(asked.validation.query.paths)]
    assert all(boxes[0, 4] - boxes[0, 2] <= 8 for boxes in trained)
    assert all(boxes.tolist() == [[0, 1, 0, 0, 8, 16]] for boxes in validated)


class Freezing(Tiny):
    """Trains only the classifier in its first stage."""

    def stage(self, number: int, epochs: int) -> Any:
        def freeze(network: nn.Module) -> torch.optim.Optimizer:
            if number == 1:
                network.conv.requires_grad_(False)
            trained = [weight for weight in network.parameters() if weight.requires_grad]
            self.trained = [*getattr(self, "trained", []), len(trained)]
            return torch.optim.SGD(trained, 0.01)

        stage = super().stage(number, epochs)
        return type(stage)(**{**vars(stage), "optimiser": freeze, "schedule": None})


def test_what_a_stage_freezes_thaws_in_the_next(dataset: Dataset, tmp_path: Path):
    method = tiny(Freezing, epochs=(1, 1))
    fit(dataset, tmp_path, method)
    assert method.trained == [4, 6]


def test_without_stages_the_network_stays_as_it_was_initialised(dataset: Dataset, tmp_path: Path):
    method = tiny(epochs=())
    state = fit(dataset, tmp_path, method)
    assert same(state, fit(dataset, tmp_path, tiny(epochs=())))
    assert not method.model.training
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_other_precisions_train_and_repeat_themselves(dataset: Dataset, tmp_path: Path, precision: str):
    compute = Compute(device="cpu", precision=precision)
    first, again = (fit(dataset, tmp_path / name, tiny(), compute=compute, validate="test") for name in ("a", "b"))
    assert same(first, again)
    assert all(torch.isfinite(tensor).all() for tensor in first.values())


def test_without_cameras_every_image_answers_but_the_query_itself(dataset: Dataset, tmp_path: Path):
    table = dataset.splits["train"]
    for name, camera in (("none", None), ("some", np.where(np.arange(len(table)) == 9, -1, table.camera))):
        blind = replace(dataset, splits={"train": replace(table, camera=camera)})
        fit(blind, tmp_path / name, tiny(epochs=(1,)), validate="train")
    ap = {name: float(rows(tmp_path / name)[0]["ap"]) for name in ("none", "some")}
    assert 0 < ap["none"] == ap["some"] <= 1


def test_an_interruption_says_how_to_go_on(dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    method = tiny(Interrupted)
    method.stop_at = STEPS + 2
    with caplog.at_level(logging.INFO, "bench"), pytest.raises(KeyboardInterrupt):
        fit(dataset, tmp_path, method)
    assert caplog.messages[-1] == "interrupted: the same command resumes after epoch 1 of 'stage 1'"
    assert caplog.messages[0].startswith("stage 1, epoch 1/2: learning_rate 0.001, cross-entropy ")
