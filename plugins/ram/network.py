"""RAM's four branches on one trunk, from images to logits and to the descriptor of 11,776 numbers."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

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

BRANCHES = ("conv", "bn", "region", "attribute")
"""The branches in the order in which the four steps of training add them."""

Features = dict[str, Tensor]


class Linear(nn.Linear):
    """A linear layer that starts as Caffe's Xavier does: uniform within +- sqrt(3 / inputs), biases of zero (R)."""

    def reset_parameters(self) -> None:
        """Draw the weights."""
        bound = math.sqrt(3 / self.in_features)
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.zeros_(self.bias)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation whose running mean and variance keep the share ``kept`` of themselves at each step (R).

    A choice of this harness (open): the weights of all batches seen sum to 1. In torch's own layer half of the weight
    would still be that of the initial 0 and 1 after 700 steps.
    """

    def __init__(self, channels: int, kept: float) -> None:
        super().__init__(channels)
        self.kept = kept

    def reset_running_stats(self) -> None:
        """Forget all batches."""
        super().reset_running_stats()
        self.seen: int | None = 0  # read from the GPU, the layer's own count would stop every step

    def _load_from_state_dict(self, *state: Any) -> None:
        super()._load_from_state_dict(*state)
        self.seen = None

    def forward(self, maps: Tensor) -> Tensor:
        """Return the normalised maps (n, c, h, w)."""
        if self.training:
            self.seen = int(self.num_batches_tracked or 0) if self.seen is None else self.seen
            self.seen += 1
            self.momentum = (1 - self.kept) / (1 - self.kept**self.seen)
        return super().forward(maps)


def full(inside: int, outside: int, dropout: float) -> nn.Sequential:
    """Return a fully connected layer with its ReLU and dropout: (n, inside) to (n, outside)."""
    return nn.Sequential(Linear(inside, outside), nn.ReLU(), nn.Dropout(dropout))


class ConvBranch(nn.Module):
    """Global feature f_c: pool5 -> fc -> fc."""

    def __init__(self, vehicles: int, options: RAMOptions) -> None:
        super().__init__()
        width, dropout = options.feature_width, options.dropout
        self.first = full(CHANNELS * SIDE * SIDE, options.fc_width, dropout)
        self.second = full(options.fc_width, width, dropout)
        self.classifiers = nn.ModuleDict({"conv": Linear(width, vehicles)})

    def forward(self, pooled: Tensor) -> tuple[Tensor, Features]:
        """Return the first layer's (n, fc width), which the Attribute branch shares, and f_c (n, feature width).

        Args:
            pooled: pool5, (n, 512, 6, 6).
        """
        first = self.first(pooled.flatten(1))
        return first, {"conv": self.second(first)}


class BNBranch(nn.Module):
    """Complementary global feature f_b: batch normalisation of conv5 before its ReLU -> pool5 -> fc -> fc."""

    def __init__(self, vehicles: int, options: RAMOptions) -> None:
        super().__init__()
        first, width, dropout = options.fc_width, options.feature_width, options.dropout
        self.normalise = BatchNorm(CHANNELS, options.bn_kept)
        self.pool5 = nn.AdaptiveMaxPool2d(SIDE)
        self.full = nn.Sequential(full(CHANNELS * SIDE * SIDE, first, dropout), full(first, width, dropout))
        self.classifiers = nn.ModuleDict({"bn": Linear(width, vehicles)})

    def forward(self, maps: Tensor) -> Features:
        """Return f_b (n, width) of conv5 (n, 512, 13, 13)."""
        pooled = self.pool5(torch.relu(self.normalise(maps)))  # (n, 512, 6, 6)
        return {"bn": self.full(pooled.flatten(1))}


class RegionBranch(nn.Module):
    """Regional features f_t, f_m, f_b: rows 0 to 2, 1 to 4 and 3 to 5 of pool5, each -> fc -> fc."""

    def __init__(self, vehicles: int, options: RAMOptions) -> None:
        super().__init__()
        width, dropout = options.part_width, options.dropout
        cells = {name: CHANNELS * SIDE * (rows.stop - rows.start) for name, rows in REGIONS.items()}
        self.full = nn.ModuleDict(
            {
                name: nn.Sequential(full(count, width, dropout), full(width, width, dropout))
                for name, count in cells.items()
            }
        )
        self.classifiers = nn.ModuleDict({name: Linear(width, vehicles) for name in REGIONS})
        self.classifiers["regions"] = Linear(len(REGIONS) * width, vehicles)

    def forward(self, pooled: Tensor) -> Features:
        """Return the three features (n, width) of pool5 (n, 512, 6, 6)."""
        return {name: self.full[name](pooled[:, :, rows].flatten(1)) for name, rows in REGIONS.items()}


class AttributeBranch(nn.Module):
    """Attribute feature f_a: from the Conv branch's first layer, one fc without dropout (R); for colour and kind."""

    def __init__(self, classes: Mapping[str, int], options: RAMOptions) -> None:
        super().__init__()
        width = options.attribute_width
        self.full = nn.Sequential(Linear(options.fc_width, width), nn.ReLU())
        self.classifiers = nn.ModuleDict({name: Linear(width, count) for name, count in classes.items()})

    def forward(self, first: Tensor) -> Features:
        """Return f_a (n, width) of the Conv branch's first layer (n, inside)."""
        return {"attribute": self.full(first)}


