"""RAM's four branches on one trunk, from images to logits and to the descriptor of 11,776 numbers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from harness.methods.attention import Attention, shares
from plugins.layers.augment import MEAN, STD
from plugins.layers.resnet import CHANNELS as RESNET_CHANNELS, Backbone, resnet_trunk
from plugins.layers.vgg_m import CHANNELS, CaffePixels, vgg_m_trunk
from plugins.ram.options import RAMOptions

SIDE = 6
"""Rows and columns of pool5."""

REGIONS = {"top": slice(0, 3), "middle": slice(1, 5), "bottom": slice(3, 6)}
"""Rows of pool5 that each of the three overlapped parts sees (R)."""

Features = dict[str, Tensor]


def full(inside: int, outside: int, dropout: float) -> nn.Sequential:
    """Return a fully connected layer with its ReLU and dropout: (n, inside) to (n, outside)."""
    return nn.Sequential(nn.Linear(inside, outside), nn.ReLU(), nn.Dropout(dropout))


class ConvBranch(nn.Module):
    """Global feature f_c: pool5 -> fc -> fc."""

    def __init__(self, vehicles: int, width: int, dropout: float) -> None:
        super().__init__()
        self.first = full(CHANNELS * SIDE * SIDE, width, dropout)
        self.second = full(width, width, dropout)
        self.classifiers = nn.ModuleDict({"conv": nn.Linear(width, vehicles)})

    def forward(self, pooled: Tensor) -> tuple[Tensor, Features]:
        """Return the first layer's (n, width), which the Attribute branch shares, and f_c (n, width).

        Args:
            pooled: pool5, (n, 512, 6, 6).
        """
        first = self.first(pooled.flatten(1))
        return first, {"conv": self.second(first)}


class BNBranch(nn.Module):
    """Complementary global feature f_b: batch normalisation of conv5 before its ReLU -> pool5 -> fc -> fc."""

    def __init__(self, vehicles: int, width: int, dropout: float) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm2d(CHANNELS)
        self.pool5 = nn.AdaptiveMaxPool2d(SIDE)
        self.full = nn.Sequential(full(CHANNELS * SIDE * SIDE, width, dropout), full(width, width, dropout))
        self.classifiers = nn.ModuleDict({"bn": nn.Linear(width, vehicles)})

    def forward(self, maps: Tensor) -> Features:
        """Return f_b (n, width) of conv5 (n, 512, 13, 13)."""
        pooled = self.pool5(torch.relu(self.normalise(maps)))  # (n, 512, 6, 6)
        return {"bn": self.full(pooled.flatten(1))}


class RegionBranch(nn.Module):
    """Regional features f_t, f_m, f_b: rows 0 to 2, 1 to 4 and 3 to 5 of pool5, each -> fc -> fc."""

    def __init__(self, vehicles: int, width: int, dropout: float) -> None:
        super().__init__()
        cells = {name: CHANNELS * SIDE * (rows.stop - rows.start) for name, rows in REGIONS.items()}
        self.full = nn.ModuleDict(
            {
                name: nn.Sequential(full(count, width, dropout), full(width, width, dropout))
                for name, count in cells.items()
            }
        )
        self.classifiers = nn.ModuleDict({name: nn.Linear(width, vehicles) for name in REGIONS})
        self.classifiers["regions"] = nn.Linear(len(REGIONS) * width, vehicles)

    def forward(self, pooled: Tensor) -> Features:
        """Return the three features (n, width) of pool5 (n, 512, 6, 6)."""
        return {name: self.full[name](pooled[:, :, rows].flatten(1)) for name, rows in REGIONS.items()}


class AttributeBranch(nn.Module):
    """Attribute feature f_a: from the Conv branch's first layer, one fc; it classifies colour and type or model."""

    def __init__(self, classes: Mapping[str, int], inside: int, width: int, dropout: float) -> None:
        super().__init__()
        self.full = full(inside, width, dropout)
        self.classifiers = nn.ModuleDict({name: nn.Linear(width, count) for name, count in classes.items()})

    def forward(self, first: Tensor) -> Features:
        """Return f_a (n, width) of the Conv branch's first layer (n, inside)."""
        return {"attribute": self.full(first)}


