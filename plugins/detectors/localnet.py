"""PR-ReID's LocalNet: YOLO v1 with its 24 convolutions, and a form with seven for small images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torchvision.transforms import v2

from harness.methods.detector import DetectorOptions, pack
from harness.methods.network import Stage
from plugins.detectors import yolo
from plugins.detectors.darknet import load_darknet
from plugins.detectors.stages import ImageLosses, SmallForm, SmallOptions, SmallSize, published_stage

Layers = Sequence[tuple[int, int, int] | str]
"""Convolutions, each with its kernel size, output channels and stride, and pools."""

POOL = "pool"

LAYERS: Layers = (
    (7, 64, 2), POOL, (3, 192, 1), POOL, (1, 128, 1), (3, 256, 1), (1, 256, 1), (3, 512, 1), POOL,
    *(((1, 256, 1), (3, 512, 1)) * 4), (1, 512, 1), (3, 1024, 1), POOL,
    *(((1, 512, 1), (3, 1024, 1)) * 2), (3, 1024, 1), (3, 1024, 2), (3, 1024, 1), (3, 1024, 1),
)  # fmt: skip
"""The 24 convolutions of YOLO's figure 3, from 448 x 448 pixels to 7 x 7 cells."""

HIDDEN = 4096
"""Outputs of the first of the two fully connected layers, figure 3."""

SMALL_LAYERS: Layers = ((3, 16, 2), (3, 32, 2), (3, 64, 2), (3, 64, 1), (3, 128, 2), (3, 128, 1), (3, 32, 1))
SMALL_HIDDEN = 256


class YOLO(nn.Module):
    """Convolutions and two fully connected layers, from an image to 7 x 7 cells; leaky ReLU of 0.1, dropout of 0.5.

    ``keep`` is the maximum number of boxes an image; with ``norm``, batch normalisation takes the place of the biases.
    """

    def __init__(
        self,
        layers: Layers,
        hidden: int,
        classes: int,
        size: tuple[int, int],
        keep: int,
        *,
        norm: bool,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.size, self.keep = size, keep
        self.trunk, channels = _trunk(layers, norm=norm)
        self.pool = nn.AdaptiveAvgPool2d(yolo.CELLS)  # no change for an input of the published size
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * yolo.CELLS**2, hidden),
            nn.LeakyReLU(0.1, inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, yolo.CELLS**2 * yolo.width_of(classes)),
        )

    def cells(self, images: Tensor) -> Tensor:
        """Return (n, 7, 7, 10 + C) of images (n, 3, h, w), RGB, 0 to 1: darknet's pixels, which its weights expect."""
        outputs: Tensor = self.head(self.pool(self.trunk(images)))
        return outputs.reshape(len(images), yolo.CELLS, yolo.CELLS, -1)

    def forward(self, images: Tensor, **boxes: Sequence[Tensor]) -> Tensor | dict[str, Tensor]:
        """Return the five terms of the loss for each image in training, else (n, 6 keep) packed boxes."""
        cells = self.cells(images)
        if self.training:
            (found,) = boxes.values()
            return yolo.losses(cells, found, self.size)
        return pack(yolo.decode(cells, self.size), self.keep)


def _trunk(layers: Layers, *, norm: bool) -> tuple[nn.Sequential, int]:
    """Return the convolutions, and the number of channels of the last one."""
    modules: list[nn.Module] = []
    channels = 3
    for layer in layers:
        if isinstance(layer, str):
            modules.append(nn.MaxPool2d(2))
            continue
        side, outputs, stride = layer
        convolution = nn.Conv2d(channels, outputs, side, stride, side // 2, bias=not norm)
        nn.init.kaiming_normal_(convolution.weight, a=0.1)
        modules += [convolution, *([nn.BatchNorm2d(outputs)] if norm else []), nn.LeakyReLU(0.1, inplace=True)]
        channels = outputs
    return nn.Sequential(*modules), channels


class LocalNetOptions(DetectorOptions):
    """Options of ``localnet``."""

    kind: Literal["parts", "regions"] = Field("regions", description="classes to detect")
    input_size: Literal[448] = 448
    epochs: int = Field(135, ge=0, description="passes over the labelled images")
    batch: int = Field(64, ge=1, description="images in a batch")
    learning_rate: float = Field(1e-2, gt=0, description="of SGD")
    weight_decay: float = Field(5e-4, ge=0, description="of SGD")
    norm: bool = Field(True, description="batch normalisation, as in darknet; YOLO's paper has none")
    weights: str = Field(
        "none", description="first weights of 20 convolutions: none, or darknet's file extraction.conv.weights"
    )


class LocalNet(ImageLosses):
    """YOLO v1 as in its figure 3, with the schedule of its section 2.2; the file of ImageNet weights is the user's."""

    Options = LocalNetOptions

    def network(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network, with ImageNet weights in its first 20 convolutions if the options name their file.

        Raises:
            CheckpointError: the weights cannot be loaded.
        """
        network = self.architecture(classes)
        if self.options.weights != "none":
            load_darknet(network.trunk, Path(self.options.weights))
        return network

    def architecture(self, classes: Mapping[str, int]) -> YOLO:  # noqa: ARG002 - the contract
        """Return the network with random weights."""
        options = self.options
        return YOLO(LAYERS, HIDDEN, len(self.names), self.input_size, options.keep, norm=options.norm)

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:  # noqa: ARG002 - the contract
        """Return the one stage: images shifted and scaled by up to 20 %, exposure and saturation by up to 1.5."""
        options = self.options
        milestones = (round(options.epochs * 75 / 135), round(options.epochs * 105 / 135))
        augment = v2.Compose(
            [
                v2.RandomAffine(0, translate=(0.2, 0.2), scale=(0.8, 1.2)),
                v2.ColorJitter(brightness=(1 / 1.5, 1.5), saturation=(1 / 1.5, 1.5)),
            ]
        )
        return [published_stage(options, augment, milestones)]


class LocalNetSmallOptions(SmallOptions):
    """Options of ``localnet-small``."""

    kind: Literal["parts", "regions"] = Field("regions", description="classes to detect")
    input_size: SmallSize = Field(112, description="input in pixels, 64 to 512: a side, or height x width")
    dropout: float = Field(0.2, ge=0, lt=1, description="after the first fully connected layer")


class LocalNetSmall(SmallForm):
    """LocalNet's cells and loss with seven convolutions, which train on two cores within minutes; from no paper."""

    Options = LocalNetSmallOptions

    def network(self, classes: Mapping[str, int]) -> nn.Module:  # noqa: ARG002 - the contract
        """Return the network with random weights."""
        keep, dropout = self.options.keep, self.options.dropout
        return YOLO(SMALL_LAYERS, SMALL_HIDDEN, len(self.names), self.input_size, keep, norm=True, dropout=dropout)
