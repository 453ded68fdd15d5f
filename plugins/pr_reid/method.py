"""PR-ReID: part-regularised near-duplicate vehicle re-identification (B. He, J. Li, Y. Zhao, Y. Tian, CVPR 2019).

In training a vehicle is classified by its whole image and by each of its parts alone; the test uses the whole image
only, and no boxes, unless the features of all branches are fused. Equations and sections are the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from harness.boxes import Boxes
from harness.data.part_classes import REGIONS
from harness.methods.batches import Shuffled
from harness.methods.network import Stage
from plugins.layers.augment import augmentation
from plugins.layers.losses import cross_entropy
from plugins.layers.pretrained import PretrainedMethod
from plugins.layers.schedules import Schedule
from plugins.pr_reid.network import PRReIDNetwork
from plugins.pr_reid.options import BRANCHES, QUICK, PRReIDOptions
from plugins.pr_reid.regions import MIRRORED, WHOLE, as_boxes, fill_places, require_regions, seen_places


class PRReID(PretrainedMethod):
    """A global branch, regularised by one branch for each part.

    The paper's inputs are 256 x 256 for VehicleID, the default, and 512 x 512 for VeRi-776, the variant ``512``.

    Open, and chosen here: a flip turns the left light into the right one, as left and right are the image's; a region
    without a box, because of a crop or in a test of fused features, takes its mean place in the training set.
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
        "window-light-brand": {"branches": ("light", "brand", "window"), "test": "fused"},
        "baseline": {"branches": ("global",)},
        # The other rows of tables 5 and 6.
        "128": {"input_size": 128},
        "512": {"input_size": 512},
        # Section 4.2.
        "fused": {"test": "fused"},
        # What the paper leaves open.
        "lights-apart": {"lights": "apart"},
        "shared-reducers": {"reducers": "shared"},
    }
    options: PRReIDOptions

    def __init__(self) -> None:
        """Need boxes only for part branches, and in a test only to fuse their features."""
        if not self.options.parts:
            self.needs = frozenset({"vehicle"})
        elif self.options.test == "fused":
            self.test_needs = frozenset({"boxes.regions"})
        self._mean_places = torch.tensor([WHOLE] * len(REGIONS))

    def arrange_boxes(self, boxes: Mapping[str, Boxes], vehicles: Mapping[str, int] | None) -> Mapping[str, Boxes]:
        """Return one box a region: the surest, or in training the mean place of a region without a box.

        Raises:
            DataError: no training image has a box of a region that a branch needs.
        """
        if "boxes_regions" not in boxes:
            return boxes
        found = boxes["boxes_regions"]
        keys = list(found.of_image if vehicles is None else vehicles)
        places = seen_places(found, keys, to_bottom=self.options.light_bottom == "image")
        if vehicles is not None:
            needed = [region for regions in self.options.parts.values() for region in regions]
            require_regions(places, needed, found.path)
            places, means = fill_places(places, np.fromiter(vehicles.values(), np.int64, len(vehicles)))
            self._mean_places = torch.from_numpy(means).float()
        return {"boxes_regions": as_boxes(keys, places)}

    def architecture(self, classes: Mapping[str, int]) -> PRReIDNetwork:
        """Return the network with random weights."""
        return PRReIDNetwork(self.options, classes["vehicle"], self._mean_places)

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:  # noqa: ARG002 - the contract
        """Return the one training of all branches together (section 3.3)."""
        options = self.options
        if not options.epochs:
            return []
        schedule = Schedule("exponential", options.epochs, decay=options.rate_left ** (1 / options.epochs))
        augment = augmentation(self.input_size, flip=options.flip, pad=options.pad, mirrored=MIRRORED)
        name = "global and parts" if options.parts else "global"
        return [schedule.stage(name, Shuffled(options.batch), self._optimiser, augment)]

    def _optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        options = self.options
        if options.optimiser == "adam":
            return self.adam(network)
        return torch.optim.SGD(
            network.parameters(), options.learning_rate, momentum=0.9, weight_decay=options.weight_decay
        )

    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:  # noqa: ARG002 - the contract
        """Return the terms of equation 3: E(global, y), and lambda_p E(p, y) of each part p."""
        options = self.options
        weights = {"light": options.lambda_light, "brand": options.lambda_brand, "window": options.lambda_window}
        return {
            name: weights.get(name.split()[-1], 1.0) * cross_entropy(logits, labels["vehicle"])
            for name, logits in outputs.items()
        }
