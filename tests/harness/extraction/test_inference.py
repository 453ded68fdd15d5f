"""A network prepared for fast inference gives the features of the trained network within rounding."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.errors import UsageError
from harness.extraction.extract import FeatureOutput, extract
from harness.extraction.inference import choices, fold, ready_to_embed, require_compiler
from harness.features import FeatureFile, Provenance
from harness.methods.method import Method
from plugins.layers.resnet import resnet_trunk
from tests.tiny import TinyOptions, tiny_dataset


def trained(network: nn.Module) -> nn.Module:
    """Give every normalisation statistics and weights that differ from its initial ones."""
    torch.manual_seed(1)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.weight.data, part.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (part.bias.data, part.running_mean):
                nn.init.normal_(tensor, std=0.3)
    return network.eval()


class Trunk(nn.Module):
    """Ends like the strong baseline, and cannot be traced, since it depends on the values of its images."""

    def __init__(self, *, looks: bool = False) -> None:
        super().__init__()
        self.trunk = resnet_trunk("resnet18", 1)
        self.looks = looks

    def forward(self, images: Tensor) -> Tensor:
        if self.looks and float(images.sum()) < 0:
            images = -images
        return functional.normalize(self.trunk(images).mean((2, 3)))


@pytest.mark.parametrize("looks", [False, True])
def test_every_normalisation_of_a_resnet_folds_and_the_features_stay(looks: bool):
    network, images = trained(Trunk(looks=looks)), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = network(images)
        assert fold(network) == 20
        found = network(images)

    assert not [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    assert not torch.equal(found, expected), "the same bits would mean that nothing was folded"
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


class Shared(nn.Module):
    """Modules that must not be folded: a map used twice, a convolution used twice, one without a normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)
        self.twice, self.first, self.second = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.before = nn.BatchNorm2d(4)
        self.hooked, self.last = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.hooked.register_forward_hook(lambda _part, _given, found: 2 * found)
        self.tied = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.again = nn.Sequential(self.tied[0], nn.BatchNorm2d(4))

    def forward(self, images: Tensor) -> Tensor:
        maps = self.seen(images)
        maps = self.norm(maps) + maps
        maps = self.second(self.twice(self.first(self.twice(maps))))
        maps = self.last(self.hooked(self.before(maps)))
        return self.again(self.tied(maps)).mean((2, 3))


def test_what_something_else_sees_is_not_folded():
    network, images = trained(Shared()), torch.rand(2, 3, 8, 8)
    expected = network(images)

    assert fold(network) == 0
    assert torch.equal(network(images), expected)


class Deep(Method):
    Options = TinyOptions

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = trained(Trunk())

    def embed(self, images: Tensor) -> Tensor:
        return self.model(images).float()


def deep() -> Deep:
    method = Deep.__new__(Deep)
    method.options = TinyOptions(input_size=32)
    method.__init__()
    return method


def extracted(data: Dataset, out: Path, compute: Compute, method: Method | None = None) -> np.ndarray:
    tables = [data.splits["gallery"]]
    output = FeatureOutput(out, Provenance(dataset="tiny", method="deep"))
    with FeatureFile.open(extract(method or deep(), data, tables, output, compute=compute)) as file:
        return file.read()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("tiny"))


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_bfloat16_features_are_those_of_float32_within_the_stated_tolerance(
    dataset: Dataset, tmp_path: Path, precision: str
):
    exact = extracted(dataset, tmp_path / "a.h5", Compute(device="cpu"))
    rough = extracted(dataset, tmp_path / "b.h5", Compute(device="cpu", precision=precision))

    assert not np.array_equal(exact, rough)
    assert cosines(exact, rough).min() > 0.999


def test_a_method_has_its_own_network_back_with_its_digits(dataset: Dataset, tmp_path: Path):
    method = deep()
    own, state = method.model, {name: tensor.clone() for name, tensor in method.model.state_dict().items()}
    extracted(dataset, tmp_path / "f.h5", Compute(device="cpu", precision="bf16-true"), method)

    assert method.model is own
    assert all(torch.equal(tensor, state[name]) for name, tensor in own.state_dict().items())


def test_float32_embeds_with_the_network_as_it_was_trained():
    method = deep()
    own = method.model
    with ready_to_embed(method, Compute(device="cpu")):
        assert method.model is own


def test_the_asked_batch_is_the_one_that_is_embedded(dataset: Dataset, tmp_path: Path):
    class Counting(Deep):
        sizes: list[int]

        def embed(self, images: Tensor) -> Tensor:
            self.sizes = [*getattr(self, "sizes", []), len(images)]
            return super().embed(images)

    method = Counting.__new__(Counting)
    method.options = TinyOptions(input_size=32)
    method.__init__()
    extracted(dataset, tmp_path / "f.h5", Compute(device="cpu", batch=5), method)

    assert method.sizes[5:] == [5, 5, 5]  # after the width and the first check of batches


def test_choices_that_move_digits_are_told_and_the_defaults_are_none():
    assert choices(Compute(workers=3, device="cpu")) == {}
    assert choices(Compute(precision="bf16-mixed", batch=8)) == {"inference": 1, "batch": 8}
    assert choices(Compute(compiled=True)) == {"inference": 1, "compiled": True}
    assert choices(Compute(reduced=True)) == {"reduced": True}
    assert Compute(workers=3).arithmetic == "32-true"
    assert Compute(reduced=True).arithmetic == "32-true, reduced while decoding"
    assert Compute(precision="bf16-mixed", batch=8, compiled=True).arithmetic == "bf16-mixed, batches of 8, compiled"


@pytest.mark.parametrize(
    ("named", "found"), [(None, None), ("no-such-compiler", "CXX=no-such-compiler, which cannot be run")]
)
def test_without_a_compiler_nothing_is_compiled_and_the_reason_is_said(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, found: str | None
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    if named:
        monkeypatch.setenv("CXX", named)

    with pytest.raises(UsageError, match="needs a C\\+\\+ compiler") as caught:
        extracted(dataset, tmp_path / "f.h5", Compute(device="cpu", compiled=True))
    assert caught.value.found == found
    assert not (tmp_path / "f.h5").exists()


def test_a_compiler_is_found_by_its_name_or_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("clang++", "mine"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert require_compiler() == os.fspath(tmp_path / "clang++")
    monkeypatch.setenv("CXX", "mine")
    assert require_compiler() == os.fspath(tmp_path / "mine")


@pytest.mark.slow
def test_a_compiled_network_gives_the_same_features(dataset: Dataset, tmp_path: Path):
    require_compiler()
    exact = extracted(dataset, tmp_path / "a.h5", Compute(device="cpu"))
    compiled = extracted(dataset, tmp_path / "b.h5", Compute(device="cpu", compiled=True))

    np.testing.assert_allclose(compiled, exact, atol=1e-4)
