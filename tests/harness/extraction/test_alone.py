"""Two features of one image are the same, or it is said how far they are apart."""

import numpy as np
import pytest
import torch

from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.errors import PluginError
from harness.extraction.alone import EXACT, ROUNDED, limits_of, unlike
from harness.extraction.extract import FeatureOutput, extract
from harness.features import Provenance
from harness.methods.method import Method, complete, create
from tests.tiny import TinyOptions, tiny_table

SOME = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)


def test_last_digits_may_differ():
    assert unlike(SOME, SOME * np.float32(1 + 1e-5), EXACT, "them") is None
    assert unlike(np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32), EXACT, "them") is None


def test_the_image_whose_length_differs_most_is_named():
    scale = np.float32([[1], [1.002], [1.1], [1]])

    found = unlike(SOME, SOME * scale, EXACT, "the two")

    assert found is not None
    assert found.row == 2
    assert found.found.startswith("lengths of ")
    assert found.found.endswith(" of the two")
    assert found.expected == "the same length up to 0.1 %"


def test_direction_comes_before_length():
    others = SOME * np.float32(2)
    others[3] = -others[3]

    found = unlike(SOME, others, EXACT, "the two")

    assert found == (3, "a cosine of -1.0000 between the two", "at least 0.9999")


def test_numbers_that_are_none_are_never_the_same():
    assert unlike(SOME, np.full_like(SOME, np.nan), ROUNDED, "them") is not None


@pytest.mark.parametrize(
    ("precision", "limits"),
    [
        (None, EXACT),
        ("32-true", EXACT),
        ("32-true, batches of 5", EXACT),
        ("bf16-mixed", ROUNDED),
        ("16-true", ROUNDED),
    ],
)
def test_a_lower_precision_may_differ_more(precision, limits):
    assert limits_of(precision) == limits


class Batchwise(Method):
    """Embeds the mean colour; ``kind`` says what goes wrong."""

    Options = TinyOptions
    kind = "nothing"

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        colours = images.mean((2, 3)) + torch.tensor([0.1, 0.2, 0.3])
        count = len(images)
        if self.kind == "normalises":
            colours = colours / colours.amax(0)
        elif self.kind == "mixes":
            colours = torch.softmax(colours @ colours.T, 1) @ colours
        elif self.kind == "drops out":
            colours = torch.nn.functional.dropout(colours, 0.5, training=True)
        elif self.kind == "hidden network":
            colours = NORM(colours) if count > 1 else colours
        elif (self.kind == "of one" and count == 1) or (self.kind == "of many" and count > 8):
            colours = colours.flip(1)
        return colours


NORM = torch.nn.BatchNorm1d(3)  # in training mode, where no method holds it


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    return Dataset(
        folder, {"query": tiny_table(folder, "query", [1], 5), "gallery": tiny_table(folder, "g", [2, 3], 12)}
    )


def embedded(kind, images, out, **choices):
    method = create(complete(Batchwise), TinyOptions(input_size=16))
    method.kind = kind
    output = FeatureOutput(out / "f.h5", Provenance(dataset="tiny", method="batchwise"))
    compute = Compute(device="cpu", workers=0, **choices)
    return extract(method, images, [images.splits["query"], images.splits["gallery"]], output, compute=compute)


@pytest.mark.parametrize("kind", ["normalises", "mixes", "drops out", "hidden network", "of one", "of many"])
def test_features_that_depend_on_the_batch_are_refused(kind, images, tmp_path):
    with pytest.raises(PluginError, match="depend on the other images of its batch") as problem:
        embedded(kind, images, tmp_path)

    assert "no dropout" in str(problem.value)
    assert not (tmp_path / "f.h5").exists()


@pytest.mark.parametrize("batch", [None, 1, 7])
def test_features_of_each_image_alone_pass(batch, images, tmp_path):
    assert embedded("nothing", images, tmp_path, batch=batch).exists()
