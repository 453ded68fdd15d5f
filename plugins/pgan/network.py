"""PGAN's network: trunk, part attention, fusion and the three refined features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from plugins.layers.augment import MEAN, STD
from plugins.layers.bnneck import BNNeck, VehicleClassifier
from plugins.layers.cells import mean_over
from plugins.layers.refine import Refine
from plugins.layers.resnet import CHANNELS, resnet_trunk
from plugins.pgan.options import PGANOptions
from plugins.pgan.parts import PartAttention, Parts, guided, normalised, part_masks


class PGANNetwork(nn.Module):
    """From images (n, 3, H, W) and boxes to features (n, 2C'); in training to f_f, f_g, f_p and logits.

    Args:
        options: of the method; with ``D`` = 0 the network is the baseline: F_g, Refine, f_f.
    """

    def __init__(self, options: PGANOptions, vehicles: int) -> None:
        super().__init__()
        channels, dimension = CHANNELS[options.backbone], options.dimension
        self.count, self.attention, self.rule = options.D, options.attention, options.box_to_cells
        self.normalise = v2.Normalize(MEAN, STD)
        self.trunk = resnet_trunk(options.backbone, options.last_stride)
        if self.count and self.attention != "equal":
            self.pam = PartAttention(channels, options.hidden, options.temperature)
        # Only features with a loss: any other would never be trained.
        heads = options.losses.split("+")[1:] if self.count else []
        self.heads = nn.ModuleDict({name: Refine(channels, dimension // 2) for name in heads})
        self.refine = Refine(2 * channels if self.count else channels, dimension)
        self.neck = BNNeck(dimension)
        self.classifier = VehicleClassifier(dimension, vehicles)

    def forward(self, images: Tensor, boxes_parts: Sequence[Tensor] = ()) -> Tensor | dict[str, Tensor]:
        """Return (n, 2C') of length 1, or in training ``f`` (n, 2C'), ``g`` and ``p`` (n, C') and ``logits`` (n, v).

        Args:
            images: (n, 3, H, W) float, RGB, 0 to 1.
            boxes_parts: of each image (m, 6), the surest first; the baseline and the grid use none.
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
        present = masks.flatten(2).any(2)  # (n, D)
        if self.attention == "equal":
            return normalised(torch.zeros_like(masks[:, :, 0, 0]), present), masks
        scores = self.pam(mean_over(maps, masks))  # MGAP: (n, D, C), to (n, D)
        return normalised(scores, present), masks

    @torch.no_grad()
    def parts(self, images: Tensor, boxes_parts: Sequence[Tensor] = ()) -> Parts:
        """Return the attention of the network; the baseline has none, and D = 0.

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
