"""The zoo of torchreid (Zhou and Xiang, 2019): OSNet in all its forms, and ResNets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.errors import CheckpointError, first_of
from harness.methods.sizes import InputSize
from plugins.released.method import ReleasedMethod, ReleasedOptions, normalised, without
from plugins.released.osnet import OSNet
from plugins.released.resnet import Arithmetic, ResNet, Shapes, usual
from plugins.weights.fitting import fill

OTHERS = ("fc_fusion.", "conv4_1.", "features.", "layer0.", "parts_avgpool.", "dropout.")
"""What other networks of the zoo hold: ResNet-50-mid, MobileNet and DenseNet, SENet, PCB."""


class TorchreidOptions(ReleasedOptions):
    """The options of torchreid's weights."""

    input_size: InputSize = Field((256, 128), description="input in pixels: height x width, or a side")
    last_stride: Literal["auto", 1, 2] = Field(
        "auto", description="stride of a ResNet's last stage; auto: 1 with a fully connected layer behind, else 2"
    )


class Torchreid(ReleasedMethod):
    """OSNet or a ResNet of torchreid, told apart by the names of the tensors."""

    about = "released weights of torchreid: OSNet with its AIN and IBN forms, ResNets"
    papers = (
        "K. Zhou, Y. Yang, A. Cavallaro, T. Xiang: Omni-Scale Feature Learning for Person Re-Identification. ICCV 2019",
        "K. Zhou, T. Xiang: Torchreid: A Library for Deep Learning Person Re-Identification in Pytorch. 2019",
    )
    preprocessing = (
        "RGB from 0 to 1, ImageNet's mean and deviation; 256 x 128 for persons; the feature before the classifier, of "
        "length 1"
    )
    provenance = (
        "the model zoo of torchreid (MIT): a dictionary with 'state_dict', or a state dict; persons, or ImageNet; say "
        "with --trained-on which data the weights have seen"
    )
    Options = TorchreidOptions
    holding = "OSNet or a ResNet by torchreid's names"
    options: TorchreidOptions

    def assemble(self, state: Mapping[str, Tensor], source: str) -> nn.Module:
        """Return the network of a file.

        Raises:
            CheckpointError: its tensors are neither of OSNet nor of a ResNet of torchreid.
        """
        wanted = without(state, "classifier.")
        shapes = Shapes(wanted, "", source)
        osnet = "conv1.conv.weight" in shapes
        odd = sorted(name for name in wanted if name.startswith(OTHERS))
        if not osnet and ("layer4.0.conv1.weight" not in shapes or odd):
            raise CheckpointError(
                "the weights are of no network of torchreid that is known here",
                where=source,
                found=first_of(odd or sorted(state), 3),
                expected="OSNet, OSNet-AIN, OSNet-IBN, ResNet, ResNet-IBN-a or ResNeXt",
                next_step="'bench weights show FILE' says what it looks like",
            )
        with torch.device("meta"):
            network = OSNet(shapes) if osnet else self._resnet(shapes)
        fill(network, wanted, source)
        return normalised(network)

    def example(self) -> nn.Module:
        """Return ResNet-50, whose parts are fewer to read than those of OSNet."""
        return normalised(self._resnet(Shapes(usual(), "", "")))

    def _resnet(self, shapes: Shapes) -> PooledResNet:
        stride = self.options.last_stride
        return PooledResNet(shapes, (1 if "fc.0.weight" in shapes else 2) if stride == "auto" else stride)


class PooledResNet(ResNet):
    """A ResNet, the mean of its last map, and perhaps a fully connected layer; ``resnet50_fc512`` has one."""

    def __init__(self, shapes: Shapes, last_stride: int) -> None:
        super().__init__(shapes, Arithmetic(last_stride=last_stride))
        self.fc = None
        if "fc.0.weight" in shapes:
            width = shapes.of("fc.0.weight", 2)[0]
            self.fc = nn.Sequential(nn.Linear(self.channels, width), nn.BatchNorm1d(width), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        """Return the features (n, d) of normalised images."""
        means = super().forward(images).mean((2, 3))
        found: Tensor = means if self.fc is None else self.fc(means)
        return found
