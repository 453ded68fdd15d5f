"""PGAN: the part-guided attention network of X. Zhang et al. (2019), with its ablations.

Boxes of parts say where to look, a part attention module (PAM) how much each part counts. Section and table numbers
are the paper's; R marks what the authors' released recipe adds to it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.methods.attention import Attention as NetworkAttention
from harness.methods.batches import PK
from harness.methods.method import Options
from harness.methods.network import NetworkMethod, Stage
from plugins.augment import augmentation
from plugins.losses import batch_hard_triplet, cross_entropy
from plugins.pgan_network import Attention, PGANNetwork, spread
from plugins.pgan_parts import CellRule, part_masks
from plugins.resnet import Backbone
from plugins.schedules import Milestones, Schedule
from plugins.weights import load_trunk

if TYPE_CHECKING:
    from harness.boxes import Boxes

log = logging.getLogger("bench")

COUNTED = 4096
"""Images whose masks are counted at once."""


class PGANOptions(Options):
    """The paper's numbers are the defaults."""

    backbone: Backbone = Field("resnet50", description="trunk, resnet18 or resnet50 (section 4.2)")
    weights: str = Field("imagenet", description="the trunk's first weights: imagenet, none or a file")
    last_stride: int = Field(1, ge=1, le=2, description="stride of the trunk's last stage (section 4.2, by its [35])")
    D: int = Field(8, ge=0, description="parts of an image; 0 is the baseline (tables 1 and 5)")
    attention: Attention = Field(
        "part", description="part: PAM over the parts; equal: without PAM; grid: PAM over the cells (table 2)"
    )
    temperature: float = Field(10.0, gt=0, description="PAM's scores times this go into the softmax (R)")
    hidden: int = Field(512, ge=1, description="numbers between PAM's two layers (R)")
    box_to_cells: CellRule = Field("overlap", description="cells of a part: overlapped, or centre inside (open)")
    dimension: int = Field(512, ge=8, multiple_of=8, description="2C', numbers in the feature; 256 or 512 (table 2)")
    losses: Literal["f", "f+g", "f+p", "f+g+p"] = Field("f+g+p", description="features with a triplet loss (table 1)")
    lambda_c: float = Field(
        2.0, ge=0, description="weight of the cross-entropy (equation 5, figure 3b; R: 1 on VehicleID)"
    )
    margin: float = Field(0.3, ge=0, description="margin of the batch-hard triplets (R)")
    p: int = Field(16, ge=2, description="vehicles in a batch (section 4.2)")
    k: int = Field(4, ge=2, description="images of each vehicle in a batch (section 4.2)")
    epochs: int = Field(130, ge=0, description="passes over the training images (section 4.2)")
    learning_rate: float = Field(1.75e-4, gt=0, description="of Adam, behind the warm-up (section 4.2)")
    weight_decay: float = Field(5e-4, ge=0, description="of Adam (section 4.2)")
    warm_up: int = Field(10, ge=0, description="epochs of linear warm-up (R) from 0.01 (open)")
    schedule: Literal["steps", "cosine", "constant"] = Field("steps", description="learning rate's course")
    milestones: Milestones = Field((30, 50, 70, 90, 110), description="epochs after which the rate halves (R)")
    input_size: int = Field(224, ge=32, description="height and width of the input in pixels (section 4.2)")
    flip: float = Field(0.5, ge=0, le=1, description="probability of a horizontal flip (section 4.2)")
    pad: int = Field(0, ge=0, description="pixels of padding before a random crop (section 4.2: none)")
    erase: float = Field(0.5, ge=0, le=1, description="probability of random erasing (section 4.2)")


QUICK = {
    "backbone": "resnet18",
    "weights": "none",
    "p": 8,
    "epochs": 6,
    "learning_rate": 1e-3,
    "warm_up": 0,
    "schedule": "cosine",
    "input_size": 64,
    "pad": 4,
    "erase": 0.0,
}
"""From scratch on the synthetic set, with 4 x 4 cells: an epoch takes half a minute of one core."""


