"""Labels of test images reach a method that needs them, or the data set is refused with one message."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.errors import DataError
from harness.extraction.embed import launch
from harness.extraction.samples import BatchRequest, Samples
from harness.extraction.subjects import subjects_of
from harness.methods.method import Method


class WithCameras(Method):
    """Returns the cameras and views as features."""

    test_needs = frozenset({"camera", "view"})
    without: ClassVar = {"camera": "side=false"}

    def embed(self, images, **needed):
        return (
            torch.stack([needed["camera"], needed["view"]], dim=1).to(torch.float32)
            + 0 * images.mean((1, 2, 3))[:, None]
        )

    def check_labels(self, keys, labels):
        if 99 in labels["camera"]:
            raise DataError("no camera 99", where=keys[int(np.flatnonzero(labels["camera"] == 99)[0])])


def numbers(*values):
    return np.array(values, dtype=np.int64)


def tables(camera=(3, 1, 2), view=(0, -1, 5)):
    """Return a query and a gallery, whose first image is the query once more."""
    paths = ("a.jpg", "b.jpg", "c.jpg")
    columns = {
        word: None if values is None else numbers(*values) for word, values in (("camera", camera), ("view", view))
    }
    gallery = ImageTable(paths, numbers(1, 1, 2), **columns)
    return [gallery.take(numbers(2)), gallery]


def subjects(method, given, root):
    return subjects_of(Dataset(root, {"query": given[0], "gallery": given[1]}), given, (8, 8), method)


def test_each_image_has_its_camera_and_view_once(tmp_path):
    found = subjects(WithCameras(), tables(), tmp_path)

    assert found.pictures.keys == ("c.jpg", "a.jpg", "b.jpg")
    assert {word: labels.tolist() for word, labels in found.labels.items()} == {
        "camera": [2, 3, 1],
        "view": [5, 0, -1],
    }
    assert found.take(numbers(1)).labels["camera"].tolist() == [3]


def test_embed_receives_the_labels_of_its_batch(tmp_path):
    from PIL import Image

    for name in ("a.jpg", "b.jpg", "c.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    method = WithCameras()
    found = subjects(method, tables(), tmp_path)

    batch = Samples(found.pictures)[BatchRequest(numbers(2, 0))]

    assert launch(method, found, batch, Fabric(accelerator="cpu"))().tolist() == [[1, -1], [2, 5]]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"camera": None}, "no cameras\n  where: {}\n  next: let the method do without: --set side=false"),
        ({"view": None}, "no views\n  where: {}\n  next: choose another method"),
    ],
)
def test_a_data_set_without_a_needed_label_is_refused(tmp_path, given, said):
    with pytest.raises(DataError) as raised:
        subjects(WithCameras(), tables(**given), tmp_path)
    assert said.format(tmp_path) in str(raised.value)


def test_a_method_refuses_numbers_before_any_image_is_read(tmp_path):
    with pytest.raises(DataError, match="no camera 99") as raised:
        subjects(WithCameras(), tables(camera=(1, 99, 2)), tmp_path)
    assert raised.value.where == "b.jpg"


def test_a_method_without_needs_gets_no_labels(tmp_path):
    class Plain(Method):
        def embed(self, images):
            return images.mean((2, 3))

    assert subjects(Plain(), tables(camera=None, view=None), tmp_path).labels == {}
