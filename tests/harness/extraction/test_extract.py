"""Extraction writes the feature of each image once, independent of batches and workers, and resumes if interrupted."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.errors import DataError, PluginError, RunError
from harness.extraction.extract import FeatureOutput, extract
from harness.features import FeatureFile, Provenance
from harness.methods.method import Method, Options, complete, create
from tests.tiny import TinyNetwork, TinyOptions, tiny_dataset, tiny_table

CPU = Compute(device="cpu")


class SmallOptions(Options):
    input_size: int = 16


class Colour(Method):
    """Returns the mean colour, and records the sizes of its batches."""

    Options = SmallOptions

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        self.calls = [*getattr(self, "calls", []), len(images)]
        return images.mean((2, 3))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("tiny"))


def ready(method: type[Any], **options: Any) -> Any:
    method = complete(method)
    return create(method, method.Options(**options))


def run(method: Any, data: Dataset, out: Path, splits: tuple[str, ...] = ("query", "gallery"), **choices: Any) -> Path:
    tables = [data.splits[name] for name in splits]
    compute = replace(choices.pop("compute", CPU), batch=choices.pop("batch", None))
    output = FeatureOutput(out, Provenance(dataset="tiny", method="colour"), choices.pop("dtype", "float32"))
    return extract(method, data, tables, output, compute=compute, **choices)


def read(path: Path) -> dict[str, np.ndarray]:
    with FeatureFile.open(path) as file:
        return dict(zip(file.keys, file.read(), strict=True))


def digest(path: Path) -> str:
    with FeatureFile.open(path) as file:
        return file.digest


def test_every_image_of_the_tables_is_embedded_once(dataset: Dataset, tmp_path: Path):
    features = read(run(ready(Colour), dataset, tmp_path / "f.h5"))
    query, gallery = dataset.splits["query"].paths, dataset.splits["gallery"].paths
    assert list(features) == [*query, *(key for key in gallery if key not in query)]
    assert all(feature.shape == (3,) and feature.dtype == np.float32 for feature in features.values())


@pytest.mark.parametrize("choices", [{"batch": 5}, {"batch": 1}, {"compute": Compute(device="cpu", workers=2)}])
def test_batches_and_workers_move_no_feature(dataset: Dataset, tmp_path: Path, choices: dict[str, Any]):
    expected = read(run(ready(Colour), dataset, tmp_path / "a.h5"))
    found = read(run(ready(Colour), dataset, tmp_path / "b.h5", **choices))
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_a_feature_does_not_depend_on_the_images_behind_it(dataset: Dataset, tmp_path: Path):
    method = ready(Networked, dropout=0.0)
    whole = read(run(method, dataset, tmp_path / "a.h5", ("train", "gallery"), batch=16))
    first = read(run(method, dataset, tmp_path / "b.h5", ("train",), batch=16))
    assert all(np.array_equal(whole[key], first[key]) for key in first)


class Networked(Method):
    Options = TinyOptions

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = TinyNetwork(self.options, 4)

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_the_model_of_a_method_embeds_in_evaluation_mode_at_any_precision(
    dataset: Dataset, tmp_path: Path, precision: str
):
    exact = read(run(ready(Networked), dataset, tmp_path / "a.h5"))
    rough = read(run(ready(Networked), dataset, tmp_path / "b.h5", compute=Compute(device="cpu", precision=precision)))
    for key, feature in exact.items():
        np.testing.assert_allclose(rough[key], feature, atol=0.02)


class Knowing(Method):
    Options = SmallOptions
    test_needs: ClassVar = frozenset({"path", "vehicle"})

    def embed(self, images: torch.Tensor, path: tuple[str, ...], vehicle: torch.Tensor) -> torch.Tensor:
        return torch.stack([vehicle.float(), torch.tensor([float(len(key)) for key in path])], dim=1)


def test_embed_gets_the_words_that_it_needs(dataset: Dataset, tmp_path: Path):
    features = read(run(ready(Knowing), dataset, tmp_path / "f.h5"))
    gallery = dataset.splits["gallery"]
    for key, vehicle in zip(gallery.paths, gallery.vehicle, strict=True):
        assert features[key].tolist() == [vehicle, len(key)]


class Plain:
    def embed(self, images):
        return images.mean((2, 3)).numpy()


def test_a_plain_class_that_returns_an_array_will_do(dataset: Dataset, tmp_path: Path):
    assert len(read(run(ready(Plain), dataset, tmp_path / "f.h5"))) == len(dataset.splits["gallery"])


class Stopping(Colour):
    stop_at = 0

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        features = super().embed(images)
        if len(self.calls) == self.stop_at:
            raise KeyboardInterrupt
        return features


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("many")
    return Dataset(folder, {"query": tiny_table(folder, "query", [1], 2), "gallery": tiny_table(folder, "g", [2], 598)})


@pytest.mark.parametrize("batch", [64, 100])
def test_an_interrupted_extraction_goes_on_and_ends_with_the_same_features(many: Dataset, tmp_path: Path, batch: int):
    whole = ready(Stopping)
    expected = digest(run(whole, many, tmp_path / "whole.h5", batch=batch))
    cut = ready(Stopping)
    cut.stop_at = 5 + 500 // batch  # the width is asked with one call, and the batches are compared with four
    with pytest.raises(KeyboardInterrupt):
        run(cut, many, tmp_path / "cut.h5", batch=batch)
    assert not (tmp_path / "cut.h5").exists()
    resumed = ready(Stopping)
    assert digest(run(resumed, many, tmp_path / "cut.h5", batch=batch)) == expected
    assert sum(resumed.calls) <= sum(whole.calls) - 200


def broken_dataset(folder: Path) -> Dataset:
    data = tiny_dataset(folder)
    (folder / data.splits["gallery"].paths[2]).write_bytes(b"no picture")
    (folder / data.splits["gallery"].paths[9]).unlink()
    return data


@pytest.mark.parametrize("workers", [0, 1])
def test_images_that_cannot_be_read_are_all_named_and_no_file_is_left(tmp_path: Path, workers: int):
    data = broken_dataset(tmp_path)
    with pytest.raises(DataError, match="2 of 12 images cannot be read") as caught:
        run(ready(Colour), data, tmp_path / "f.h5", batch=4, compute=Compute(device="cpu", workers=workers))
    assert all(data.splits["gallery"].paths[row] in caught.value.found for row in (2, 9))
    assert not (tmp_path / "f.h5").exists()


def test_restored_images_complete_the_extraction(tmp_path: Path):
    data = broken_dataset(tmp_path / "broken")
    with pytest.raises(DataError):
        run(ready(Colour), data, tmp_path / "f.h5", batch=4)
    whole = tiny_dataset(tmp_path / "broken")
    assert read(run(ready(Colour), whole, tmp_path / "f.h5", batch=4)).keys() == set(data.splits["gallery"].paths)


def test_broken_images_are_left_out_when_asked_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    data = broken_dataset(tmp_path)
    with caplog.at_level(logging.WARNING, "bench"):
        features = read(run(ready(Colour), data, tmp_path / "f.h5", skip_broken=True))
    paths = data.splits["gallery"].paths
    assert set(paths) - set(features) == {paths[2], paths[9]}
    assert sorted(message.split()[1] for message in caplog.messages) == [paths[2], paths[9]]


def test_without_an_image_nothing_is_extracted(dataset: Dataset, tmp_path: Path):
    empty = Dataset(tmp_path, {"query": dataset.splits["query"].take(np.array([], dtype=np.int64))})
    with pytest.raises(DataError, match="no image to extract"):
        run(ready(Colour), empty, tmp_path / "f.h5", ("query",))


def returning(value: Any) -> Any:
    return ready(type("Odd", (Colour,), {"embed": lambda _self, images: value(images)}))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda images: None, "did not return a tensor"),
        (lambda images: [1.0] * len(images), "did not return a tensor"),
        (lambda images: torch.ones(len(images)), "wrong shape"),
        (lambda images: torch.ones(len(images) + 1, 4), "wrong shape"),
        (lambda images: torch.ones(len(images), 0), "wrong shape"),
        (lambda images: torch.ones(len(images), 2, 2), "wrong shape"),
        (lambda images: torch.ones(len(images), 4, dtype=torch.int64), "did not return floats"),
    ],
)
def test_an_embed_that_breaks_the_contract_names_the_mistake(dataset: Dataset, tmp_path: Path, value: Any, words: str):
    with pytest.raises(PluginError, match=words):
        run(returning(value), dataset, tmp_path / "f.h5")
    assert not (tmp_path / "f.h5").exists()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_feature_that_is_not_finite_names_its_image(dataset: Dataset, tmp_path: Path, number: float):
    def one_wrong(images: torch.Tensor) -> torch.Tensor:
        features = torch.ones(len(images), 4)
        features[-1, 2] = number
        return features

    with pytest.raises(RunError, match="not finite") as caught:
        run(returning(one_wrong), dataset, tmp_path / "f.h5")
    assert caught.value.where in dataset.splits["gallery"].paths


def test_half_the_bytes_hold_the_features_too(dataset: Dataset, tmp_path: Path):
    exact = read(run(ready(Colour), dataset, tmp_path / "a.h5"))
    half = read(run(ready(Colour), dataset, tmp_path / "b.h5", dtype="float16"))
    for key, feature in exact.items():
        np.testing.assert_allclose(half[key], feature, rtol=1e-3)


def test_extraction_leaves_torch_as_it_found_it(dataset: Dataset, tmp_path: Path):
    before = torch.get_rng_state(), torch.get_num_threads()
    run(ready(Networked), dataset, tmp_path / "f.h5")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]
    assert isinstance(ready(Networked).model, nn.Module)
