"""PR-ReID's options, its branches and their parts, and its recipe for the synthetic set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.errors import UsageError
from harness.methods.method import Options
from harness.methods.sizes import InputSize
from plugins.layers.resnet import Backbone
from plugins.layers.schedules import split_words

Branch = Literal["global", "light", "brand", "window"]

BRANCHES: tuple[Branch, ...] = get_args(Branch)
"""The branches in table 4's order."""

PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "light": {"light": ("left light", "right light")},
    "brand": {"brand": ("brand",)},
    "window": {"window": ("window",)},
}
"""For each branch its parts, and the regions of each part."""

LIGHTS_APART = {"left light": ("left light",), "right light": ("right light",)}
"""The parts of the light branch if each light has a branch of its own."""


def _in_order(branches: tuple[Branch, ...]) -> tuple[Branch, ...]:
    if not branches:
        raise ValueError(f"one or more of {', '.join(BRANCHES)}")
    return tuple(branch for branch in BRANCHES if branch in branches)


Branches = Annotated[tuple[Branch, ...], BeforeValidator(split_words), AfterValidator(_in_order)]
"""A set of branches, on the command line ``global,window``."""


class PRReIDOptions(Options):
    """The paper's numbers are the defaults; the descriptions mark what it leaves open."""

    backbone: Backbone = Field("resnet50", description="trunk: resnet18 or resnet50 (section 4.2)")
    weights: str = Field("imagenet", description="first weights of the trunk: imagenet, none or a file (section 3.3)")
    branches: Branches = Field(BRANCHES, description="any of global, light, brand, window (table 4)")
    lights: Literal["together", "apart"] = Field(
        "together", description="one light branch on the cells of both lights, N = 3 (section 3.2), or one each"
    )
    light_bottom: Literal["image", "box"] = Field(
        "image", description="lower end of a light's region: the image's, for the vehicle's, or its box's (section 3.2)"
    )
    last_stride: int = Field(1, ge=1, le=2, description="stride of the trunk's last stage: 16 x 16 cells of 256 pixels")
    width: int = Field(256, ge=1, description="width of a branch's feature (section 4.2)")
    test: Literal["global", "fused"] = Field(
        "global", description="feature of a test: the global branch's, or those of all branches (sections 4.2, 4.4)"
    )
    fusion: Literal["plain", "unit"] = Field(
        "plain", description="fused features side by side as they are, or each scaled to unit length (open)"
    )
    reducers: Literal["own", "shared", "none"] = Field(
        "own", description="1x1 convolution of a part: its own, the global branch's, or none (open)"
    )
    lambda_light: float = Field(1.0, ge=0, description="weight of the light's loss (equation 3; open)")
    lambda_brand: float = Field(1.0, ge=0, description="weight of the brand's loss (equation 3; open)")
    lambda_window: float = Field(1.0, ge=0, description="weight of the window's loss (equation 3; open)")
    input_size: InputSize = Field(
        256,
        description="input in pixels: a side, or height x width; 128, 256 and 512 published (tables 5, 6)",
    )
    batch: int = Field(64, ge=2, description="images in a batch (open)")
    epochs: int = Field(60, ge=0, description="passes over the training images (open)")
    optimiser: Literal["sgd", "adam"] = Field("sgd", description="sgd with a momentum of 0.9, or adam (open)")
    learning_rate: float = Field(0.01, gt=0, description="in the first epoch (section 3.3)")
    rate_left: float = Field(
        0.01, gt=0, le=1, description="share of it after the exponential decay (section 3.3; how much: open)"
    )
    weight_decay: float = Field(5e-4, ge=0, description="of the optimiser (open)")
    flip: float = Field(0.5, ge=0, le=1, description="probability of a horizontal flip (open)")
    pad: int = Field(0, ge=0, description="pixels of padding before a random crop (open)")

    @model_validator(mode="after")
    def _the_test_has_its_branch(self) -> Self:
        if self.test == "global" and "global" not in self.branches:
            raise UsageError(
                "pr-reid has no feature of the global branch for a test",
                found=f"test=global with branches={','.join(self.branches)}",
                expected="test=fused, or 'global' among the branches",
                next_step="--set test=fused",
            )
        return self

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """The parts that have a branch, each with its regions."""
        known = {**PARTS, "light": LIGHTS_APART} if self.lights == "apart" else PARTS
        return {part: regions for branch in self.branches for part, regions in known.get(branch, {}).items()}


QUICK = {
    "backbone": "resnet18",
    "weights": "none",
    "input_size": 64,
    "batch": 32,
    "epochs": 6,
    "learning_rate": 0.05,
    "pad": 4,
}
"""From scratch on the synthetic set, with 4 x 4 cells: an epoch takes half a minute on one core."""
