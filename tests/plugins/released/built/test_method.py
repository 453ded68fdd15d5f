"""Any network that Python builds takes the weights of a file, and says which ones it does not take."""

import json

import pytest
import torch
from torch import nn
from torchvision.models import shufflenet_v2_x0_5

from harness.errors import BenchError, CheckpointError, PluginError, UsageError
from harness.methods.code import code_digest
from harness.methods.method import create, resolve_options
from plugins.released.built.head import drop_head
from plugins.released.built.method import Built

SMALL = {"network": "torchvision:shufflenet_v2_x0_5", "input_size": "32"}
MODULE = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(4, 7)

    def forward(self, images):
        feature = self.body(images).flatten(1)
        return {"feature": feature, "logits": self.classifier(feature)}


def build():
    return Net()


def wrapped():
    return nn.ModuleDict({"module": Net().body, "fc": nn.Linear(4, 2)})


def words():
    return "a network"


def fails():
    raise ValueError("no such width")
"""


def method(seed=0, **changes):
    return create(Built, resolve_options("torch", Built, changes=changes), seed)


@pytest.fixture
def state():
    torch.manual_seed(1)
    return shufflenet_v2_x0_5().state_dict()


@pytest.fixture
def saved(tmp_path):
    def save(tensors):
        torch.save(tensors, tmp_path / "w.pth")
        return str(tmp_path / "w.pth")

    return save


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of the user's in the folder that the command is started in."""
    import sys

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    (tmp_path / "my_networks.py").write_text(MODULE)
    yield tmp_path / "my_networks.py"
    sys.modules.pop("my_networks", None)


def test_a_network_of_torchvision_gives_what_its_classifier_received(saved, state):
    images = torch.rand(2, 3, 32, 32)
    network = shufflenet_v2_x0_5()
    network.load_state_dict(state)
    network.fc = nn.Identity()

    found = method(**SMALL, weights=saved(state), mean="0", deviation="1")
    found.model.eval()

    assert torch.equal(found.embed(images), network.eval()(images))
    kept = method(**SMALL, weights=saved(state), head="keep")
    kept.model.eval()
    assert kept.embed(images).shape == (2, 1000)


def test_weights_are_drawn_by_the_run_s_seed():
    one, same, other = (method(seed, **SMALL, weights="none").model.state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["network.conv1.0.weight"], other["network.conv1.0.weight"])


def test_drawing_them_leaves_torch_s_own_generator_as_it_was():
    before = torch.get_rng_state()
    method(**SMALL, weights="none")
    assert torch.equal(torch.get_rng_state(), before)


def test_prefixes_are_taken_off_and_one_that_helps_is_proposed(saved, state):
    path = saved({f"module.base.{name}": tensor for name, tensor in state.items()})

    with pytest.raises(CheckpointError, match="of another network") as caught:
        method(**SMALL, weights=path)
    assert "--set strip=base." in str(caught.value)
    assert "base.conv1.0.weight" in str(caught.value)
    found = method(**SMALL, weights=path, strip="base.")
    assert torch.equal(found.model.network.conv1[0].weight, state["conv1.0.weight"])


@pytest.mark.parametrize("strip", ["", "module.", "module.base.", "base.", "_orig_mod.,module.,base."])
def test_prefixes_of_torch_s_wrappers_may_be_named_or_not(saved, state, strip):
    before = "module.base." if "base" in strip else "module."
    path = saved({before + name: tensor for name, tensor in state.items()})

    found = method(**SMALL, weights=path, strip=strip)

    assert torch.equal(found.model.network.conv1[0].weight, state["conv1.0.weight"])


@pytest.mark.parametrize(("before", "strip"), [("", ""), ("module.", ""), ("module.", "module."), ("net.", "net.")])
def test_a_network_whose_own_names_begin_with_module_keeps_them(module, saved, before, strip):
    own = {"module.0.weight": torch.rand(4, 3, 3, 3), "module.0.bias": torch.rand(4)}
    more = {"fc.weight": torch.rand(2, 4), "fc.bias": torch.rand(2)}
    path = saved({before + name: tensor for name, tensor in (own | more).items()})

    found = method(network="my_networks:wrapped", weights=path, strip=strip)

    assert torch.equal(found.model.network.state_dict()["module.0.weight"], own["module.0.weight"])


def test_further_heads_of_the_file_are_left_out_by_name(saved, state):
    more = {**state, "bottleneck.weight": torch.ones(3)}
    with pytest.raises(CheckpointError, match=r"bottleneck\.weight"):
        method(**SMALL, weights=saved(more))
    method(**SMALL, weights=saved(more), ignore="bottleneck.")


def test_weights_of_another_architecture_are_refused(saved):
    from torchvision.models import shufflenet_v2_x1_0

    with pytest.raises(CheckpointError, match="of another network") as caught:
        method(**SMALL, weights=saved(shufflenet_v2_x1_0().state_dict()))
    assert "of another shape" in str(caught.value)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("torchvision:resnet5", "did you mean 'resnet50'"),
        ("resnet50", "not named as MODULE:NAME"),
        ("no_such_module:build", "there is no module 'no_such_module'"),
        ("my_networks:bild", "did you mean 'build'"),
        ("my_networks:words", "returned no network"),
    ],
)
def test_a_network_that_does_not_exist_is_one_message(module, word, said):
    with pytest.raises(BenchError, match=said):
        method(network=word, weights="none")