class ResNetTrunk(nn.Sequential):
    """A ResNet in place of VGG-M.

    Open: how. Here a 1x1 convolution without a ReLU reduces its last map, at stride 16, to the 512 channels of conv5;
    all further layers are the paper's.
    """

    def __init__(self, backbone: Backbone) -> None:
        reduced = nn.Conv2d(RESNET_CHANNELS[backbone], CHANNELS, 1)
        nn.init.kaiming_uniform_(reduced.weight, nonlinearity="linear")  # within +- sqrt(3 / inputs), as all new layers
        nn.init.zeros_(reduced.bias)  # type: ignore[arg-type]  # it has one
        super().__init__(OrderedDict(resnet=resnet_trunk(backbone, 1), conv5=reduced))


class RAMNetwork(nn.Module):
    """The trunk and the branches of the first ``steps`` steps.

    pool5 is adaptive: on conv5 of 13 x 13 (an input of 224) its windows are those of 3x3 with stride 2; conv5 of any
    other size also gives 6 x 6.

    Args:
        attributes: number of classes of each label of the Attribute branch.

    Attributes:
        step: the step whose branches are in use; later branches are skipped.
        finetuning: the branch of this step has been trained, and is being finetuned. In training, a feature has the
            length ``scale`` before its classifiers from the finetuning of its branch on: a finished branch keeps it
            in all later stages (R).
    """

    def __init__(self, options: RAMOptions, vehicles: int, attributes: Mapping[str, int]) -> None:
        super().__init__()
        backbone, steps = options.backbone, options.steps
        self.pixels = CaffePixels() if backbone == "vgg-m" else v2.Normalize(MEAN, STD)
        self.trunk = vgg_m_trunk() if backbone == "vgg-m" else ResNetTrunk(backbone)
        self.pool5 = nn.AdaptiveMaxPool2d(SIDE)
        self.conv = ConvBranch(vehicles, options)
        if steps >= 2:
            self.bn = BNBranch(vehicles, options)
        if steps >= 3:
            self.region = RegionBranch(vehicles, options)
        if steps >= 4:
            self.attribute = AttributeBranch(attributes, options)
        self.step, self.finetuning, self.scale = steps, False, options.scale

    def forward(self, images: Tensor) -> Tensor | Features:
        """Return the descriptor (n, d), or in training the logits (n, classes) by classifier.

        Args:
            images: (n, 3, h, w) float, RGB, 0 to 1.

        Returns:
            The features, each of length 1, concatenated: d is 4096 after step 1, then 8192, 11,264, and 11,776 after
            step 4 (with VehicleID's widths 1024, 2048, 5120, 5632). The cosine of two descriptors is the mean of their
            features' cosines.
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
        logits = {}
        for number, branch in enumerate(BRANCHES[: self.step], 1):
            for name, classifier in getattr(self, branch).classifiers.items():
                feature = given[name if name in given else branch]
                if number < self.step or self.finetuning:
                    feature = self.scale * functional.normalize(feature)
                logits[name] = classifier(feature)
        return logits
