"""RNN-HA's options and its recipe for the synthetic set."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.errors import UsageError
from harness.methods.method import Options
from harness.methods.sizes import InputSize
from plugins.layers.schedules import Milestones

HIDDEN = {"vgg-m": 1024, "resnet18": 1024, "resnet50": 2048}
"""Width of the hidden state; ResNet-18, which is not in the paper, has VGG-M's, as it has as many channels."""

BATCH = {"vgg-m": 64, "resnet18": 64, "resnet50": 8}
"""Images in a batch of the joint training (R)."""

MILESTONES = {"vgg-m": (10,), "resnet18": (10,), "resnet50": ()}
"""Epochs of the joint training after which the rate is divided by ten (R)."""


class RNNHAOptions(Options):
    """The paper's numbers are the defaults, and the released recipe's where the paper is silent."""

    backbone: Literal["vgg-m", "resnet18", "resnet50"] = Field("vgg-m", description="trunk (poster)")
    weights: str = Field("imagenet", description="first weights: a file, none, or imagenet for ResNets (R)")
    pixels: Literal["released", "meant", "pretrained"] = Field(
        "released",
        description="released: RGB from 0 to 1; meant: RGB from 0 to 255 minus the means that the release subtracts "
        "without effect; pretrained: as the backbone's ImageNet weights expect (R)",
    )
    unit: Literal["gru", "full"] = Field("gru", description="a GRU, or a fully connected layer a level (poster)")
    attention: bool = Field(default=True, description="weight the map for the fine level (poster)")
    shown_twice: bool = Field(default=False, description="show x1 to the GRU twice, as the release does on VGG-M (R)")
    divide_by_cells: bool = Field(default=False, description="divide x2 by the number of cells once more (R)")
    hidden: Annotated[int, Field(ge=1)] | Literal["published"] = Field(
        "published", description="width of the hidden state; published: 1024, or 2048 with resnet50 (R)"
    )
    descriptor: Literal["o1", "o2", "both"] = Field("o2", description="state used as the feature (open)")
    input_size: InputSize = Field(224, description="input in pixels: a side, or height x width; 224 or 672 (poster)")
    labelled_only: bool = Field(
        default=False,
        description="train only on images with a model, or a type if there are no models, as the release does on "
        "VehicleID (R)",
    )
    backbone_epochs: int = Field(40, ge=0, description="epochs of the backbone alone, as a vehicle classifier (R)")
    backbone_batch: int = Field(128, ge=2, description="images in a batch of the backbone's training (R)")
    backbone_rate: float = Field(1e-3, gt=0, description="learning rate of Adam in the backbone's training (R)")
    flip: float = Field(0.5, ge=0, le=1, description="probability of a horizontal flip in the backbone's training (R)")
    epochs: int = Field(19, ge=0, description="epochs of the whole network (R)")
    milestones: Milestones | Literal["published"] = Field(
        "published",
        description="epochs after which RMSprop is made anew with a tenth of the rate; published: 10, none with "
        "resnet50 (R)",
    )
    batch: Annotated[int, Field(ge=2)] | Literal["published"] = Field(
        "published", description="images in a batch; published: 64, or 8 with resnet50 (R)"
    )
    learning_rate: float = Field(1e-3, gt=0, description="of RMSprop (R)")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.shown_twice and self.unit == "full":
            raise UsageError(
                "rnn-ha can show x1 twice to a GRU only",
                found="shown_twice=true with unit=full",
                expected="unit=gru",
                next_step="omit shown_twice, or choose another variant than fc-ha",
            )
        return self


QUICK = {
    "backbone": "resnet18",
    "weights": "none",
    "pixels": "pretrained",
    "hidden": 512,
    "input_size": 64,
    "backbone_epochs": 3,
    "backbone_batch": 32,
    "epochs": 3,
    "milestones": (2,),
    "batch": 32,
    "learning_rate": 3e-4,
}
"""From scratch on the synthetic set in three minutes on one busy core. The map has 2 x 2 cells, and 3 x 3 from 65
pixels on."""
