"""Pictures that are changed between decoding and resizing."""

import numpy as np
import pytest
from PIL import Image

from harness.data.pictures import Pictures
from harness.errors import PluginError
from harness.extraction.samples import BatchRequest, Loader, Samples


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
