"""The zoo of reid-strong-baseline (Luo et al., 2019): ``base.*``, ``bottleneck.*``, ``classifier.*``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.errors import CheckpointError, UsageError
from harness.methods.sizes import InputSize
from plugins.released.method import ReleasedMethod, ReleasedOptions, normalised, without
from plugins.released.neck import Place
from plugins.released.resnet import Arithmetic, ResNet, Shapes, usual
from plugins.weights.fitting import fill


class LuoOptions(ReleasedOptions):
    """The options of reid-strong-baseline's weights."""

    input_size: InputSize = Field((256, 128), description="input in pixels: height x width, or a side")
    last_stride: Literal[1, 2] = Field(1, description="stride of the last stage; 1 in all released configurations")
    feature: Place = Field("behind", description="the feature, behind or before the neck's batch normalisation")


class LuoBaseline(ReleasedMethod):
    """A ResNet with BNNeck; as released, a plain ResNet has no ReLU before its first pooling, one with IBN has."""

    about = "released weights of reid-strong-baseline: ResNets with BNNeck"
    papers = (
        "H. Luo, Y. Gu, X. Liao, S. Lai, W. Jiang: Bag of Tricks and a Strong Baseline for Deep Person "
        "Re-Identification. CVPR Workshops 2019",
    )
    preprocessing = (
        "RGB from 0 to 1, ImageNet's mean and deviation; 256 x 128 for persons; the feature behind the batch "
        "normalisation, of length 1"
    )
    provenance = (
        "the weights of reid-strong-baseline (MIT): a state dict; older files are whole pickled networks, which "
        "'bench weights convert' turns into one; say with --trained-on which data they have seen"
    )
    Options = LuoOptions
    holding = "tensors base.* and bottleneck.* of reid-strong-baseline"
    options: LuoOptions

    def assemble(self, state: Mapping[str, Tensor], source: str) -> nn.Module:
        """Return the network of a file.

        Raises:
            CheckpointError: its tensors are of no ResNet of this zoo.
            UsageError: a feature behind the neck is wanted, and there is none.
        """
        wanted = without(state, "classifier.", "base.fc.")
        if "base.layer0.conv1.weight" in wanted:
            raise CheckpointError(
                "the weights are of a SENet, which is not known here",
                where=source,
                expected="a ResNet, or one with IBN",
            )
        shapes = Shapes(wanted, "", source)
        if self.options.feature == "behind" and "bottleneck.weight" not in shapes:
            raise UsageError(
                "the weights have no neck", where=source, expected="bottleneck.*", next_step="use --set feature=before"
            )
        with torch.device("meta"):
            network = Necked(shapes, self.options)
        fill(network, wanted, source)
        return normalised(network)

    def example(self) -> nn.Module:
        """Return ResNet-50 with its neck."""
        names = {**usual(prefix="base."), "bottleneck.weight": torch.empty(2048)}
        return normalised(Necked(Shapes(names, "", ""), self.options))


class Necked(nn.Module):
    """From normalised images (n, 3, h, w) to features (n, d)."""

    def __init__(self, shapes: Shapes, options: LuoOptions) -> None:
        super().__init__()
        below = shapes.below("base.")
        relu = any(name.endswith(".IN.weight") for name in below.found)
        self.base = ResNet(below, Arithmetic(options.last_stride, stem_relu=relu))
        self.bottleneck = nn.BatchNorm1d(self.base.channels) if "bottleneck.weight" in shapes else None
        self.place = options.feature

    def forward(self, images: Tensor) -> Tensor:
        """Return the features."""
        means: Tensor = self.base(images).mean((2, 3))
        return means if self.place == "before" or self.bottleneck is None else self.bottleneck(means)
