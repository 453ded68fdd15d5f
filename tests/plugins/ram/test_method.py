import numpy as np
import pytest
import torch

from harness.data.images import UNKNOWN
from harness.errors import CheckpointError, DataError
from tests.plugins.eight import cmc_at_1, trained
from tests.plugins.ram.made import TINY, ram
from tests.plugins.veri import VERI, bare


def test_parts_weigh_half_in_the_loss():
    method = ram()
    random = torch.Generator().manual_seed(0)
    weights = {"top": 0.5, "middle": 0.5, "bottom": 0.5}
    labels = {
        "vehicle": torch.tensor([0, 1, 2]),
        "colour": torch.tensor([0, UNKNOWN, 1]),
        "type": torch.tensor([1, 1, 0]),
    }
    outputs = {
        name: torch.randn(3, 4, generator=random)
        for name in ("conv", "bn", "top", "middle", "bottom", "regions", "colour", "kind")
    }

    losses = method.losses(outputs, labels, method.stages(VERI)[-1])

    for name, logits in outputs.items():
        classes = labels[{"colour": "colour", "kind": "type"}.get(name, "vehicle")]
        known = [row for row in range(3) if classes[row] != UNKNOWN]
        expected = -np.mean([logits[row].log_softmax(0)[classes[row]].item() for row in known])
        assert losses[name].item() == pytest.approx(weights.get(name, 1.0) * expected, rel=1e-5)


@pytest.mark.parametrize(("variant", "count"), [("baseline", 2), ("bn", 4), ("bn-r", 6), ("ram", 8)])
def test_a_variant_is_a_prefix_of_the_steps(variant, count):
    assert len(ram(variant).stages(VERI)) == count


def test_models_serve_before_types_and_types_where_there_are_none():
    for classes in ({"model": 4, "type": 9}, {"type": 4}):
        network = bare(ram(), {"vehicle": 6, "colour": 3, **classes})
        assert network.attribute.classifiers["kind"].out_features == 4


@pytest.mark.parametrize("classes", [{"vehicle": 6}, {"vehicle": 6, "colour": 3}, {"vehicle": 6, "type": 9}])
def test_without_colours_or_kinds_ram_is_refused_and_its_ablations_are_not(classes):
    with pytest.raises(DataError, match="the Attribute branch of ram") as caught:
        ram().stages(classes)
    assert "ram/bn-r" in str(caught.value)
    assert ram("bn-r").stages(classes)


def test_a_checkpoint_gives_the_same_features(small, images):
    again = ram(**TINY)
    again.restore(small.state(), {"vehicle": 6, "colour": 3, "model": 4})
    again.model.eval()

    with torch.no_grad():
        assert torch.equal(again.embed(images), small.embed(images))


def test_the_papers_first_weights_must_come_from_the_user():
    with pytest.raises(CheckpointError, match="may not be redistributed"):
        ram(fc_width="32").network(VERI)


def test_ram_learns_eight_vehicles_by_heart_through_its_eight_stages(eight, tmp_path):
    method = ram(
        **{**TINY, "fc_width": "64", "feature_width": "64"},
        dropout="0",
        bn_kept="0.9",
        batch="16",
        iterations="8",
        vehicles="8",
        colours="4",
        kinds="3",
    )

    assert cmc_at_1(trained(method, eight, tmp_path), eight) == 1.0
