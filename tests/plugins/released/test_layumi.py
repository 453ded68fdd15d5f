import pytest
import torch
from torch.nn import functional

from harness.errors import CheckpointError, UsageError
from plugins.layers.augment import MEAN, STD
from plugins.released.layumi import Layumi
from tests.plugins.released.files import below, images, linear, made, norm, resnet, saved


def state(network, width=16):
    inner = linear("classifier.add_block.0", width, 128) | norm("classifier.add_block.1", width)
    block = inner if width else norm("classifier.add_block.0", 128)
    imagenet = {f"model.fc.{word}": torch.rand(3) for word in ("weight", "bias")}
    return (
        below("model.", network.state_dict()) | block | linear("classifier.classifier.0", 751, width or 128) | imagenet
    )


def beside(folder, text):
    (folder / "opts.yaml").write_text(text)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("width", [16, 0])
@pytest.mark.parametrize("flip", [True, False])
@torch.no_grad()
def test_the_feature_is_behind_the_bottleneck_summed_with_the_mirror_images(tmp_path, stride, width, flip):
    network = resnet(last_stride=stride)
    tensors = state(network, width)
    beside(tmp_path, f"stride: {stride}\nlinear_num: {width}\nibn: false\n")
    method = made(Layumi, weights=saved(tmp_path / "net_last.pth", tensors), flip=flip)

    found = method.embed(images())

    words = ("running_mean", "running_var", "weight", "bias")
    wanted = torch.zeros(())
    for given in (images(), images().flip(3))[: 2 if flip else 1]:
        inner = network((given - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1))
        if width:
            inner = functional.linear(
                inner, tensors["classifier.add_block.0.weight"], tensors["classifier.add_block.0.bias"]
            )
        last = f"classifier.add_block.{1 if width else 0}"
        wanted = wanted + functional.batch_norm(inner, *(tensors[f"{last}.{word}"] for word in words))
    assert torch.allclose(found, functional.normalize(wanted), atol=1e-5)


def test_a_stride_that_nothing_tells_is_asked_for(tmp_path):
    weights = saved(tmp_path / "net_last.pth", state(resnet()))

    with pytest.raises(UsageError, match="do not tell the stride") as caught:
        made(Layumi, weights=weights)
    assert caught.value.found == "no such file"
    assert "--set last_stride=2" in caught.value.next_step
    assert made(Layumi, weights=weights, last_stride=1).read_files == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "a NoneType"),
        ("stride: 7\n", "stride: 7"),
        ("lr: 0.1\n", "no stride in it"),
        ("- 1\n", "a list"),
        ("stride: [", "while parsing"),
        ("stride: !!python/name:os.mkdir\n", "could not determine a constructor"),
    ],
)
def test_a_file_beside_the_weights_that_does_not_tell_the_stride_is_no_help(tmp_path, text, found):
    beside(tmp_path, text)

    with pytest.raises(UsageError, match="do not tell the stride") as caught:
        made(Layumi, weights=saved(tmp_path / "net_last.pth", state(resnet())))
    assert str(caught.value.found).startswith(found)


def test_the_file_beside_the_weights_is_one_that_was_read(tmp_path):
    beside(tmp_path, "stride: 2\n")

    method = made(Layumi, weights=saved(tmp_path / "net_last.pth", state(resnet())))

    assert method.read_files == {"opts": tmp_path / "opts.yaml"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classifier0.add_block.0.weight": torch.ones(2)}, "of no network of layumi's"),
        ({"usam_1.weight": torch.ones(2)}, "of no network of layumi's"),
        ({"classifier.add_block.0.weight": None}, "of no network of layumi's"),
        ({"model.layer4.0.bn2.weight": torch.ones(2)}, r"of another shape: model\.layer4"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, change, message):
    tensors = {name: one for name, one in {**state(resnet()), **change}.items() if one is not None}

    with pytest.raises(CheckpointError, match=message):
        made(Layumi, weights=saved(tmp_path / "net_last.pth", tensors), last_stride=2)
