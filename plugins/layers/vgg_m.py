"""The VGG-M trunk (Chatfield et al., 2014) up to its fifth convolution, for inputs of 224 x 224 or any other size."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from harness.errors import CheckpointError
from plugins.weights.fitting import fill
from plugins.weights.reading import read_weights

log = logging.getLogger("bench")

CHANNELS = 512
"""Output channels of the fifth convolution."""

MEAN_BGR = (102.7, 115.8, 123.5)
"""Mean of blue, green and red, 0 to 255, in the released recipes."""

PLACES = {
    **{f"features.{place}": f"conv{number}" for number, place in enumerate((0, 4, 8, 10, 12), 1)},
    **{f"{part}.{place}": name for part in ("classif", "classifier") for place, name in ((0, "fc6"), (3, "fc7"))},
}
"""The original name of each layer of Cadene's port to torch, whose full layers occur under two names."""

FULL = {"fc6": (4096, CHANNELS * 6 * 6), "fc7": (4096, 4096)}
"""Outputs and inputs of the original fully connected layers."""

HOLDING = (
    "the tensors conv1.weight (96, 3, 7, 7), whose inputs are blue, green and red, conv2.weight (256, 96, 5, 5), "
    "conv3.weight (512, 256, 3, 3), conv4.weight and conv5.weight (512, 512, 3, 3), conv1.bias to conv5.bias, and "
    "for ram fc6.weight (4096, 18432), fc7.weight (4096, 4096), fc6.bias and fc7.bias"
)
"""What a file of weights holds."""

FROM_CAFFE = """run, where Caffe and torch are installed:
    python -c "import caffe, torch; net = caffe.Net('deploy.prototxt', 'FILE.caffemodel', caffe.TEST); \
torch.save({f'{layer}.{kind}': torch.tensor(blob.data) for layer, blobs in net.params.items() \
for kind, blob in zip(('weight', 'bias'), blobs)}, 'vgg-m.pth')"
  then give --set weights=vgg-m.pth"""
"""How to convert a file of Caffe's."""

RANDOM = "the layer in the place of %s starts from random weights: "

PIXEL_SPREAD = 70.0
"""Approximate standard deviation of pixels from 0 to 255 (ImageNet's is 58)."""


class ResponseNorm(nn.LocalResponseNorm):
    """Torch's layer, always in float32: on the CPU torch supports no narrower type."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps (n, c, h, w) in their own type."""
        return super().forward(maps.float()).to(maps.dtype)


def vgg_m_trunk(spread: float = PIXEL_SPREAD) -> nn.Sequential:
    """Return conv1 to conv5, the last one without its ReLU, with the names of the original layers.

    The sides for an input of 224 are 109 (conv1), 54 (pool1), 26 (conv2), 13 (pool2) and 13 (conv3 to conv5).
    The released recipes start from ImageNet. Without pretrained weights, the first ones are He et al.'s normal ones,
    with zero biases, and conv1 is divided by ``spread``, the standard deviation of its pixels: that of every map is
    then near 1.
    """
    trunk = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 96, 7, stride=2),
            relu1=nn.ReLU(),
            norm1=ResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
            pool1=nn.MaxPool2d(3, 2, ceil_mode=True),
            conv2=nn.Conv2d(96, 256, 5, stride=2, padding=1),
            relu2=nn.ReLU(),
            norm2=ResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
            pool2=nn.MaxPool2d(3, 2, ceil_mode=True),
            conv3=nn.Conv2d(256, 512, 3, padding=1),
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(512, 512, 3, padding=1),
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(512, CHANNELS, 3, padding=1),
        )
    )
    for layer in trunk:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # every convolution here has one
    with torch.no_grad():
        trunk.get_parameter("conv1.weight").div_(spread)
    return trunk


def load_vgg_m(trunk: nn.Module, source: str, full: Mapping[str, nn.Linear] = MappingProxyType({})) -> None:
    """Load the weights of a file into the trunk, and its fc6 and fc7 into the layers that ``full`` gives for them.

    A file for ``vgg-m`` is one of torch.save or safetensors that holds, as float tensors, at least

    - ``conv1.weight`` (96, 3, 7, 7), ``conv2.weight`` (256, 96, 5, 5), ``conv3.weight`` (512, 256, 3, 3), and
      ``conv4.weight`` and ``conv5.weight`` (512, 512, 3, 3) in Caffe's order of outputs, inputs, rows and columns; the
      inputs of conv1 are blue, green and red, from 0 to 255 minus their mean;
    - ``conv1.bias`` to ``conv5.bias``, each as long as its outputs;
    - for ram, ``fc6.weight`` (4096, 18432), whose inputs are pool5's 512 channels of 6 rows of 6 columns, and
      ``fc7.weight`` (4096, 4096), with ``fc6.bias`` and ``fc7.bias`` (4096).

    Instead of conv1 to conv5, fc6 and fc7, layers may have the names of Cadene's port to torch: ``features.0``, ``.4``,
    ``.8``, ``.10``, ``.12``, and ``classif.0`` and ``.3`` or ``classifier.0`` and ``.3``. Other tensors are ignored.
    A layer of another size than the original fc6 or fc7, or one that the file lacks, keeps its random weights, and the
    log says so.

    Args:
        trunk: the convolutions, as ``vgg_m_trunk`` returns them.
        source: the path of the file, or ``none`` for no change.
        full: the layers that start from ``fc6`` and ``fc7``, by these names.

    Raises:
        CheckpointError: the weights cannot be loaded, would execute code, or are of another network.
    """
    if source == "none":
        return
    if source == "imagenet":
        raise CheckpointError(
            "VGG-M's ImageNet weights may not be redistributed: their licence is for non-commercial use only",
            expected=f"a file with {HOLDING}",
            next_step="give it with --set weights=FILE, or train from scratch with --set weights=none",
        )
    found = read_weights(Path(source), HOLDING, instead="'none'", from_caffe=FROM_CAFFE)
    state = {_named(name): tensor for name, tensor in found.items()}
    fill(trunk, {name: tensor for name, tensor in state.items() if name.startswith("conv")}, source)
    layers = {name: layer for name, layer in full.items() if _fits(name, layer, state, source)}
    wanted = {name: tensor for name, tensor in state.items() if name.partition(".")[0] in layers}
    fill(nn.ModuleDict(layers), wanted, source)


def _fits(name: str, layer: nn.Linear, state: Mapping[str, Tensor], source: str) -> bool:
    """Return whether a layer starts from the file's; if not, the log says why."""
    shape, original = tuple(layer.weight.shape), FULL[name]
    if shape != original:
        log.info(RANDOM + "it has %d x %d weights, the original %d x %d", name, *shape, *original)
    elif f"{name}.weight" not in state:
        log.info(RANDOM + "%s has no tensor %s.weight", name, source, name)
    else:
        return True
    return False


def _named(name: str) -> str:
    """Return ``conv1.weight`` for ``features.0.weight``."""
    layer, _, tensor = name.rpartition(".")
    return f"{PLACES[layer]}.{tensor}" if layer in PLACES else name


class CaffePixels(nn.Module):
    """From RGB, 0 to 1, to BGR, 0 to 255, minus a mean; both (n, 3, h, w)."""

    def __init__(self, mean: tuple[float, float, float] = MEAN_BGR) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, images: Tensor) -> Tensor:
        """Return the pixels as the original network expects them."""
        mean = torch.tensor(self.mean, dtype=images.dtype, device=images.device)
        return images.flip(1) * 255 - mean[:, None, None]