def test_a_network_of_the_user_s_is_built_and_its_output_chosen(module):
    images = torch.rand(2, 3, 16, 16)

    with pytest.raises(PluginError, match="does not return one tensor") as caught:
        method(network="my_networks:build", weights="none").embed(images)
    assert "feature: float32 (2, 4); logits: float32 (2, 7)" in str(caught.value)
    assert method(network="my_networks:build", weights="none", output="feature").embed(images).shape == (2, 4)


def test_its_module_is_part_of_the_run_s_code(module):
    made = method(network="my_networks:build", weights="none")
    before = code_digest(Built, made.modules)
    module.write_text(MODULE + "\n\nWIDTH = 5\n")

    assert code_digest(Built, made.modules) != before
    assert code_digest(Built, ()) != before


def test_its_error_names_the_line(module):
    with pytest.raises(PluginError, match=r"my_networks:fails\(\) failed") as caught:
        method(network="my_networks:fails", weights="none")
    assert f"{module}, line {MODULE.count(chr(10))}" in str(caught.value)
    assert "no such width" in str(caught.value)


def test_a_file_must_be_given_or_none_asked_for():
    with pytest.raises(UsageError, match="no network was named"):
        method()
    with pytest.raises(UsageError, match="no weights were given"):
        method(**SMALL)
    with pytest.raises(CheckpointError, match="no such weights file"):
        method(**SMALL, weights="nowhere.pth")


@pytest.mark.parametrize(
    ("network", "name", "dropped"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(48, 5), nn.ReLU(), nn.Linear(5, 2)), "", "3"),
        (nn.Sequential(nn.Flatten(), nn.Linear(48, 5), nn.ReLU(), nn.Linear(5, 2)), "1", "1"),
    ],
)
def test_the_classifier_is_the_layer_whose_output_the_network_returns(network, name, dropped):
    assert drop_head(network, name, (4, 4)) == dropped
    assert isinstance(network.get_submodule(dropped), nn.Identity)


def test_a_network_without_a_linear_end_asks_for_the_name():
    with pytest.raises(UsageError, match="does not end with a linear classifier"):
        drop_head(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), "", (4, 4))
    with pytest.raises(UsageError, match="no layer 'fc'"):
        drop_head(nn.Sequential(nn.Flatten(), nn.Linear(48, 4)), "fc", (4, 4))


def test_a_size_that_the_network_does_not_take_is_named():
    with pytest.raises(UsageError, match="fails on images of this size"):
        drop_head(nn.Sequential(nn.Flatten(), nn.Linear(48, 4)), "", (5, 5))


@pytest.mark.parametrize(("option", "value"), [("mean", "red"), ("deviation", "0,1,1"), ("mean", "1,2")])
def test_numbers_that_are_none_are_refused(option, value):
    with pytest.raises(UsageError, match=f"option '{option}' of torch does not fit"):
        method(**SMALL, weights="none", **{option: value})


def exported(path, tensors, **card):
    from safetensors.torch import save_file

    about = {"run": "torch", "input_size": [40, 32], "interpolation": "bicubic", "metric": "euclidean", **card}
    save_file(tensors, path, {"bench": json.dumps(about)})
    return str(path)


def test_a_file_of_bench_export_says_size_resizing_metric_and_colours(tmp_path, state):
    tensors = {f"network.{name}": one for name, one in state.items()}
    colours = {"pixels.mean": torch.full((1, 3, 1, 1), 0.25), "pixels.deviation": torch.full((1, 3, 1, 1), 0.75)}
    words = {"network": SMALL["network"], "weights": exported(tmp_path / "n.safetensors", {**tensors, **colours})}

    found = method(**words)

    assert found.input_size == (40, 32)
    assert str(found.resizing) == "bicubic"
    assert found.metric == "euclidean"
    assert found.model.pixels.mean.flatten().tolist() == [0.25] * 3
    assert found.model.pixels.deviation.flatten().tolist() == [0.75] * 3
    assert torch.equal(found.model.network.conv1[0].weight, state["conv1.0.weight"])
    told = method(**words, mean="half", input_size="64", interpolation="lanczos")
    assert told.input_size == (64, 64)
    assert str(told.resizing) == "lanczos"
    assert told.model.pixels.mean.flatten().tolist() == [0.5] * 3


def test_what_an_exported_file_says_is_checked(tmp_path, state):
    words = {"network": SMALL["network"]}
    colours = {"pixels.mean": torch.zeros(3), "pixels.deviation": torch.zeros(3)}
    path = exported(tmp_path / "n.safetensors", {**{f"network.{name}": one for name, one in state.items()}, **colours})
    with pytest.raises(CheckpointError, match="deviation of the colours is not above 0"):
        method(**words, weights=path)
    with pytest.raises(CheckpointError, match="says about its network is damaged"):
        method(**words, weights=exported(tmp_path / "m.safetensors", state, input_size=[0, 0]))
    assert method(**words, weights=exported(tmp_path / "k.safetensors", state)).input_size == (40, 32)
