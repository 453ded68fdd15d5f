import pytest
import torch
from torch.nn import functional

from harness.errors import CheckpointError, UsageError
from plugins.released.fast_reid import FastReID
from tests.plugins.released.files import below, conv, images, made, norm, resnet, saved

FULL = """
MODEL:
  META_ARCHITECTURE: Baseline
  BACKBONE: {NAME: build_resnet_backbone, DEPTH: %s, LAST_STRIDE: %d, WITH_IBN: %s, WITH_NL: false}
  HEADS: {POOL_LAYER: %s, WITH_BNNECK: true, EMBEDDING_DIM: 0}
INPUT: {SIZE_TEST: [64, 96]}
DATASETS: {NAMES: '("VeRi", "Market1501")'}
"""


def config(path, depth="50x", last_stride=1, ibn="false", pool="GlobalAvgPool"):
    path.write_text(FULL % (depth, last_stride, ibn, pool))
    return str(path)


def state(network, **further):
    """Return the 'model' of fast-reid around a backbone."""
    width = network.width
    return {
        **below("backbone.", network.state_dict()),
        **norm("heads.bottleneck.0", width),
        "heads.weight": torch.rand(576, width),
        **{name.replace("__", "."): tensor for name, tensor in further.items()},
    }


def trunk(network, given, mean, deviation):
    """Return the last map, computed by torchvision's layers and fast-reid's first pooling."""
    maps = (255 * given - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    maps = functional.relu(network.bn1(network.conv1(maps)))
    maps = functional.max_pool2d(maps, 3, 2, ceil_mode=True)
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        maps = stage(maps)
    return maps


def neck(found, tensors):
    return functional.batch_norm(
        found,
        tensors["heads.bottleneck.0.running_mean"],
        tensors["heads.bottleneck.0.running_var"],
        tensors["heads.bottleneck.0.weight"],
        tensors["heads.bottleneck.0.bias"],
    )


COLOURS = {"pixel_mean": torch.tensor([120.0, 110.0, 100.0]), "pixel_std": torch.tensor([60.0, 50.0, 55.0])}


@pytest.mark.parametrize("power", [None, 2.5])
@pytest.mark.parametrize("place", ["behind", "before"])
@torch.no_grad()
def test_the_feature_is_that_of_the_formats_arithmetic(tmp_path, power, place):
    network = resnet()
    learnt = {} if power is None else {"heads__pool_layer__p": torch.tensor([power])}
    tensors = state(network, **{name: one.view(1, 3, 1, 1) for name, one in COLOURS.items()}, **learnt)
    method = made(
        FastReID,
        weights=saved(tmp_path / "w.pth", {"model": tensors, "optimizer": {}, "iteration": 9}),
        feature=place,
        **({"pool": "avg"} if power is None else {}),
    )

    found = method.embed(images())

    maps = trunk(network, images(), *COLOURS.values())
    pooled = maps.mean((2, 3)) if power is None else maps.clamp(min=1e-6).pow(power).mean((2, 3)).pow(1 / power)
    wanted = neck(pooled, tensors) if place == "behind" else pooled
    assert torch.allclose(found, functional.normalize(wanted), atol=1e-5)


def test_the_names_of_2020_are_those_of_today(tmp_path):
    tensors = {name.replace("bottleneck.0", "bnneck"): one for name, one in state(resnet()).items()}
    old = {**tensors, "heads.classifier.weight": tensors.pop("heads.weight")}
    del old["heads.weight"]
    new = made(FastReID, weights=saved(tmp_path / "n.pth", {"model": state(resnet())}), pool="avg")

    found = made(FastReID, weights=saved(tmp_path / "w.pth", {"model": old}), pool="avg").embed(images())

    assert torch.equal(found, new.embed(images()))


def test_a_pooling_that_nothing_tells_is_asked_for(tmp_path):
    weights = saved(tmp_path / "w.pth", {"model": state(resnet())})

    with pytest.raises(UsageError, match="do not tell how the last map is pooled") as caught:
        made(FastReID, weights=weights)
    assert "--set config=FILE, or --set pool=avg, gem" in caught.value.next_step
    power = torch.tensor([3.0])
    with pytest.raises(UsageError, match="have learnt the power of a gem"):
        made(
            FastReID,
            weights=saved(tmp_path / "p.pth", {"model": state(resnet(), heads__pool_layer__p=power)}),
            pool="avg",
        )


def test_the_yaml_says_pooling_stride_size_and_data(tmp_path):
    network = resnet((3, 4, 6, 3), last_stride=2)
    weights = saved(tmp_path / "w.pth", {"model": state(network)})

    method = made(
        FastReID, weights=weights, config=config(tmp_path / "c.yml", last_stride=2, pool="GeneralizedMeanPooling")
    )

    assert method.input_size == (64, 96)
    assert method.trained_on == ("veri776", "market1501")
    with torch.no_grad():
        maps = trunk(
            network, images(), *(torch.tensor(one) * 255 for one in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        )
        pooled = maps.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)
    wanted = functional.normalize(neck(pooled, state(network)))
    assert torch.allclose(method.embed(images()), wanted, atol=1e-5)
    assert made(FastReID, weights=weights, config=str(tmp_path / "c.yml"), input_size=128).input_size == (128, 128)


def test_a_yaml_inherits_what_its_released_base_says_and_nothing_is_read_outside(tmp_path):
    (tmp_path / "c.yml").write_text("_BASE_: ../Base-SBS.yml\nMODEL: {BACKBONE: {WITH_NL: false}}\n")
    tensors = state(resnet((3, 4, 6, 3)), heads__pool_layer__p=torch.tensor([3.0]))

    method = made(FastReID, weights=saved(tmp_path / "w.pth", {"model": tensors}), config=str(tmp_path / "c.yml"))

    assert method.input_size == (384, 128)


def test_a_yaml_may_have_nothing_but_its_base(tmp_path):
    (tmp_path / "c.yml").write_text("_BASE_: ../Base-bagtricks.yml\nDATASETS: {NAMES: ('VehicleID',)}\n")
    weights = saved(tmp_path / "w.pth", {"model": state(resnet((3, 4, 6, 3)))})

    method = made(FastReID, weights=weights, config=str(tmp_path / "c.yml"))

    assert method.input_size == (256, 128)
    assert method.trained_on == ("vehicleid",)


def test_yaml_and_weights_that_contradict_each_other_get_one_message(tmp_path):
    weights = saved(tmp_path / "w.pth", {"model": state(resnet((3, 4, 6, 3)))})
    wrong = config(tmp_path / "c.yml", depth="101x", ibn="true", pool="GeneralizedMeanPoolingP")

    with pytest.raises(UsageError, match="the YAML and the weights contradict each other") as caught:
        made(FastReID, weights=weights, config=wrong)
    assert caught.value.found == (
        "BACKBONE.WITH_IBN is True in the YAML, False in the weights; "
        "BACKBONE.DEPTH is 101x in the YAML, 50x in the weights; "
        "HEADS.POOL_LAYER is GeneralizedMeanPoolingP in the YAML, the weights have no learnt power"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "a NoneType"),
        ("- 1\n", "a list"),
        ("MODEL: [", "while parsing"),
        ("OTHER: 1\n", "no section MODEL"),
        ("MODEL: !!python/object/apply:os.mkdir [executed]\n", "could not determine a constructor"),
        ("x" * (1 << 20) + "yz", "too large: 1,048,578 bytes"),
        ("[" * 500, ""),
    ],
)
def test_a_yaml_that_is_none_of_fast_reid_is_refused(tmp_path, monkeypatch, text, found):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yml").write_text(text)

    with pytest.raises(UsageError, match="the configuration cannot be used") as caught:
        made(FastReID, weights="w.pth", config="c.yml")
    assert found in str(caught.value.found)
    assert not (tmp_path / "executed").exists()


