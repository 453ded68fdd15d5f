"""PGAN: the part-guided attention network of X. Zhang et al. (2019), with its ablations.

Boxes show where the parts of a vehicle are, and a part attention module (PAM) weighs each part. Section and table
numbers are the paper's; R marks what the authors' released recipe adds to it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
from torch import Tensor

from harness.methods.attention import Attention
from harness.methods.network import Stage
from plugins.layers.augment import PGAN_ERASING, augmentation
from plugins.layers.losses import batch_hard_triplet, cross_entropy
from plugins.layers.pretrained import PretrainedMethod
from plugins.pgan.network import PGANNetwork, spread
from plugins.pgan.options import PRINTED_SCHEDULE, QUICK, PGANOptions
from plugins.pgan.parts import part_masks

if TYPE_CHECKING:
    from harness.boxes import Boxes

log = logging.getLogger("bench")

COUNTED = 4096
"""Images whose masks are counted at once."""


class PGAN(PretrainedMethod):
    """ResNet, masks from boxes, PAM, fusion, three Refines, BNNeck on the fused feature only.

    ``plugins/pgan/parts.py`` names what the paper and the released recipe leave open.
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
        # Table 1: the features that are trained by a triplet loss.
        "baseline": {"D": 0},
        "f_f": {"losses": "f"},
        "f_f+f_g": {"losses": "f+g"},
        "f_f+f_p": {"losses": "f+p"},
        # Table 2: the attention, and a feature of 256 numbers in place of 512.
        "grid": {"attention": "grid"},
        "no-pam": {"attention": "equal"},
        "grid-256": {"attention": "grid", "dimension": 256},
        "no-pam-256": {"attention": "equal", "dimension": 256},
        "256": {"dimension": 256},
        # Table 5: the number of parts.
        "d4": {"D": 4},
        "d6": {"D": 6},
        "d10": {"D": 10},
        # Section 4.2 in its own words.
        "printed-schedule": PRINTED_SCHEDULE,
    }
    options: PGANOptions

    def __init__(self) -> None:
        if self.options.D == 0 or self.options.attention == "grid":
            self.needs, self.test_needs = frozenset({"vehicle"}), frozenset()

    def arrange_boxes(self, boxes: Mapping[str, Boxes], vehicles: Mapping[str, int] | None) -> Mapping[str, Boxes]:  # noqa: ARG002 - the contract
        """Return the boxes unchanged; the log says how many images have too few, and how many parts cover no cell."""
        for found in boxes.values():
            log.info("parts: %s", self._counted(found))
        return boxes

    def _counted(self, boxes: Boxes) -> str:
        """Return the counts in words, for the images before any augmentation."""
        options, size, stride = self.options, self.input_size, 16 * self.options.last_stride
        cells = (-(-size[0] // stride), -(-size[1] // stride))  # a ResNet rounds up
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

    def architecture(self, classes: Mapping[str, int]) -> PGANNetwork:
        """Return the network with random weights."""
        return PGANNetwork(self.options, classes["vehicle"])

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:  # noqa: ARG002 - the contract
        """Return the one stage, in which everything is trained together."""
        options = self.options
        augment = augmentation(
            self.input_size, flip=options.flip, pad=options.pad, erase=options.erase, erasing=PGAN_ERASING
        )
        return [self.pk_stage("training", options.epochs, augment, decay=0.5)] if options.epochs else []

    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:  # noqa: ARG002 - the contract
        """Return lambda L_c, L_f, L_g and L_p (equation 5).

        L_c is the cross-entropy of the BNNeck's output, without label smoothing (R); the others are batch-hard triplets
        with the Euclidean distance of the features before the BNNeck, not normalised (R). The baseline has L_c and L_f.
        """
        vehicles, options = labels["vehicle"], self.options
        triplets = {
            f"triplet-{name}": batch_hard_triplet(outputs[name], vehicles, options.margin)
            for name in options.losses.split("+")
            if name in outputs
        }
        return {"cross-entropy": options.lambda_c * cross_entropy(outputs["logits"], vehicles), **triplets}

    def attend(self, images: Tensor, boxes_parts: Sequence[Tensor] = (), **needed: Any) -> Attention:  # noqa: ARG002
        """Return the mean of F_p over its channels (figures 4 and 5), and the weights of the parts or of the cells."""
        found = cast(PGANNetwork, self.model).parts(images, boxes_parts)
        if self.options.attention == "grid" and self.options.D:
            return Attention({"heat": found.heat, "grid": spread(found.weights, found.masks)})
        parts = None
        if self.options.D:
            rows = [boxes[: self.options.D] for boxes in boxes_parts]  # (m, 6) each
            parts = [
                torch.cat((boxes[:, :1], weights[: len(boxes), None], boxes[:, 2:]), dim=1)
                for boxes, weights in zip(rows, found.weights, strict=True)
            ]
        return Attention({"heat": found.heat}, parts)
