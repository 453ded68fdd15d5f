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
    fc_width: int = Field(4096, ge=8, description="width of f_c and f_b; parts have a quarter, f_a an eighth (R)")
    dropout: float = Field(0.5, ge=0, lt=1, description="after every fully connected layer (R)")
    scale: float = Field(10.0, gt=0, description="length of a feature before its classifier in finetuning (R)")
    input_size: InputSize = Field(224, description="input in pixels: a side, or height x width (R)")
    epochs: int = Field(102, ge=0, description="of each half of a step: 60,000 iterations of 64 on VeRi (R)")
    batch: int = Field(64, ge=2, description="images in a batch of steps 1 to 3 (R)")
    vehicles: int = Field(10, ge=1, description="vehicles in a batch of step 4, 3 images each (R)")
    colours: int = Field(10, ge=0, description="colours in a batch of step 4, 2 images each (R)")
    kinds: int = Field(9, ge=0, description="types or models in a batch of step 4, 2 images each (R)")
    learning_rate: float = Field(1e-3, gt=0, description="of SGD; ten times that for the branch of the step (R)")
    weight_decay: float = Field(5e-4, ge=0, description="of SGD (R)")


QUICK = {
    "weights": "none",
    "fc_width": 256,
    "dropout": 0.0,
    "input_size": 64,
    "epochs": 2,
    "batch": 32,
    "vehicles": 8,
    "colours": 4,
    "kinds": 4,
    "learning_rate": 2e-3,
}
"""From scratch on the synthetic set. conv5 is 3 x 3, so pool5 repeats each of its cells four times."""
