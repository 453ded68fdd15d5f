"""PR-ReID: part-regularised near-duplicate vehicle re-identification (B. He, J. Li, Y. Zhao, Y. Tian, CVPR 2019).

While training, a vehicle must be told by its whole image and by each of its parts alone; the test sees the whole
image alone, and no boxes. Equations and sections are the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, cast, get_args

import numpy as np
import torch
from pydantic import AfterValidator, BeforeValidator, Field
from torch import Tensor, nn

from harness.boxes import Boxes
from harness.boxes.classes import REGIONS
from harness.methods.attention import Attention
from harness.methods.batches import Shuffled
from harness.methods.method import Options
from harness.methods.network import NetworkMethod, Stage
from plugins.augment import augmentation
from plugins.losses import cross_entropy
from plugins.pr_reid_network import PRReIDNetwork, Reducers
from plugins.regions import MIRRORED, WHOLE, as_boxes, fill_places, require_regions, seen_places
from plugins.resnet import Backbone
from plugins.schedules import Schedule
from plugins.weights import load_trunk

Branch = Literal["global", "light", "brand", "window"]

BRANCHES: tuple[Branch, ...] = get_args(Branch)
"""The branches in table 4's order."""

PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "light": {"light": ("left light", "right light")},
    "brand": {"brand": ("brand",)},
    "window": {"window": ("window",)},
}
"""For a branch its parts, and the regions that each is made of."""

APART = {"left light": ("left light",), "right light": ("right light",)}
"""The parts of the light branch where left and right are told apart."""


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _in_order(branches: tuple[Branch, ...]) -> tuple[Branch, ...]:
    if not branches:
        raise ValueError(f"one or more of {', '.join(BRANCHES)}")
    return tuple(branch for branch in BRANCHES if branch in branches)


Branches = Annotated[tuple[Branch, ...], BeforeValidator(_split), AfterValidator(_in_order)]
"""A set of branches, on the command line as ``global,window``."""


class PRReIDOptions(Options):
    """The paper's numbers are the defaults; what it leaves open says so."""

    backbone: Backbone = Field("resnet50", description="trunk, resnet18 or resnet50 (section 4.2)")
    weights: str = Field("imagenet", description="the trunk's first weights: imagenet, none or a file (section 3.3)")
    branches: Branches = Field(BRANCHES, description="any of global, light, brand, window (table 4)")
    lights: Literal["together", "apart"] = Field(
        "together", description="one light branch on the cells of both lights, N = 3 (section 3.2), or one each"
    )
    light_bottom: Literal["image", "box"] = Field(
        "image", description="where a light's region ends: the image's bottom, or the box's own (section 3.2, open)"
    )
    last_stride: int = Field(1, ge=1, le=2, description="stride of the trunk's last stage: 16 x 16 cells of 256 pixels")
    width: int = Field(256, ge=1, description="numbers in a branch's feature (section 4.2)")
    reducers: Reducers = Field(
        "own", description="1x1 convolution of a part: its own, the global branch's, or none (open)"
    )
    lambda_light: float = Field(1.0, ge=0, description="weight of the light's loss (equation 3; open)")
    lambda_brand: float = Field(1.0, ge=0, description="weight of the brand's loss (equation 3; open)")
    lambda_window: float = Field(1.0, ge=0, description="weight of the window's loss (equation 3; open)")
    input_size: int = Field(
        256, ge=32, description="height and width of the input in pixels; 128, 256 and 512 published (tables 5, 6)"
    )
    batch: int = Field(64, ge=2, description="images in a batch (open)")
    epochs: int = Field(60, ge=0, description="passes over the training images (open)")
    optimiser: Literal["sgd", "adam"] = Field("sgd", description="sgd with a momentum of 0.9, or adam (open)")
    learning_rate: float = Field(0.01, gt=0, description="of the first epoch (section 3.3)")
    rate_left: float = Field(
        0.01, gt=0, le=1, description="share of it that the exponential decay leaves (section 3.3; how much: open)"
    )
    weight_decay: float = Field(5e-4, ge=0, description="of the optimiser (open)")
    flip: float = Field(0.5, ge=0, le=1, description="probability of a horizontal flip (open)")
    pad: int = Field(0, ge=0, description="pixels of padding before a random crop (open)")


QUICK = {
    "backbone": "resnet18",
    "weights": "none",
    "input_size": 64,
    "batch": 32,
    "epochs": 6,
    "learning_rate": 0.05,
    "pad": 4,
}
"""From scratch on the synthetic set, with 4 x 4 cells: an epoch takes half a minute of one core."""


