"""SSD for PGAN's parts: torchvision's, on VGG-16 at 300 pixels or on a few convolutions for small images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torchvision.models import VGG16_Weights
from torchvision.models.detection import ssd300_vgg16
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.transforms import v2

from harness.errors import CheckpointError
from harness.methods.batches import Shuffled
from harness.methods.detector import Detector, DetectorOptions, pack
from harness.methods.network import Stage
from plugins.augment import MEAN, STD
from plugins.schedules import Schedule


class SSDNetwork(nn.Module):
    """Torchvision's SSD in the shape that the engine takes: losses of each image out, or packed boxes.

    Args:
        ssd: with the background as class 0.
        keep: boxes an image.
    """

    def __init__(self, ssd: SSD, keep: int) -> None:
        super().__init__()
        self.ssd = ssd
        self.keep = keep

    def forward(self, images: Tensor, **boxes: Sequence[Tensor]) -> Tensor | dict[str, Tensor]:
        """Return the two losses of SSD's equation 1, the same for each image of the batch, or (n, 6 keep) boxes.

        Args:
            images: (n, 3, height, width).
            boxes: while training, for each image (m, 6) label, score and corners in pixels.
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
    epochs: int = Field(120, ge=0, description="of the labelled images")
    batch: int = Field(32, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(5e-4, ge=0)
    weights: Literal["imagenet", "none"] = Field("imagenet", description="what VGG-16 starts from")


class _SSDDetector(Detector):
    """What both forms share."""

    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:  # noqa: ARG002 - the contract
        """Return SSD's two losses, averaged over the processes."""
        return {name: loss.mean() for name, loss in outputs.items()}


class SSD300(_SSDDetector):
    """SSD300 (Liu et al., 2016), as PGAN detects parts; open there: everything about its training.

    Schedule as SSD's section 3: SGD, momentum 0.9, divided by 10 after two thirds and five sixths. The score threshold
    is 0, so that the ``D`` surest boxes of an image are there however unsure they are.
    """

    Options = SSDOptions

    def network(self, classes: Mapping[str, int]) -> nn.Module:  # noqa: ARG002 - the contract
        """Return the network, VGG-16 with ImageNet's weights where the options say so.

        Raises:
            CheckpointError: they cannot be downloaded.
        """
        return self._built(VGG16_Weights.IMAGENET1K_FEATURES if self.options.weights == "imagenet" else None)

    def architecture(self, classes: Mapping[str, int]) -> nn.Module:  # noqa: ARG002 - the contract
        """Return the network without fetching weights."""
        return self._built(None)

    def _built(self, weights: VGG16_Weights | None) -> nn.Module:
        # ImageNet's weights of this VGG are of 0 to 255, torchvision's way of which is its default.
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
                *([v2.RandomHorizontalFlip()] if options.kind == "parts" else []),  # left stays left of a region
                v2.Resize(size, antialias=True),
            ]
        )
        milestones = (round(options.epochs * 2 / 3), round(options.epochs * 5 / 6))
        return [published_stage(options, augment, milestones)]


class SmallOptions(DetectorOptions):
    """Options of the small forms."""

    input_size: int = Field(128, ge=64, le=512)
    epochs: int = Field(30, ge=0, description="of the labelled images")
    batch: int = Field(16, ge=1)
    learning_rate: float = Field(2e-3, gt=0)
    shift: float = Field(0.1, ge=0, le=0.5, description="how far an image is moved and scaled while training")


def published_stage(options: Any, augment: v2.Transform, milestones: tuple[int, int]) -> Stage:
    """Return the schedule of the published forms: SGD, an epoch of warm-up, and two falls of the rate."""
    schedule = Schedule("steps", options.epochs, warm_up=1, warm_up_from=0.1, milestones=milestones)
    return Stage(
        "detector",
        options.epochs,
        Shuffled(options.batch),
        lambda network: torch.optim.SGD(
            network.parameters(), options.learning_rate, momentum=0.9, weight_decay=options.weight_decay
        ),
        augment,
        schedule.attach,
        schedule.advance,
    )


def small_stage(options: Any) -> Stage:
    """Return the schedule of the small forms: Adam, a cosine, the images moved, scaled and tinted."""
    shift, schedule = options.shift, Schedule("cosine", options.epochs, warm_up=min(1.0, options.epochs / 4))
    augment = v2.Compose(
        [
            v2.RandomAffine(0, translate=(shift, shift), scale=(1 - shift, 1 + shift)),
            v2.ColorJitter(0.3, 0.3, 0.3),
        ]
    )
    return Stage(
        "detector",
        options.epochs,
        Shuffled(options.batch),
        lambda network: torch.optim.Adam(network.parameters(), options.learning_rate),
        augment if shift else None,
        schedule.attach,
        schedule.advance,
    )


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Return a 3 x 3 convolution with batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class SmallBackbone(nn.Module):
    """Seven convolutions that give maps at a quarter, an eighth, a sixteenth and a thirty-second of the image."""

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


class SSDSmall(_SSDDetector):
    """SSD's boxes and losses on a backbone that two cores train within minutes; of no paper."""

    Options = SmallOptions

    def network(self, classes: Mapping[str, int]) -> nn.Module:  # noqa: ARG002 - the contract
        """Return the network with random weights."""
        anchors = DefaultBoxGenerator([[2, 3]] * 4, scales=[0.06, 0.14, 0.3, 0.55, 0.9])
        ssd = SSD(
            SmallBackbone(),
            anchors,
            self.input_size,
            len(self.names) + 1,
            image_mean=list(MEAN),
            image_std=list(STD),
            score_thresh=0.0,
            topk_candidates=self.options.keep,  # of each class; the paper's 400 take longer than the network
            detections_per_img=self.options.keep,
        )
        return SSDNetwork(ssd, self.options.keep)

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:  # noqa: ARG002 - the contract
        """Return the one stage."""
        return [small_stage(self.options)]
