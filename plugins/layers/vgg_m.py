"""The VGG-M trunk (Chatfield et al., 2014) up to its fifth convolution, for 224 x 224 or any other input."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.errors import CheckpointError
from plugins.layers.weights import fill, read_weights

CHANNELS = 512
"""Channels that the fifth convolution gives."""

MEAN_BGR = (102.7, 115.8, 123.5)
"""What the released recipes subtract from blue, green and red, 0 to 255."""


PLACES = {f"features.{place}": f"conv{number}" for number, place in enumerate((0, 4, 8, 10, 12), 1)}
"""Convolutions by their place among the layers, with a ReLU behind each and a norm and a pool behind the first two."""

PIXEL_SPREAD = 70.0
"""About the standard deviation of pixels from 0 to 255 (ImageNet's is 58)."""


class ResponseNorm(nn.LocalResponseNorm):
    """torch's, in float32 whatever comes: on a processor torch has it for no narrower numbers."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps (n, c, h, w) in their own type."""
        return super().forward(maps.float()).to(maps.dtype)


def vgg_m_trunk() -> nn.Sequential:
    """Return conv1 to conv5, the last one without its ReLU, under the names of the original layers.

    The sides for an input of 224 are 109 (conv1), 54 (pool1), 26 (conv2), 13 (pool2) and 13 (conv3 to conv5).
    Open: the first weights where none are loaded. Here He et al.'s normal ones, with zero biases, those of conv1
    divided by the spread of its pixels, so that every map starts near a spread of 1.
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
        trunk.get_parameter("conv1.weight").div_(PIXEL_SPREAD)
    return trunk


def load_vgg_m(trunk: nn.Module, source: str) -> None:
    """Load weights by the original layers' names, ``conv1.weight`` to ``conv5.bias``; others are left aside.

    Where there are none, names by place are taken, ``features.0.weight`` to ``features.12.bias``, as ports to torch
    have them. The weights are Caffe's: outputs, inputs, rows, columns; the inputs of conv1 blue, green, red.

    Args:
        trunk: as ``vgg_m_trunk`` made it; unchanged where ``source`` is ``none``.
        source: ``none`` or the path of a file.

    Raises:
        CheckpointError: the weights cannot be had, would execute code, or are of another network.
    """
    if source == "none":
        return
    if source == "imagenet":
        raise CheckpointError(
            "VGG-M's ImageNet weights may not be passed on: their licence is for non-commercial use only",
            expected="a file of yours with tensors conv1.weight, conv1.bias, ... conv5.bias",
            next_step="give it with --set weights=FILE, or train from scratch with --set weights=none",
        )
    state = read_weights(Path(source))
    if not any(name.startswith("conv") for name in state):
        state = {_named(name): tensor for name, tensor in state.items()}
    fill(trunk, {name: tensor for name, tensor in state.items() if name.startswith("conv")}, source)


def _named(name: str) -> str:
    """Return ``conv1.weight`` for ``features.0.weight``."""
    layer, _, what = name.rpartition(".")
    return f"{PLACES[layer]}.{what}" if layer in PLACES else name


class CaffePixels(nn.Module):
    """From RGB, 0 to 1, to BGR, 0 to 255, minus a mean; both (n, 3, h, w)."""

    def __init__(self, mean: tuple[float, float, float] = MEAN_BGR) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, images: Tensor) -> Tensor:
        """Return the pixels as the original network expects them."""
        mean = torch.tensor(self.mean, dtype=images.dtype, device=images.device)
        return images.flip(1) * 255 - mean[:, None, None]