class PRReID(NetworkMethod):
    """A global branch, regularised by a branch a part.

    Open, and chosen here: a flip makes the left light the right one, as left and right are the image's; a region that
    a crop cuts away, or that a test image without a global branch lacks, takes its mean place over the training set.
    """

    about = "ResNet regularised by window, light and brand branches while training (He et al., 2019)"
    papers = ("B. He, J. Li, Y. Zhao, Y. Tian: Part-Regularized Near-Duplicate Vehicle Re-Identification. CVPR 2019",)
    Options = PRReIDOptions
    needs = frozenset({"vehicle", "boxes.regions"})
    metric = "euclidean"
    recipes: ClassVar = {"paper": {}, "quick": QUICK}
    variants: ClassVar = {
        # The rows of table 4.
        "pr-reid": {"branches": BRANCHES},
        "global-light-brand": {"branches": ("global", "light", "brand")},
        "global-light-window": {"branches": ("global", "light", "window")},
        "global-window-brand": {"branches": ("global", "brand", "window")},
        "global-window": {"branches": ("global", "window")},
        "window-light-brand": {"branches": ("light", "brand", "window")},
        "baseline": {"branches": ("global",)},
        # What the paper leaves open.
        "lights-apart": {"lights": "apart"},
        "shared-reducers": {"reducers": "shared"},
    }
    options: PRReIDOptions

    def __init__(self) -> None:
        """Need boxes for part branches alone, and at test time where there is no global branch."""
        if self.options.branches == ("global",):
            self.needs = frozenset({"vehicle"})
        if "global" not in self.options.branches:
            self.test_needs = frozenset({"boxes.regions"})
        self._mean_places = torch.tensor([WHOLE] * len(REGIONS))

    @property
    def _parts(self) -> dict[str, tuple[str, ...]]:
        """The parts that have a branch, with their regions."""
        known = {**PARTS, "light": APART} if self.options.lights == "apart" else PARTS
        return {part: regions for branch in self.options.branches for part, regions in known.get(branch, {}).items()}

    def arrange_boxes(self, boxes: Mapping[str, Boxes], vehicles: Mapping[str, int] | None) -> Mapping[str, Boxes]:
        """Return one box a region: the surest, or, while training, the mean place of one that is not seen.

        Raises:
            DataError: no training image has a box of a region that a branch needs.
        """
        if "boxes_regions" not in boxes:
            return boxes
        found = boxes["boxes_regions"]
        keys = list(found.of_image if vehicles is None else vehicles)
        places = seen_places(found, keys, to_bottom=self.options.light_bottom == "image")
        if vehicles is not None:
            require_regions(places, [region for regions in self._parts.values() for region in regions], found.path)
            places, means = fill_places(places, np.fromiter(vehicles.values(), np.int64, len(vehicles)))
            self._mean_places = torch.from_numpy(means).float()
        return {"boxes_regions": as_boxes(keys, places)}

    def network(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network with the trunk's first weights, as ``weights`` asks.

        Raises:
            CheckpointError: those weights cannot be had.
        """
        model = self.architecture(classes)
        load_trunk(model.trunk, self.options.backbone, self.options.weights)
        return model

    def architecture(self, classes: Mapping[str, int]) -> PRReIDNetwork:
        """Return the network as torchvision initialises it."""
        options = self.options
        return PRReIDNetwork(
            options.backbone,
            classes["vehicle"],
            [*(["global"] if "global" in options.branches else []), *self._parts],
            self._parts,
            self._mean_places,
            last_stride=options.last_stride,
            width=options.width,
            reducers=options.reducers,
        )

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:  # noqa: ARG002 - the same for any number
        """Return the one training of all branches together (section 3.3)."""
        options = self.options
        if not options.epochs:
            return []
        schedule = Schedule("exponential", options.epochs, decay=options.rate_left ** (1 / options.epochs))
        stage = Stage(
            name="global and parts" if self._parts else "global",
            epochs=options.epochs,
            batches=Shuffled(options.batch),
            optimiser=self._optimiser,
            augment=augmentation(self.input_size, flip=options.flip, pad=options.pad, mirrored=MIRRORED),
            schedule=schedule.attach,
            advance=schedule.advance,
        )
        return [stage]

    def _optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        rate, decay = self.options.learning_rate, self.options.weight_decay
        if self.options.optimiser == "adam":
            return torch.optim.Adam(network.parameters(), rate, weight_decay=decay)
        return torch.optim.SGD(network.parameters(), rate, momentum=0.9, weight_decay=decay)

    def losses(
        self,
        outputs: Mapping[str, Tensor],
        labels: Mapping[str, Tensor],
        stage: Stage,  # noqa: ARG002 - one loss
    ) -> Mapping[str, Tensor]:
        """Return the terms of equation 3: E(global, y), and lambda_p E(p, y) of each part p."""
        options = self.options
        weights = {"light": options.lambda_light, "brand": options.lambda_brand, "window": options.lambda_window}
        return {
            name: weights.get(name.split()[-1], 1.0) * cross_entropy(logits, labels["vehicle"])
            for name, logits in outputs.items()
        }

    def attend(self, images: Tensor, **needed: Any) -> Attention:
        """Return each cell's share in the feature."""
        return cast(PRReIDNetwork, self.model).attend(images, **needed)
