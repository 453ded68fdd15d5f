import numpy as np
import pytest
import torch

from harness.data.images import UNKNOWN
from harness.errors import CheckpointError, DataError
from plugins.layers import vgg_m
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


@pytest.fixture
def original(monkeypatch, tmp_path):
    """Write a VGG-M whose fc6 and fc7 have 8 in place of 4096 outputs: ones and twos, their biases 1.5 and 2.5."""
    monkeypatch.setattr(vgg_m, "FULL", {"fc6": (8, 512 * 36), "fc7": (8, 8)})

    def write(names):
        state = dict(vgg_m.vgg_m_trunk().state_dict())
        for value, name, inside in ((1.0, names[0], 512 * 36), (2.0, names[1], 8)):
            state[f"{name}.weight"] = torch.full((8, inside), value)
            state[f"{name}.bias"] = torch.full((8,), value + 0.5)
        torch.save(state, tmp_path / "vgg-m.pth")
        return str(tmp_path / "vgg-m.pth")

    return write


@pytest.mark.parametrize("names", [("fc6", "fc7"), ("classifier.0", "classifier.3"), ("classif.0", "classif.3")])
def test_the_conv_branch_starts_from_fc6_and_fc7_of_the_file(original, names):
    network = ram("bn", weights=original(names), fc_width="8", feature_width="8").network({"vehicle": 3})

    for layer, value in (("conv.first.0", 1.0), ("conv.second.0", 2.0)):
        assert network.get_parameter(f"{layer}.weight").unique().tolist() == [value]
        assert network.get_parameter(f"{layer}.bias").unique().tolist() == [value + 0.5]
    for layer in ("conv.classifiers.conv", "bn.full.0.0", "bn.full.1.0", "bn.classifiers.bn"):
        weight = network.get_parameter(f"{layer}.weight")
        assert 0 < weight.abs().max() <= (3 / weight.shape[1]) ** 0.5
        assert not network.get_parameter(f"{layer}.bias").any()


def test_a_second_layer_of_another_width_than_fc7_starts_from_random_weights(original, caplog):
    method = ram("baseline", weights=original(("fc6", "fc7")), fc_width="8", feature_width="4")
    with caplog.at_level("INFO", "bench"):
        network = method.network({"vehicle": 3})

    assert network.conv.first[0].weight.unique().tolist() == [1.0]
    assert network.conv.second[0].weight.unique().numel() > 16
    assert "the place of fc7 starts from random weights: it has 4 x 8 weights, the original 8 x 8" in caplog.text
    assert "fc6" not in caplog.text


@pytest.mark.parametrize(("recipe", "second"), [("paper", (4096, 4096)), ("vehicleid", (1024, 4096))])
def test_the_papers_conv_branch_has_the_originals_size(recipe, second):
    layers = ram("baseline", recipe).pretrained_full(bare(ram("baseline", recipe)))

    assert {name: tuple(layer.weight.shape) for name, layer in layers.items()} == {
        "fc6": (4096, 512 * 6 * 6),
        "fc7": second,
    }


@pytest.mark.slow
def test_ram_learns_eight_vehicles_by_heart_through_its_eight_stages(eight, tmp_path):
    method = ram(
        **{**TINY, "fc_width": "64", "feature_width": "64"},
        dropout="0",
        bn_kept="0.9",
        batch="16",
        iterations="4",
        vehicles="8",
        colours="4",
        kinds="3",
    )

    assert cmc_at_1(trained(method, eight, tmp_path), eight) == 1.0
