"""What the engine refuses, each with one clear error."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.errors import BenchError, DataError, PluginError, RunError, UsageError
from harness.methods.batches import PK, Batches
from harness.methods.network import Stage
from harness.training.state import NAME
from tests.harness.training.fits import STEPS, Interrupted, fit, rows, same
from tests.tiny import Tiny, TinyNetwork, tiny, tiny_dataset


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


class Unnamed(Tiny):
    def losses(self, outputs: Mapping[str, Tensor], *others: Any) -> Any:
        return outputs["logits"].mean()


class NoTensor(Tiny):
    def losses(self, *others: Any) -> Any:
        return {"constant": 0.5}


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (NoNames, "did not return a dictionary in training mode"),
        (Pooled, "does not have one row per image"),
        (Vector, "must return a dictionary with one number per loss"),
        (Nothing, "must return a dictionary with one number per loss"),
        (Unnamed, "must return a dictionary with one number per loss"),
        (NoTensor, "must return a dictionary with one number per loss"),
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


class Still(Tiny):
    def stage(self, number: int, epochs: int) -> Stage:
        return replace(super().stage(number, epochs), optimiser=lambda _network: [])


def test_a_stage_without_an_optimiser_is_told(dataset: Dataset, tmp_path: Path):
    with pytest.raises(PluginError, match="'stage 1' has no optimiser"):
        fit(dataset, tmp_path, tiny(Still))


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
