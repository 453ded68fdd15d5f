"""The VGG-M trunk (Chatfield et al., 2014) up to its fifth convolution, for inputs of 224 x 224 or any other size."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.errors import CheckpointError
from plugins.layers.weights import fill, read_weights

CHANNELS = 512
"""Output channels of the fifth convolution."""

MEAN_BGR = (102.7, 115.8, 123.5)
"""Mean of blue, green and red, 0 to 255, in the released recipes."""

PLACES = {f"features.{place}": f"conv{number}" for number, place in enumerate((0, 4, 8, 10, 12), 1)}
"""Convolutions by position: each is followed by a ReLU, the first two also by a norm and a pool."""

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
    Open: the initialisation without pretrained weights. Here it is He et al.'s normal one, with zero biases, and conv1
    is divided by ``spread``, the standard deviation of its pixels: that of every map is then near 1.
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


def load_vgg_m(trunk: nn.Module, source: str) -> None:
    """Load weights by the names of the original layers, ``conv1.weight`` to ``conv5.bias``; other names are ignored.

    A file without such names may have those of ports to torch, ``features.0.weight`` to ``features.12.bias``. The
    weights are Caffe's: outputs, inputs, rows, columns; the inputs of conv1 are blue, green, red.

    Raises:
        CheckpointError: the weights cannot be loaded, would execute code, or are of another network.
    """
    if source == "none":
        return
    if source == "imagenet":
        raise CheckpointError(
            "VGG-M's ImageNet weights may not be redistributed: their licence is for non-commercial use only",
            expected="a file with the tensors conv1.weight, conv1.bias, ... conv5.bias",
            next_step="give it with --set weights=FILE, or train from scratch with --set weights=none",
        )
    state = read_weights(Path(source))
    if not any(name.startswith("conv") for name in state):
        state = {_named(name): tensor for name, tensor in state.items()}
    fill(trunk, {name: tensor for name, tensor in state.items() if name.startswith("conv")}, source)


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
