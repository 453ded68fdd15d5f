"""The engine trains, reproduces every bit, resumes after interruptions, and gives clear errors."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.boxes import Boxes
from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.errors import BenchError, CheckpointError, DataError, PluginError, RunError, UsageError
from harness.methods.batches import PK, Batches, Shuffled
from harness.methods.session import Session
from harness.training.prepare import TrainingRequest, prepare
from harness.training.state import NAME
from tests.tiny import Tiny, TinyNetwork, tiny, tiny_dataset

CPU = Compute(device="cpu")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("tiny"))


def session(dataset: Dataset, folder: Path, method: Any, **choices: Any) -> Session:
    request = TrainingRequest(**{"seed": 0, "folder": folder, "compute": CPU, "validate": "none", **choices})
    return prepare(dataset, request, needs=method.needs, input_size=method.input_size)


def fit(dataset: Dataset, folder: Path, method: Any, **choices: Any) -> dict[str, Tensor]:
    method.fit(session(dataset, folder, method, **choices))
    return method.state()


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "validation.csv").open() as file:
        return list(csv.DictReader(file))


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


class Interrupted(Tiny):
    """Raises an error at one step of the run, counted over all epochs."""

    stop_at = 0

    def losses(self, *arguments: Any) -> Mapping[str, Tensor]:
        self.stop_at -= 1
        if self.stop_at == 0:
            raise KeyboardInterrupt
        return super().losses(*arguments)


STEPS = 6
"""48 images in batches of 8."""


@pytest.mark.parametrize("schedule", ["steps", "one-cycle"])
@pytest.mark.parametrize("step", [1, STEPS, STEPS + 1, 2 * STEPS + 3, 4 * STEPS])
def test_an_interrupted_training_ends_with_the_same_bits(dataset: Dataset, tmp_path: Path, schedule: str, step: int):
    expected = fit(dataset, tmp_path / "whole", tiny(Interrupted, schedule=schedule))
    method = tiny(Interrupted, schedule=schedule)
    method.stop_at = step
    with pytest.raises(KeyboardInterrupt):
        fit(dataset, tmp_path / "cut", method)
    resumed = tiny(Interrupted, schedule=schedule)
    assert same(fit(dataset, tmp_path / "cut", resumed), expected)
    assert -resumed.stop_at == 4 * STEPS - (step - 1) // STEPS * STEPS
    assert (tmp_path / "cut/validation.csv").read_bytes() == (tmp_path / "whole/validation.csv").read_bytes()


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


class Diverging(Tiny):
    def losses(self, outputs: Mapping[str, Tensor], *others: Any) -> Mapping[str, Tensor]:
        self.seen = getattr(self, "seen", 0) + 1
        factor = float("nan") if self.seen > 2 * STEPS else 1.0
        return {"good": outputs["logits"].square().mean(), "bad": outputs["logits"].mean() * factor}


def test_a_loss_that_is_not_finite_ends_the_run_and_names_epoch_and_loss(dataset: Dataset, tmp_path: Path):
    with pytest.raises(RunError, match="epoch 1 of 'stage 2'") as caught:
        fit(dataset, tmp_path, tiny(Diverging))
    assert "bad nan" in caught.value.found
    assert "good" not in caught.value.found
    assert len(rows(tmp_path)) == 2


def test_images_that_cannot_be_read_are_counted_before_anything_is_trained(tmp_path: Path):
    data = tiny_dataset(tmp_path / "data")
    broken = [data.splits["train"].paths[row] for row in (3, 20)]
    (tmp_path / "data" / broken[0]).write_bytes(b"no picture")
    (tmp_path / "data" / broken[1]).unlink()
    method = tiny(Interrupted)
    with pytest.raises(DataError, match="2 of 48 images cannot be read") as caught:
        fit(data, tmp_path / "run", method)
    assert all(key in caught.value.found for key in broken)
    assert method.stop_at == 0
    assert list((tmp_path / "run").iterdir()) == []


def test_broken_images_are_left_out_when_asked_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    data = tiny_dataset(tmp_path / "data")
    for row in range(6):  # a whole vehicle, and one image of the next
        (tmp_path / "data" / data.splits["train"].paths[row + 1]).unlink()
    with caplog.at_level(logging.WARNING, "bench"):
        state = fit(data, tmp_path / "run", tiny(), skip_broken=True)
    assert len([record for record in caplog.records if "skipped: " in record.message]) == 6
    assert all(torch.isfinite(tensor).all() for tensor in state.values())


class Greedy(Tiny):
    batches = PK(9, 2)


def test_batches_that_the_vehicles_cannot_fill_are_refused_before_an_image_is_read(tmp_path: Path, dataset: Dataset):
    elsewhere = Dataset(tmp_path / "nothing", dataset.splits)
    with pytest.raises(UsageError, match="cannot fill a batch of 9 x 2") as caught:
        fit(elsewhere, tmp_path, tiny(Greedy))
    assert caught.value.found == 8


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


class NoNames(Tiny):
    def network(self, classes: Mapping[str, int]) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 8))


class Pooled(Tiny):
    def network(self, classes: Mapping[str, int]) -> nn.Module:
        network = TinyNetwork(self.options, classes["vehicle"])
        network.register_forward_hook(lambda _network, _inputs, outputs: {"logits": outputs["logits"].mean()})
        return network


class Vector(Tiny):
    def losses(self, outputs: Mapping[str, Tensor], *others: Any) -> Mapping[str, Tensor]:
        return {"vector": outputs["logits"].mean(1)}


class Nothing(Tiny):
    def losses(self, *others: Any) -> Mapping[str, Tensor]:
        return {}


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (NoNames, "did not return a dictionary in training mode"),
        (Pooled, "does not have one row per image"),
        (Vector, "must return one number per loss"),
        (Nothing, "must return one number per loss"),
    ],
)
def test_a_method_that_breaks_the_contract_is_told_how(dataset: Dataset, tmp_path: Path, method: Any, words: str):
    with pytest.raises(PluginError, match=words):
        fit(dataset, tmp_path, tiny(method))


class Hungry(Tiny):
    def losses(self, *others: Any) -> Mapping[str, Tensor]:
        raise torch.OutOfMemoryError("Tried to allocate 9 GiB. More words")


def test_a_full_device_is_said_in_words_and_torch_is_given_back(dataset: Dataset, tmp_path: Path):
    with pytest.raises(RunError, match="memory is full") as caught:
        fit(dataset, tmp_path, tiny(Hungry))
    assert caught.value.found == "Tried to allocate 9 GiB"
    assert not torch.are_deterministic_algorithms_enabled()


class Lazy(Tiny):
    batches = type("Never", (Batches,), {"draw": lambda *_: []})()


def test_a_stage_that_draws_nothing_is_told(dataset: Dataset, tmp_path: Path):
    with pytest.raises(PluginError, match="has no batches"):
        fit(dataset, tmp_path, tiny(Lazy))


def test_validation_leaves_out_broken_images_when_asked_and_needs_some_that_are_whole(tmp_path: Path):
    data = tiny_dataset(tmp_path / "data")
    test = data.splits["gallery"].paths
    (tmp_path / "data" / test[0]).unlink()
    with pytest.raises(DataError, match="1 of 12 images"):
        fit(data, tmp_path / "run", tiny(), validate="test")
    fit(data, tmp_path / "run", tiny(), validate="test", skip_broken=True)
    assert float(rows(tmp_path / "run")[0]["ap"]) > 0
    for key in test[1:]:
        (tmp_path / "data" / key).unlink()
    with pytest.raises(DataError, match="no image is left"):
        fit(data, tmp_path / "none", tiny(), validate="test", skip_broken=True)


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
    assert caplog.messages[-1] == "interrupted: the same command resumes after epoch 1"
    assert caplog.messages[0].startswith("stage 1, epoch 1/2: learning_rate 0.001, cross-entropy ")


@pytest.mark.parametrize(
    "compute",
    [
        Compute(device="cuda", devices=4096),
        Compute(device="toaster"),
        Compute(device="cpu", precision="7-true"),
        Compute(device="cpu", devices=0),
    ],
)
def test_a_device_that_is_not_there_is_refused_in_words(dataset: Dataset, tmp_path: Path, compute: Compute):
    with pytest.raises(UsageError, match="this machine cannot run") as caught:
        fit(dataset, tmp_path, tiny(), compute=compute)
    assert caught.value.next_step


def test_a_state_that_cannot_be_written_leaves_the_one_before(dataset: Dataset, tmp_path: Path):
    method = tiny(Interrupted)
    method.stop_at = STEPS + 1
    with pytest.raises(KeyboardInterrupt):
        fit(dataset, tmp_path, method)
    before = (tmp_path / NAME).read_bytes()
    (tmp_path / "validation.csv").unlink()
    (tmp_path / "validation.csv").mkdir()
    with pytest.raises(BenchError):
        fit(dataset, tmp_path, tiny(Interrupted))
    assert (tmp_path / NAME).read_bytes() != before
    (tmp_path / "validation.csv").rmdir()
    assert same(fit(dataset, tmp_path, tiny(Interrupted)), fit(dataset, tmp_path / "whole", tiny(Interrupted)))
    assert len(rows(tmp_path)) == np.sum([2, 2])
