"""PGAN's options and its recipe for the synthetic set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.methods.batches import Epoch
from harness.methods.method import Options
from harness.methods.sizes import InputSize
from plugins.layers.resnet import Backbone
from plugins.layers.schedules import Milestones
from plugins.pgan.parts import CellRule


class PGANOptions(Options):
    """The paper's numbers are the defaults."""

    backbone: Backbone = Field("resnet50", description="trunk: resnet18 or resnet50 (section 4.2)")
    weights: str = Field("imagenet", description="first weights of the trunk: imagenet, none or a file")
    last_stride: int = Field(1, ge=1, le=2, description="stride of the trunk's last stage (section 4.2, by its [35])")
    D: int = Field(8, ge=0, description="parts of an image; 0 is the baseline (tables 1 and 5)")
    attention: Literal["part", "equal", "grid"] = Field(
        "part", description="part: PAM over the parts; equal: without PAM; grid: PAM over the cells (table 2)"
    )
    temperature: float = Field(10.0, gt=0, description="factor of PAM's scores before the softmax (R)")
    hidden: int = Field(512, ge=1, description="width between PAM's two layers (R)")
    box_to_cells: CellRule = Field(
        "overlap", description="cells of a part: those its box overlaps, or with their centre in it (open)"
    )
    dimension: int = Field(512, ge=8, multiple_of=8, description="2C', width of the feature: 256 or 512 (table 2)")
    losses: Literal["f", "f+g", "f+p", "f+g+p"] = Field("f+g+p", description="features with a triplet loss (table 1)")
    lambda_c: float = Field(
        2.0, ge=0, description="weight of the cross-entropy (equation 5, figure 3b; R: 1 on VehicleID)"
    )
    margin: float = Field(0.3, ge=0, description="margin of the batch-hard triplets (R)")
    p: int = Field(16, ge=2, description="vehicles in a batch (section 4.2)")
    k: int = Field(4, ge=2, description="images of each vehicle in a batch (section 4.2)")
    sampler: Epoch = Field(
        "groups",
        description="an epoch: groups uses each image at most once (R), vehicles each vehicle once, drawn draws the "
        "vehicles of each batch anew",
    )
    epochs: int = Field(130, ge=0, description="passes over the training images (section 4.2)")
    learning_rate: float = Field(1.75e-4, gt=0, description="of Adam, after the warm-up (section 4.2)")
    weight_decay: float = Field(5e-4, ge=0, description="of Adam (section 4.2)")
    warm_up: int = Field(10, ge=0, description="epochs of linear warm-up from 0.01; section 4.2 has none (R)")
    schedule: Literal["steps", "cosine", "constant"] = Field("steps", description="how the rate changes")
    milestones: Milestones = Field(
        (30, 50, 70, 90, 110, 130), description="epochs, counted from 1, from which on the rate is halved (R)"
    )
    input_size: InputSize = Field(224, description="input in pixels: a side, or height x width (section 4.2)")
    flip: float = Field(0.5, ge=0, le=1, description="probability of a horizontal flip (section 4.2)")
    pad: int = Field(0, ge=0, description="pixels of padding before a random crop (section 4.2: none)")
    erase: float = Field(0.5, ge=0, le=1, description="probability of random erasing (section 4.2)")


PRINTED_SCHEDULE = {"schedule": "steps", "warm_up": 0, "milestones": (21, 41, 61, 81, 101, 121)}
"""The schedule in the words of section 4.2: no warm-up, and half the rate after every 20 epochs."""


QUICK = {
    "backbone": "resnet18",
    "weights": "none",
    "p": 8,
    "sampler": "drawn",
    "epochs": 6,
    "learning_rate": 1e-3,
    "warm_up": 0,
    "schedule": "cosine",
    "input_size": 64,
    "pad": 4,
    "erase": 0.0,
}
"""From scratch on the synthetic set, with 4 x 4 cells: an epoch takes half a minute on one core."""
