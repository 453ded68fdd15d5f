"""The training of the detectors: losses of each image, the published schedule, and the one of the small forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torchvision.transforms import v2

from harness.methods.batches import Shuffled
from harness.methods.detector import Detector, DetectorOptions
from harness.methods.network import Stage
from harness.methods.sizes import size_within
from plugins.layers.schedules import Schedule


class ImageLosses(Detector):
    """A detector whose network returns its losses, one row an image."""

    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:  # noqa: ARG002 - the contract
        """Return the mean of each loss over the images."""
        return {name: loss.mean() for name, loss in outputs.items()}


SmallSide = Annotated[int, Field(ge=64, le=512)]

SmallSize = Annotated[SmallSide | tuple[SmallSide, SmallSide], size_within(64, 512)]
"""The input size of a small form: one number for a square, or height and width."""


class SmallOptions(DetectorOptions):
    """Options of the small forms."""

    input_size: SmallSize = Field(128, description="input in pixels, 64 to 512: a side, or height x width")
    epochs: int = Field(30, ge=0, description="passes over the labelled images")
    batch: int = Field(16, ge=1, description="images in a batch")
    learning_rate: float = Field(2e-3, gt=0, description="of Adam")
    shift: float = Field(0.1, ge=0, le=0.5, description="strength of random shifts and scales in training")


def published_stage(options: Any, augment: v2.Transform, milestones: tuple[int, int]) -> Stage:
    """Return the schedule of the published forms: SGD, one epoch of warm-up, and a tenth of the rate twice."""
    schedule = Schedule("steps", options.epochs, warm_up=1, warm_up_from=0.1, milestones=milestones)

    def optimiser(network: nn.Module) -> torch.optim.SGD:
        return torch.optim.SGD(
            network.parameters(), options.learning_rate, momentum=0.9, weight_decay=options.weight_decay
        )

    return schedule.stage("detector", Shuffled(options.batch), optimiser, augment)


class SmallForm(ImageLosses):
    """A detector with the training of the small forms."""

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:  # noqa: ARG002 - the contract
        """Return the one stage: Adam, a cosine, and images shifted, scaled and coloured at random."""
        options, shift = self.options, self.options.shift
        schedule = Schedule("cosine", options.epochs, warm_up=min(1.0, options.epochs / 4))
        moved = v2.RandomAffine(0, translate=(shift, shift), scale=(1 - shift, 1 + shift))
        augment = v2.Compose([moved, v2.ColorJitter(0.3, 0.3, 0.3)]) if shift else None

        def optimiser(network: nn.Module) -> torch.optim.Adam:
            return torch.optim.Adam(network.parameters(), options.learning_rate)

        return [schedule.stage("detector", Shuffled(options.batch), optimiser, augment)]
