"""PGAN's network: trunk, part attention, fusion and the three refined features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from plugins.augment import MEAN, STD
from plugins.bnneck import BNNeck, VehicleClassifier
from plugins.cells import mean_over
from plugins.pgan_parts import CellRule, PartAttention, Parts, guided, normalised, part_masks
from plugins.refine import Refine
from plugins.resnet import CHANNELS, Backbone, resnet_trunk

Attention = Literal["part", "equal", "grid"]


class PGANNetwork(nn.Module):
    """From images (n, 3, H, W) and boxes to features (n, 2C'); in training to f_f, f_g, f_p and logits.

    Args:
        backbone: the trunk; C is its number of channels.
        vehicles: classes of the classifier.
        last_stride: of the trunk's last stage.
        count: D, the parts of an image; 0 leaves the baseline: F_g, Refine, f_f.
        attention: ``part`` PAM over the parts, ``equal`` the same weight for each, ``grid`` PAM over the cells.
        rule: from a box to cells.
        hidden: numbers between PAM's two layers.
        temperature: of PAM.
        dimension: 2C', of the feature; f_g and f_p have half of it.
        heads: the features beside f_f that a loss sees: of ``g`` and ``p``.
    """

    def __init__(
        self,
        backbone: Backbone,
        vehicles: int,
        *,
        last_stride: int,
        count: int,
        attention: Attention,
        rule: CellRule,
        hidden: int,
        temperature: float,
        dimension: int,
        heads: Sequence[str],
    ) -> None:
        super().__init__()
        channels = CHANNELS[backbone]
        self.count, self.attention, self.rule = count, attention, rule
        self.normalise = v2.Normalize(MEAN, STD)
        self.trunk = resnet_trunk(backbone, last_stride)
        if count and attention != "equal":
            self.pam = PartAttention(channels, hidden, temperature)
        sides = dict.fromkeys(heads, channels) if count else {}
        # A head that no loss sees would never be trained, so it is not built.
        self.heads = nn.ModuleDict({name: Refine(inside, dimension // 2) for name, inside in sides.items()})
        self.refine = Refine(2 * channels if count else channels, dimension)
        self.neck = BNNeck(dimension)
        self.classifier = VehicleClassifier(dimension, vehicles)

    def forward(self, images: Tensor, boxes_parts: Sequence[Tensor] = ()) -> Tensor | dict[str, Tensor]:
        """Return (n, 2C') of length 1, or in training ``f`` (n, 2C'), ``g`` and ``p`` (n, C') and ``logits`` (n, v).

        Args:
            images: (n, 3, H, W) float, RGB, 0 to 1.
            boxes_parts: of each image (m, 6), the surest first; empty for the baseline and the grid, which use none.
        """
        maps = {"g": self.trunk(self.normalise(images))}  # F_g: (n, C, H/16, W/16) with a last stride of 1
        fused = maps["g"]
        if self.count:
            size = (images.shape[2], images.shape[3])
            weights, masks = self.attend(maps["g"], size, boxes_parts)  # (n, D) and (n, D, h, w)
            maps["p"] = guided(maps["g"], spread(weights, masks))  # F_p: (n, C, h, w)
            fused = torch.cat((maps["g"], maps["p"]), dim=1)  # F_f: (n, 2C, h, w)
        feature = self.refine(fused)  # f_f: (n, 2C')
        after = self.neck(feature)  # (n, 2C')
        if self.training:
            refined = {name: head(maps[name]) for name, head in self.heads.items()}  # f_g, f_p: (n, C') each
            return {"f": feature, **refined, "logits": self.classifier(after)}
        return functional.normalize(after)

    def attend(self, maps: Tensor, size: tuple[int, int], boxes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the weights w (n, D) and the masks M (n, D, h, w); for the grid D is h w.

        Args:
            maps: F_g, (n, C, h, w).
            size: H and W.
            boxes: of each image (m, 6).
        """
        height, width = maps.shape[2:]
        if self.attention == "grid":
            cells = torch.eye(height * width, device=maps.device).view(1, -1, height, width)
            scores = self.pam(maps.flatten(2).transpose(1, 2))  # (n, h w)
            return scores.float().softmax(1), cells.expand(len(maps), -1, -1, -1)
        masks = part_masks(boxes, self.count, size, (height, width), self.rule)  # (n, D, h, w)
        there = masks.flatten(2).any(2)  # (n, D)
        if self.attention == "equal":
            return normalised(torch.zeros_like(masks[:, :, 0, 0]), there), masks
        scores = self.pam(mean_over(maps, masks))  # MGAP: (n, D, C), to (n, D)
        return normalised(scores, there), masks

    @torch.no_grad()
    def parts(self, images: Tensor, boxes_parts: Sequence[Tensor] = ()) -> Parts:
        """Return what the network attends to; the baseline, which attends to nothing, gives D = 0.

        Args:
            images: (n, 3, H, W) float, RGB, 0 to 1.
            boxes_parts: of each image (m, 6).
        """
        maps = self.trunk(self.normalise(images))  # (n, C, h, w)
        if not self.count:
            masks = maps.new_zeros((len(maps), 0, *maps.shape[2:]))
            return Parts(masks[:, :, 0, 0], masks, maps.mean(1))
        weights, masks = self.attend(maps, (images.shape[2], images.shape[3]), boxes_parts)
        return Parts(weights, masks, guided(maps, spread(weights, masks)).mean(1))


def spread(weights: Tensor, masks: Tensor) -> Tensor:
    """Return the sum over i of w_i M_i: (n, h, w) of weights (n, D) and masks (n, D, h, w)."""
    return (weights[:, :, None, None] * masks).sum(1)
