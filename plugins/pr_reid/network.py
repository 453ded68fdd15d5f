"""PR-ReID's network: a trunk, a global branch and part branches (section 3.2, figure 2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torchvision.transforms import v2

from harness.data.part_classes import REGIONS
from harness.methods.attention import Attention, shares
from plugins.layers.augment import MEAN, STD
from plugins.layers.cells import mean_over, overlapped_cells
from plugins.layers.resnet import CHANNELS, resnet_trunk
from plugins.pr_reid.options import PRReIDOptions


class PRReIDNetwork(nn.Module):
    """From images to the logits of every branch, or to the feature of a test: the global branch's, or all fused.

    As in equation 3, the classifiers w have no biases and no normalisation before them. Open: how features are fused.
    Here they stand side by side, so that their squared Euclidean distances add up; the paper names no scaling, and the
    option ``fusion`` can give each unit length.

    Args:
        places: (4, 4) float, the corners of each region in an image without a box of it, in shares of width and
            height. They are saved with the weights.
    """

    places: Tensor

    def __init__(self, options: PRReIDOptions, vehicles: int, places: Tensor) -> None:
        super().__init__()
        channels, width = CHANNELS[options.backbone], options.width
        self.parts = {part: [REGIONS.index(region) for region in regions] for part, regions in options.parts.items()}
        self.fused = options.test == "fused"
        self.unit = self.fused and options.fusion == "unit"
        self.branches = (*(["global"] if "global" in options.branches else []), *self.parts)
        self.normalise = v2.Normalize(MEAN, STD)
        self.trunk = resnet_trunk(options.backbone, options.last_stride)
        reduced = {"own": self.branches, "shared": ("all",), "none": ("global",)}[options.reducers]
        self.reducers = nn.ModuleDict({name: nn.Conv2d(channels, width, 1) for name in reduced})
        self.reducer_of = {branch: "all" if options.reducers == "shared" else branch for branch in self.branches}
        widths = {branch: width if name in self.reducers else channels for branch, name in self.reducer_of.items()}
        self.classifiers = nn.ModuleDict(
            {name: nn.Linear(inside, vehicles, bias=False) for name, inside in widths.items()}
        )
        self.register_buffer("places", torch.empty(len(REGIONS), 4))
        self.places.copy_(places)

    def forward(self, images: Tensor, boxes_regions: Sequence[Tensor] = ()) -> Tensor | dict[str, Tensor]:
        """Return the feature (n, 256 for each branch in it), or in training the logits phi^T w (n, v) of every branch.

        Args:
            images: (n, 3, h, w) float, RGB, 0 to 1.
            boxes_regions: for each image (m, 6) of label from 1, score, x0, y0, x1, y1 in pixels, at most one a region;
                used in training, and to fuse features also in a test.
        """
        maps = self.trunk(self.normalise(images))  # phi(x): (n, c, s, s), s = h/16
        features = self._features(maps, boxes_regions, (images.shape[2], images.shape[3]))
        if self.training:
            return {branch: self.classifiers[branch](feature) for branch, feature in features.items()}
        found = [normalize(feature) if self.unit else feature for feature in features.values()]
        return torch.cat(found, dim=1)

    @torch.no_grad()
    def attend(self, images: Tensor, boxes_regions: Sequence[Tensor] = ()) -> Attention:
        """Return each cell's share in the feature, exact except for biases; the arguments are those of ``forward``."""
        maps, size = self.trunk(self.normalise(images)), (images.shape[2], images.shape[3])

        def described(cells: Tensor) -> list[Tensor]:
            features = list(self._features(cells, boxes_regions, size).values())
            return features if self.unit else [torch.cat(features, dim=1)]

        return Attention({"share": shares(maps, described)})

    def _features(self, maps: Tensor, boxes: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """Return the feature (n, 256) of every branch in use: all in training or if fused, else the global one."""
        pooled: dict[str, Tensor] = {}
        if "global" in self.branches:
            pooled["global"] = maps.mean((2, 3))  # (n, c)
        if self.training or self.fused:
            pooled |= self._local(maps, boxes, size)
        return {branch: self._reduced(branch, found) for branch, found in pooled.items()}

    def _local(self, maps: Tensor, boxes: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """Return phi(x) (*) M_p of equation 2 for every part: the mean over all cells that its regions overlap.

        Args:
            maps: phi(x), (n, c, s, s).
            boxes: as ``forward`` takes them.
            size: height and width of the images in pixels.

        Returns:
            (n, c) each.
        """
        if not self.parts:
            return {}
        cells = overlapped_cells(self._placed(boxes, size), size, (maps.shape[2], maps.shape[3]))  # (n, 4, s, s)
        masks = torch.stack([cells[:, regions].any(1) for regions in self.parts.values()], dim=1)  # M: (n, p, s, s)
        return dict(zip(self.parts, mean_over(maps, masks).unbind(1), strict=True))

    def _placed(self, boxes: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Return the corners of every region in pixels, (n, 4, 4)."""
        sides = torch.tensor([size[1], size[0]] * 2, device=self.places.device)
        placed = (self.places * sides).repeat(len(boxes), 1, 1)
        found = torch.cat(list(boxes)).to(placed.dtype)  # (m, 6), in bf16-mixed given in bfloat16
        images = [image for image, rows in enumerate(boxes) for _ in range(len(rows))]
        placed[torch.tensor(images, dtype=torch.int64, device=found.device), found[:, 0].long() - 1] = found[:, 2:]
        return placed

    def _reduced(self, branch: str, pooled: Tensor) -> Tensor:
        """Return a branch's feature (n, 256) of its mean (n, c)."""
        name = self.reducer_of[branch]
        if name not in self.reducers:
            return pooled
        feature: Tensor = self.reducers[name](pooled[:, :, None, None])  # (n, 256, 1, 1)
        return feature.flatten(1)
