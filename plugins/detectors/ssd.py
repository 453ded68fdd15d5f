"""SSD for PGAN's parts: torchvision's, with VGG-16 at 300 pixels or with a few convolutions for small images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torchvision.models import VGG16_Weights
from torchvision.models.detection import ssd300_vgg16
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.transforms import v2

from harness.errors import CheckpointError
from harness.methods.detector import DetectorOptions, pack
from harness.methods.network import Stage
from plugins.detectors.stages import ImageLosses, SmallForm, SmallOptions, published_stage
from plugins.layers.augment import MEAN, STD


class SSDNetwork(nn.Module):
    """Torchvision's SSD as the engine needs it: it returns the losses of each image, or packed boxes."""

    def __init__(self, ssd: SSD, keep: int) -> None:
        super().__init__()
        self.ssd = ssd
        self.keep = keep

    def forward(self, images: Tensor, **boxes: Sequence[Tensor]) -> Tensor | dict[str, Tensor]:
        """Return the two losses of SSD's equation 1 in training, the same for each image, else (n, 6 keep) boxes.

        Args:
            images: (n, 3, height, width).
            boxes: in training, for each image (m, 6) label, score and corners in pixels.
        """
        if self.training:
            (rows,) = boxes.values()
            targets = [{"boxes": found[:, 2:], "labels": found[:, 0].long()} for found in rows]
            losses: dict[str, Tensor] = self.ssd(list(images), targets)
            return {name: loss.expand(len(images)) for name, loss in losses.items()}
        found = [
            torch.column_stack([one["labels"].to(one["boxes"].dtype), one["scores"], one["boxes"]])
            for one in self.ssd(list(images))
        ]
        return pack(found, self.keep)


class SSDOptions(DetectorOptions):
    """Options of ``ssd300``."""

    input_size: Literal[300] = 300
    epochs: int = Field(120, ge=0, description="passes over the labelled images")
    batch: int = Field(32, ge=1, description="images in a batch")
    learning_rate: float = Field(1e-3, gt=0, description="of SGD")
    weight_decay: float = Field(5e-4, ge=0, description="of SGD")
    weights: Literal["imagenet", "none"] = Field("imagenet", description="first weights of VGG-16")


class SSD300(ImageLosses):
    """SSD300 (Liu et al., 2016), PGAN's detector of parts; open there: everything about its training.

    Schedule as in SSD's section 3: SGD, momentum 0.9, rate divided by 10 after two thirds and five sixths. The score
    threshold is 0, as PGAN takes the ``D`` surest boxes of an image, however low their scores are.
    """

    Options = SSDOptions

    def network(self, classes: Mapping[str, int]) -> nn.Module:  # noqa: ARG002 - the contract
        """Return the network, with ImageNet weights in VGG-16 if the options ask for them.

        Raises:
            CheckpointError: the weights cannot be downloaded.
        """
        return self._built(VGG16_Weights.IMAGENET1K_FEATURES if self.options.weights == "imagenet" else None)

    def architecture(self, classes: Mapping[str, int]) -> nn.Module:  # noqa: ARG002 - the contract
        """Return the network with random weights."""
        return self._built(None)

    def _built(self, weights: VGG16_Weights | None) -> nn.Module:
        # The ImageNet weights of this VGG are for pixels from 0 to 255, torchvision's default here.
        scale = {} if self.options.weights == "imagenet" else {"image_mean": list(MEAN), "image_std": list(STD)}
        try:
            ssd = ssd300_vgg16(
                weights=None,
                weights_backbone=weights,
                trainable_backbone_layers=None if weights is None else 5,  # all of them
                progress=False,
                num_classes=len(self.names) + 1,
                score_thresh=0.0,
                detections_per_img=self.options.keep,
                **scale,
            )
        except (OSError, RuntimeError) as problem:
            raise CheckpointError(
                "the ImageNet weights of vgg16 cannot be downloaded",
                where=VGG16_Weights.IMAGENET1K_FEATURES.url,
                found=problem,
                next_step="train from scratch with --set weights=none, or put that file into torch's cache",
            ) from None
        return SSDNetwork(ssd, self.options.keep)

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:  # noqa: ARG002 - the contract
        """Return the one stage, with SSD's crops, flips and colours."""
        options, size = self.options, self.input_size
        augment = v2.Compose(
            [
                v2.RandomPhotometricDistort(),
                v2.RandomIoUCrop(),
                *([v2.RandomHorizontalFlip()] if options.kind == "parts" else []),  # regions name left and right
                v2.Resize(size, antialias=True),
            ]
        )
        milestones = (round(options.epochs * 2 / 3), round(options.epochs * 5 / 6))
        return [published_stage(options, augment, milestones)]


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Return a 3 x 3 convolution with batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class SmallBackbone(nn.Module):
    """Seven convolutions with maps at 1/4, 1/8, 1/16 and 1/32 of the image's size."""

    out_channels = (64, 96, 128, 128)

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.ModuleList(
            [
                nn.Sequential(convolution(3, 32, 2), convolution(32, 64, 2), convolution(64, 64)),
                convolution(64, 96, 2),
                nn.Sequential(convolution(96, 128, 2), convolution(128, 128)),
                convolution(128, 128, 2),
            ]
        )

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        """Return the four maps, the finest first."""
        found: OrderedDict[str, Tensor] = OrderedDict()
        for number, block in enumerate(self.maps):
            images = block(images)
            found[str(number)] = images
        return found


class SSDSmall(SmallForm):
    """SSD's boxes and losses with a backbone that trains on two cores within minutes; from no paper."""

    Options = SmallOptions

    def network(self, classes: Mapping[str, int]) -> nn.Module:  # noqa: ARG002 - the contract
        """Return the network with random weights."""
        anchors = DefaultBoxGenerator([[2, 3]] * 4, scales=[0.06, 0.14, 0.3, 0.55, 0.9])
        ssd = SSD(
            SmallBackbone(),
            anchors,
            self.input_size[::-1],  # torchvision takes width and height
            len(self.names) + 1,
            image_mean=list(MEAN),
            image_std=list(STD),
            score_thresh=0.0,
            topk_candidates=self.options.keep,  # a class; the paper's 400 take longer than the network
            detections_per_img=self.options.keep,
        )
        return SSDNetwork(ssd, self.options.keep)
