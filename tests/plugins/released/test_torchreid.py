import numpy as np
import pytest
import torch
from torch.nn import functional

from harness.errors import CheckpointError
from plugins.layers.augment import MEAN, STD
from plugins.released.torchreid import Torchreid
from tests.plugins.released.files import below, images, linear, made, norm, osnet, resnet, saved


def checkpoint(tensors):
    """Return what torchreid saves: more than a state dict, and every name behind ``module.``."""
    wrapped = {f"module.{name}": one for name, one in tensors.items()}
    return {"state_dict": wrapped, "epoch": 60, "rank1": np.float64(0.9), "optimizer": {"param_groups": [{"lr": 0.1}]}}


@pytest.mark.parametrize("form", ["plain", "ibn", "ain"])
@pytest.mark.parametrize("channels", [(8, 16, 24, 32), (16, 64, 96, 128)])
def test_every_form_and_width_of_osnet_is_found_by_names(tmp_path, form, channels):
    method = made(Torchreid, weights=saved(tmp_path / "w.pth.tar", checkpoint(osnet(form, channels))))

    found = method.embed(images())

    assert found.shape == (2, 512)
    assert bool(found.isfinite().all())
    assert method.input_size == (256, 128)
    wanted = {name for name in osnet(form, channels) if not name.startswith("classifier.")}
    assert method.model[1].state_dict().keys() == wanted


def test_an_instance_normalisation_stands_behind_the_sum_in_the_ibn_form_and_before_it_in_the_ain_form(tmp_path):
    seen = {}
    for form in ("ibn", "ain"):
        method = made(Torchreid, weights=saved(tmp_path / f"{form}.pth", osnet(form)))
        block = method.model[1].conv2[0]
        block.IN.register_forward_hook(lambda _part, given, _out, form=form: seen.update({form: given[0]}))
        block.downsample.register_forward_hook(lambda _part, _given, out, form=form: seen.update({f"{form} same": out}))
        block.conv3.register_forward_hook(lambda _part, _given, out, form=form: seen.update({f"{form} sum": out}))
        method.embed(images())

    assert torch.equal(seen["ibn"], seen["ibn sum"] + seen["ibn same"])
    assert torch.equal(seen["ain"], seen["ain sum"])


@pytest.mark.parametrize("layer", [False, True])
@torch.no_grad()
def test_a_resnet_has_a_last_stride_of_1_only_with_a_layer_behind(tmp_path, layer):
    network = resnet(last_stride=1 if layer else 2)
    tensors = below("", network.state_dict()) | linear("classifier", 751, 128)
    behind = linear("fc.0", 32, 128) | norm("fc.1", 32)
    method = made(Torchreid, weights=saved(tmp_path / "w.pth", tensors | (behind if layer else {})))

    found = method.embed(images())

    wanted = network((images() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1))
    if layer:
        inner = functional.linear(wanted, behind["fc.0.weight"], behind["fc.0.bias"])
        words = ("running_mean", "running_var", "weight", "bias")
        wanted = functional.relu(functional.batch_norm(inner, *(behind[f"fc.1.{word}"] for word in words)))
    assert torch.allclose(found, functional.normalize(wanted), atol=1e-5)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"features.0.weight": torch.ones(2)}, "of no network of torchreid"),
        ({**below("", resnet().state_dict()), "fc_fusion.0.weight": torch.ones(2)}, "of no network of torchreid"),
        ({**osnet(), "conv9.weight": torch.ones(2)}, r"unknown: conv9\.weight"),
        (
            {name: one for name, one in osnet().items() if "gate.fc1.weight" not in name},
            r"gate\.fc1\.weight is missing",
        ),
        ({**osnet(), "conv3.1.conv3.bn.weight": torch.ones(2)}, r"of another shape: conv3\.1\.conv3\.bn\.weight"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, tensors, message):
    with pytest.raises(CheckpointError, match=message):
        made(Torchreid, weights=saved(tmp_path / "w.pth", tensors))