class PGAN(NetworkMethod):
    """ResNet, masks from boxes, PAM, fusion, three Refines, BNNeck on the fused feature alone.

    Open, and chosen here: first weights of the layers behind the trunk (torch's); the colour of erasing (ImageNet's
    mean). What the parts leave open stands in ``plugins/pgan_parts.py``, Refine's in ``plugins/refine.py``.
    """

    about = "ResNet with attention over detected parts, global and part features fused (Zhang et al., 2019)"
    papers = (
        "X. Zhang, R. Zhang, J. Cao, D. Gong, M. You, C. Shen: Part-Guided Attention Learning for Vehicle "
        "Re-Identification. arXiv 2019",
    )
    Options = PGANOptions
    needs = frozenset({"vehicle", "boxes.parts"})
    test_needs = frozenset({"boxes.parts"})
    recipes: ClassVar = {"paper": {}, "vehicleid": {"lambda_c": 1.0}, "quick": QUICK}
    variants: ClassVar = {
        "baseline": {"D": 0},
        "grid": {"attention": "grid"},
        "no-pam": {"attention": "equal"},
        "pgan": {"attention": "part"},
    }
    options: PGANOptions

    def __init__(self) -> None:
        if self.options.D == 0 or self.options.attention == "grid":
            self.needs, self.test_needs = frozenset({"vehicle"}), frozenset()

    def arrange_boxes(
        self,
        boxes: Mapping[str, Boxes],
        vehicles: Mapping[str, int] | None,  # noqa: ARG002 - parts are chosen image by image
    ) -> Mapping[str, Boxes]:
        """Say in the log how many images have too few boxes, and how many parts no cell; the boxes stay as they are."""
        for found in boxes.values():
            log.info("parts: %s", self._counted(found))
        return boxes

    def _counted(self, boxes: Boxes) -> str:
        """Return the counts in words, of the images before any augmentation."""
        options, size = self.options, self.input_size
        cells = (-(-size[0] // self._stride), -(-size[1] // self._stride))
        parts = [torch.from_numpy(boxes.of(key, size))[: options.D] for key in boxes.of_image]
        empty = sum(map(len, parts))
        for start in range(0, len(parts), COUNTED):
            masks = part_masks(parts[start : start + COUNTED], options.D, size, cells, options.box_to_cells)
            empty -= int(masks.flatten(2).any(2).sum())
        none, few = (sum(len(found) < least for found in parts) for least in (1, options.D))
        return (
            f"{none} of {len(parts)} images have none, {few} fewer than D = {options.D}; "
            f"{empty} of {sum(map(len, parts))} parts cover no cell"
        )

    @property
    def _stride(self) -> int:
        """Pixels of an image to a cell of its map, which is rounded up."""
        return 16 * self.options.last_stride

    def network(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network with the trunk's first weights, as ``weights`` asks.

        Raises:
            CheckpointError: those weights cannot be had.
        """
        model = self.architecture(classes)
        load_trunk(model.trunk, self.options.backbone, self.options.weights)
        return model

    def architecture(self, classes: Mapping[str, int]) -> PGANNetwork:
        """Return the network without weights from elsewhere."""
        options = self.options
        return PGANNetwork(
            options.backbone,
            classes["vehicle"],
            last_stride=options.last_stride,
            count=options.D,
            attention=options.attention,
            rule=options.box_to_cells,
            hidden=options.hidden,
            temperature=options.temperature,
            dimension=options.dimension,
            heads=options.losses.split("+")[1:],
        )

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:  # noqa: ARG002 - the same for any number
        """Return the one stage, in which everything is trained together."""
        options = self.options
        if not options.epochs:
            return []
        schedule = Schedule(
            options.schedule,
            options.epochs,
            warm_up=min(options.warm_up, options.epochs),
            milestones=options.milestones,
            decay=0.5,
        )
        augment = augmentation(self.input_size, flip=options.flip, pad=options.pad, erase=options.erase)
        stage = Stage(
            name="training",
            epochs=options.epochs,
            batches=PK(options.p, options.k),
            optimiser=self._adam,
            augment=augment,
            schedule=schedule.attach,
            advance=schedule.advance,
        )
        return [stage]

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        return torch.optim.Adam(trained, lr=self.options.learning_rate, weight_decay=self.options.weight_decay)

    def losses(
        self,
        outputs: Mapping[str, Tensor],
        labels: Mapping[str, Tensor],
        stage: Stage,  # noqa: ARG002 - one stage
    ) -> Mapping[str, Tensor]:
        """Return lambda L_c, L_f, L_g and L_p (equation 5).

        L_c is the cross-entropy of the BNNeck's output without label smoothing (R), the others batch-hard triplets
        with the Euclidean distance of the features before it, not normalised (R). The baseline has L_c and L_f.
        """
        vehicles, options = labels["vehicle"], self.options
        triplets = {
            f"triplet-{name}": batch_hard_triplet(outputs[name], vehicles, options.margin)
            for name in options.losses.split("+")
            if name in outputs
        }
        return {"cross-entropy": options.lambda_c * cross_entropy(outputs["logits"], vehicles), **triplets}

    def attend(self, images: Tensor, boxes_parts: Sequence[Tensor] = (), **needed: Any) -> NetworkAttention:  # noqa: ARG002
        """Return the mean of F_p over its channels (figures 4 and 5), and the weights of the parts, or of the cells."""
        found = cast(PGANNetwork, self.model).parts(images, boxes_parts)
        if self.options.attention == "grid" and self.options.D:
            return NetworkAttention({"heat": found.heat, "grid": spread(found.weights, found.masks)})
        parts = None
        if self.options.D:
            rows = [boxes[: self.options.D] for boxes in boxes_parts]  # (m, 6) each
            parts = [
                torch.cat((boxes[:, :1], weights[: len(boxes), None], boxes[:, 2:]), dim=1)
                for boxes, weights in zip(rows, found.weights, strict=True)
            ]
        return NetworkAttention({"heat": found.heat}, parts)