class ResNetTrunk(nn.Sequential):
    """A ResNet in place of VGG-M.

    Open: how. Here a 1x1 convolution without a ReLU reduces its last map, at stride 16, to the 512 channels of conv5;
    all further layers are the paper's.
    """

    def __init__(self, backbone: Backbone) -> None:
        layers = {"resnet": resnet_trunk(backbone, 1), "conv5": nn.Conv2d(RESNET_CHANNELS[backbone], CHANNELS, 1)}
        super().__init__(OrderedDict(layers))


class RAMNetwork(nn.Module):
    """The trunk and the branches of the first ``steps`` steps.

    pool5 is adaptive: on conv5 of 13 x 13 (an input of 224) its windows are those of 3x3 with stride 2; conv5 of any
    other size also gives 6 x 6.

    Args:
        attributes: number of classes of each label of the Attribute branch.

    Attributes:
        step: the step whose branches are in use; later branches are skipped.
        scaled: features have the length ``scale`` before their classifiers, as in finetuning.
    """

    def __init__(self, options: RAMOptions, vehicles: int, attributes: Mapping[str, int]) -> None:
        super().__init__()
        backbone, steps, width, dropout = options.backbone, options.steps, options.fc_width, options.dropout
        self.pixels = CaffePixels() if backbone == "vgg-m" else v2.Normalize(MEAN, STD)
        self.trunk = vgg_m_trunk() if backbone == "vgg-m" else ResNetTrunk(backbone)
        self.pool5 = nn.AdaptiveMaxPool2d(SIDE)
        self.conv = ConvBranch(vehicles, width, dropout)
        if steps >= 2:
            self.bn = BNBranch(vehicles, width, dropout)
        if steps >= 3:
            self.region = RegionBranch(vehicles, width // 4, dropout)
        if steps >= 4:
            self.attribute = AttributeBranch(attributes, width, width // 8, dropout)
        self.step, self.scaled, self.scale = steps, False, options.scale

    def forward(self, images: Tensor) -> Tensor | Features:
        """Return the descriptor (n, d), or in training the logits (n, classes) by classifier.

        Args:
            images: (n, 3, h, w) float, RGB, 0 to 1.

        Returns:
            The features, each of length 1, concatenated: d is 4096 after step 1, then 8192, 11,264, and 11,776 after
            step 4. The cosine of two descriptors is the mean of their features' cosines.
        """
        features = self._features(self.trunk(self.pixels(images)))  # conv5: (n, 512, 13, 13)
        if self.training:
            return self._logits(features)
        return torch.cat([functional.normalize(feature) for feature in features.values()], dim=1)

    @torch.no_grad()
    def attend(self, images: Tensor) -> Attention:
        """Return the share of each cell of conv5 in the descriptor, (n, 13, 13)."""
        maps = self.trunk(self.pixels(images))
        return Attention({"share": shares(maps, lambda cells: list(self._features(cells).values()))})

    def _features(self, maps: Tensor) -> Features:
        """Return the features of the branches in use of conv5 (n, 512, 13, 13)."""
        pooled = self.pool5(torch.relu(maps))  # (n, 512, 6, 6)
        first: Tensor
        features: Features
        first, features = self.conv(pooled)
        if self.step >= 2:
            features |= self.bn(maps)
        if self.step >= 3:
            features |= self.region(pooled)
        if self.step >= 4:
            features |= self.attribute(first)
        return features

    def _logits(self, features: Features) -> Features:
        given = dict(features)
        if self.step >= 3:
            given["regions"] = torch.cat([features[name] for name in REGIONS], dim=1)
        if self.scaled:
            given = {name: self.scale * functional.normalize(feature) for name, feature in given.items()}
        branches = [getattr(self, name) for name in ("conv", "bn", "region", "attribute")[: self.step]]
        return {
            name: classifier(given.get(name, given.get("attribute")))
            for branch in branches
            for name, classifier in branch.classifiers.items()
        }
