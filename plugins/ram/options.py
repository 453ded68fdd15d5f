"""RAM's options and its recipe for the synthetic set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.methods.method import Options
from harness.methods.sizes import InputSize


class RAMOptions(Options):
    """The paper's numbers are the defaults."""

    backbone: Literal["vgg-m", "resnet18", "resnet50"] = Field("vgg-m", description="trunk (poster)")
    weights: str = Field("imagenet", description="first weights: a file, none, or imagenet for ResNets (R)")
    steps: int = Field(4, ge=1, le=4, description="branches: 1 Conv, 2 + BN, 3 + Region, 4 + Attribute (poster)")
    fc_width: int = Field(4096, ge=1, description="width of the first layer of Conv and BN (R)")
    feature_width: int = Field(4096, ge=1, description="width of f_c and f_b; 1024 on VehicleID (R)")
    part_width: int = Field(1024, ge=1, description="width of both layers of each part (R)")
    attribute_width: int = Field(512, ge=1, description="width of f_a (R)")
    dropout: float = Field(0.5, ge=0, lt=1, description="after every fully connected layer but that of f_a (R)")
    scale: float = Field(10.0, gt=0, description="length of a feature before its classifier, once it finetunes (R)")
    bn_kept: float = Field(0.999, ge=0, lt=1, description="of the running mean at each step of the BN branch (R)")
    input_size: InputSize = Field(224, description="input in pixels: a side, or height x width (R)")
    iterations: int = Field(60_000, ge=0, description="of each half of a step (R)")
    batch: int = Field(64, ge=2, description="images in a batch of steps 1 to 3 (R)")
    vehicles: int = Field(10, ge=1, description="vehicles in a batch of step 4, 3 images each (R)")
    colours: int = Field(10, ge=0, description="colours in a batch of step 4, 2 images each (R)")
    kinds: int = Field(9, ge=0, description="types or models in a batch of step 4, 2 images each (R)")
    learning_rate: float = Field(1e-3, gt=0, description="of SGD; tenfold for new layers, twofold for biases (R)")
    weight_decay: float = Field(5e-4, ge=0, description="of SGD; none for biases (R)")


VEHICLEID = {"feature_width": 1024}
"""The widths on VehicleID: 4096 in the first layers, 1024 in f_c, f_b and the parts, 512 in f_a (R)."""

QUICK = {
    "weights": "none",
    "fc_width": 256,
    "feature_width": 256,
    "part_width": 64,
    "attribute_width": 32,
    "dropout": 0.0,
    "bn_kept": 0.9,
    "input_size": 64,
    "iterations": 114,
    "batch": 32,
    "vehicles": 8,
    "colours": 4,
    "kinds": 4,
    "learning_rate": 2e-3,
}
"""From scratch on the synthetic set. Without a tenth of its vehicles, 114 iterations are two epochs in batches of 32.
conv5 is 3 x 3, so pool5 repeats each of its cells four times."""
