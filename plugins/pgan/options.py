"""PGAN's options and its recipe for the synthetic set."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from plugins.layers.pretrained import PKOptions
from plugins.layers.schedules import Milestones
from plugins.pgan.parts import CellRule


class PGANOptions(PKOptions):
    """The paper's numbers are the defaults."""

    sources: ClassVar = {
        "backbone": "section 4.2",
        "last_stride": "section 4.2, by its [35]",
        "input_size": "section 4.2",
        "p": "section 4.2",
        "k": "section 4.2",
        "sampler": "R",
        "weight_decay": "section 4.2",
        "warm_up": "section 4.2: none; R: 10",
        "schedule": "section 4.2",
        "flip": "section 4.2",
        "erase": "section 4.2",
        "margin": "R",
    }
    epochs: int = Field(130, ge=0, description="epochs, as the sampler defines one (section 4.2)")
    learning_rate: float = Field(1.75e-4, gt=0, description="of Adam, after the warm-up (section 4.2)")
    milestones: Milestones = Field(
        (30, 50, 70, 90, 110, 130), description="epochs, counted from 1, from which on the rate is halved (R)"
    )
    pad: int = Field(0, ge=0, description="pixels of padding before a random crop (section 4.2: none)")
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
