"""Pictures that are changed between decoding and resizing."""

import numpy as np
import pytest
from PIL import Image

from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.data.pictures import Pictures
from harness.errors import PluginError, UsageError
from harness.extraction.extract import FeatureOutput, extract
from harness.extraction.samples import BatchRequest, Loader, Samples
from harness.features import Provenance
from harness.methods.method import Method


@pytest.fixture
def pictures(tmp_path):
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((6, 4, 3), 40, np.uint8)).save(tmp_path / name)
    return Pictures(tmp_path, ["a.png", "b.png"], (3, 2), ("PNG",))


def test_a_change_is_made_at_the_pictures_own_size_with_its_key(pictures):
    seen = []

    def change(key, pixels):
        seen.append((key, pixels.shape, pixels.dtype))
        return pixels + np.uint8(5)

    pictures.check()
    changed = pictures.changed(change)

    assert np.unique(changed[1]).tolist() == [45]
    assert seen == [("b.png", (6, 4, 3), np.uint8)]
    assert np.unique(pictures[1]).tolist() == [40]
    assert (pictures.cached, changed.cached) == (True, False)
    assert np.unique(changed.take(np.array([1]))[0]).tolist() == [45]


def test_no_change_is_made_to_pictures_that_the_decoder_shrinks(tmp_path, pictures):
    dataset, output = Dataset(tmp_path, {}), FeatureOutput(tmp_path / "f.h5", Provenance(dataset="d", method="m"))

    with pytest.raises(UsageError, match=r"at their own size(.|\n)*without --reduce"):
        extract(Method(), dataset, [], output, compute=Compute(reduced=True), change=lambda _key, pixels: pixels)

    assert not output.path.exists()


class Refuses:
    """Refuses one image; it is a class of a module, so that it travels to a worker."""

    def __call__(self, key, pixels):
        if key == "b.png":
            raise PluginError("the change failed", where=key, found="a reason")
        return pixels


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_change_arrives_as_it_is_from_a_worker_too(pictures, workers):
    loader = Loader(Samples(pictures.changed(Refuses())), workers, once=True)

    with pytest.raises(PluginError) as refused:
        list(loader.serve([BatchRequest(np.array([0])), BatchRequest(np.array([1]))]))

    assert str(refused.value) == "the change failed\n  where: b.png\n  found: a reason"