def test_ibn_squeeze_excite_non_local_and_a_smaller_width_are_found_by_names(tmp_path):
    tensors = state(resnet())
    for number in (1, 2, 3):
        width = 2 << number
        for word in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            del tensors[f"backbone.layer{number}.0.bn1.{word}"]
        tensors |= norm(f"backbone.layer{number}.0.bn1.IN", width // 2, instance=True)
        tensors |= norm(f"backbone.layer{number}.0.bn1.BN", width // 2)
    tensors["backbone.layer1.0.se.fc.0.weight"] = torch.rand(4, 16) / 4
    tensors["backbone.layer1.0.se.fc.2.weight"] = torch.rand(16, 4) / 4
    at = "backbone.NL_2.0"
    for word in ("g", "theta", "phi"):
        tensors |= conv(f"{at}.{word}", 1, 32, bias=True)
    tensors |= conv(f"{at}.W.0", 32, 1, bias=True) | norm(f"{at}.W.1", 32)
    for word in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        del tensors[f"heads.bottleneck.0.{word}"]
    tensors |= conv("heads.bottleneck.0", 12, 128) | norm("heads.bottleneck.1", 12)

    method = made(FastReID, weights=saved(tmp_path / "w.pth", {"model": tensors}), pool="avg")

    names = {type(part).__name__ for part in method.model.modules()}
    assert {"IBN", "SqueezeExcite", "NonLocal"} <= names
    assert method.embed(images()).shape == (2, 12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone.layer1.0.conv2.weight": torch.ones(4, 2, 3, 3)}, "of a ResNeXt of fast-reid's"),
        ({"b1.0.conv1.weight": torch.ones(1)}, "another network of fast-reid's"),
        ({"backbone.layer3.0.conv2.weight": torch.ones(3, 3)}, "of no network that this method knows"),
        ({"backbone.layer3.0.conv2.weight": torch.ones(9, 9, 3, 3)}, r"of another shape: backbone\.layer3"),
        ({"backbone.extra.weight": torch.ones(3)}, r"unknown: backbone\.extra\.weight"),
        ({"backbone.conv1.weight": None}, "of no network that this method knows"),
        ({"heads.bottleneck.0.running_var": None}, r"missing: heads\.bottleneck\.0\.running_var"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, change, message):
    tensors = {name: one for name, one in {**state(resnet()), **change}.items() if one is not None}

    with pytest.raises(CheckpointError, match=message):
        made(FastReID, weights=saved(tmp_path / "w.pth", {"model": tensors}), pool="avg")


def test_a_shape_that_contradicts_its_neighbours_allocates_nothing(tmp_path):
    wide = torch.zeros(1 << 20, 1, 1, 1)
    tensors = {**state(resnet()), "backbone.layer1.0.conv1.weight": wide}

    with pytest.raises(CheckpointError, match="of another shape"):
        made(FastReID, weights=saved(tmp_path / "w.pth", {"model": tensors}), pool="avg")


def test_no_weights_are_asked_for():
    with pytest.raises(UsageError, match="no weights were given") as caught:
        made(FastReID)
    assert caught.value.next_step == "give it with --set weights=FILE"
