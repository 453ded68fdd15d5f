"""The network of RNN-HA: a trunk, the two levels of the hierarchy, and the attention between them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from harness.methods.attention import Attention, shares
from plugins.layers.augment import MEAN, STD
from plugins.layers.linear import he_linear
from plugins.layers.resnet import CHANNELS as RESNET_CHANNELS, resnet_trunk
from plugins.layers.vgg_m import CHANNELS as VGG_CHANNELS, PIXEL_SPREAD, CaffePixels, vgg_m_trunk
from plugins.rnn_ha.options import HIDDEN, RNNHAOptions

FLOOR = 0.1
"""Added to every cell's score, so that no cell is ignored."""

MEANT = (123.68, 116.78, 103.94)
"""Means of red, green and blue, 0 to 255, which the released script subtracts without any effect (R)."""


class RNNHANetwork(nn.Module):
    """The representation, the hierarchy and the attention.

    The first weights of W1 to W4 are He et al.'s normal ones (R). Open, and chosen here: their biases begin at 0; each
    level of FC-HA is a fully connected layer with a ReLU, and only the attention connects them; the classifier of the
    trunk alone is a linear layer on x1.

    Attributes:
        by_itself: the trunk classifies alone, and x1 is the feature.
    """

    def __init__(self, options: RNNHAOptions, vehicles: int, kinds: int) -> None:
        super().__init__()
        channels = VGG_CHANNELS if options.backbone == "vgg-m" else RESNET_CHANNELS[options.backbone]
        hidden = HIDDEN[options.backbone] if options.hidden == "published" else options.hidden
        self.pixels = _pixels(options)
        self.trunk = _trunk(options)
        self.alone = nn.Linear(channels, vehicles)
        full = options.unit == "full"
        self.hierarchy = FullLevels(channels, hidden) if full else GRULevels(channels, hidden, options.shown_twice)
        self.attention = CoarseAttention(hidden, channels) if options.attention else None
        self.w1, self.w2 = he_linear(hidden, kinds), he_linear(hidden, vehicles)
        self.divide_by_cells, self.descriptor = options.divide_by_cells, options.descriptor
        self.by_itself = False

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        """Return the descriptor (n, d) of length 1, or in training the logits of the model and the vehicle.

        Args:
            images: (n, 3, h, w) float, RGB, 0 to 1.
        """
        maps = self.trunk(self.pixels(images))  # X: (n, 512, 6, 6), or (n, 2048, 7, 7)
        x1 = maps.mean((2, 3))  # (n, c)
        if self.by_itself:
            return {"vehicle": self.alone(x1)} if self.training else functional.normalize(x1)
        o1, o2 = self._states(maps, x1)
        if self.training:
            return {"kind": self.w1(o1), "vehicle": self.w2(o2)}
        return functional.normalize(self._described(o1, o2))

    @torch.no_grad()
    def attend(self, images: Tensor) -> Attention:
        """Return a (n, 6, 6), or (n, 7, 7), of sum 1; without attention, each cell's share in the feature."""
        maps = self.trunk(self.pixels(images))
        if self.attention is None:
            share = shares(maps, lambda cells: [self._described(*self._states(cells, cells.mean((2, 3))))])
            return Attention({"share": share})
        weights: Tensor = self.attention(maps, self.hierarchy.coarse(maps.mean((2, 3))))
        return Attention({"attention": weights[:, 0]})

    def _states(self, maps: Tensor, x1: Tensor) -> tuple[Tensor, Tensor]:
        """Return o1 and o2, (n, hidden) each."""
        o1 = self.hierarchy.coarse(x1)
        return o1, self.hierarchy.fine(self._attended(maps, x1, o1), o1)

    def _described(self, o1: Tensor, o2: Tensor) -> Tensor:
        """Return the descriptor before normalisation, (n, d)."""
        return torch.cat({"o1": [o1], "o2": [o2], "both": [o1, o2]}[self.descriptor], dim=1)

    def _attended(self, maps: Tensor, x1: Tensor, o1: Tensor) -> Tensor:
        """Return x2 (n, c): the sum over the cells of a_ij X_ij, or x1 without attention (RNN-H)."""
        if self.attention is None:
            return x1
        x2: Tensor = (self.attention(maps, o1) * maps).sum((2, 3))
        return x2 / (maps.shape[2] * maps.shape[3]) if self.divide_by_cells else x2


class CoarseAttention(nn.Module):
    """a_ij = s_ij / sum s, s_ij = softplus(<w, X_ij>) + 0.1, w = W4 relu(W3 o1).

    W3 is (hidden, hidden) and W4 (channels, hidden), both with biases (R).
    """

    def __init__(self, hidden: int, channels: int) -> None:
        super().__init__()
        self.w3, self.w4 = he_linear(hidden, hidden), he_linear(hidden, channels)

    def forward(self, maps: Tensor, o1: Tensor) -> Tensor:
        """Return the weights (n, 1, h, w), positive with a sum of 1, for maps (n, c, h, w) and states (n, hidden)."""
        w = self.w4(torch.relu(self.w3(o1)))  # (n, c)
        scores = functional.softplus((w[:, :, None, None] * maps).sum(1, keepdim=True)) + FLOOR
        weights: Tensor = scores / scores.sum((2, 3), keepdim=True)
        return weights


class GRULevels(nn.Module):
    """Two steps of one GRU: o1 = GRU(x1, 0), o2 = GRU(x2, o1).

    ``shown_twice`` adds a step, as the release does on VGG-M (R): o1 = GRU(x1, GRU(x1, 0)). Open: whether the model and
    the attention come after the second of these steps, as here, or after the first.
    """

    def __init__(self, channels: int, hidden: int, shown_twice: bool) -> None:
        super().__init__()
        self.gru = nn.GRUCell(channels, hidden)
        self.shown_twice = shown_twice

    def coarse(self, x1: Tensor) -> Tensor:
        """Return o1 (n, hidden) of x1 (n, c)."""
        state: Tensor = self.gru(x1)
        return self.fine(x1, state) if self.shown_twice else state

    def fine(self, x2: Tensor, o1: Tensor) -> Tensor:
        """Return o2 (n, hidden) of x2 (n, c) and o1."""
        state: Tensor = self.gru(x2, o1)
        return state


class FullLevels(nn.Module):
    """FC-HA: o1 = relu(F1 x1), o2 = relu(F2 x2)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.f1 = nn.Linear(channels, hidden)
        self.f2 = nn.Linear(channels, hidden)

    def coarse(self, x1: Tensor) -> Tensor:
        """Return o1 (n, hidden) of x1 (n, c)."""
        state: Tensor = torch.relu(self.f1(x1))
        return state

    def fine(self, x2: Tensor, o1: Tensor) -> Tensor:  # noqa: ARG002 - as GRULevels
        """Return o2 (n, hidden) of x2 (n, c)."""
        state: Tensor = torch.relu(self.f2(x2))
        return state


class _VGGToPool5(nn.Sequential):
    def __init__(self, spread: float) -> None:
        super().__init__()
        self.add_module("vgg", vgg_m_trunk(spread))
        self.add_module("relu5", nn.ReLU())
        self.add_module("pool5", nn.MaxPool2d(3, 2, ceil_mode=True))


def _pixels(options: RNNHAOptions) -> nn.Module:
    """Return the layer from RGB, 0 to 1, to the pixels of the option."""
    if options.pixels == "released":
        return nn.Identity()
    if options.pixels == "pretrained" and options.backbone == "vgg-m":
        return CaffePixels()
    means, spreads = (MEAN, STD) if options.pixels == "pretrained" else ([mean / 255 for mean in MEANT], [1 / 255] * 3)
    layer: nn.Module = v2.Normalize(means, spreads)
    return layer


def _trunk(options: RNNHAOptions) -> nn.Module:
    """Return VGG-M to pool5, or a ResNet without its pooling."""
    if options.backbone != "vgg-m":
        return resnet_trunk(options.backbone, 2)
    return _VGGToPool5(PIXEL_SPREAD / 255 if options.pixels == "released" else PIXEL_SPREAD)
