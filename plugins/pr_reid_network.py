"""PR-ReID's network: a trunk, a global branch and part branches (section 3.2, figure 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from harness.boxes.classes import REGIONS
from harness.methods.attention import Attention, shares
from plugins.augment import MEAN, STD
from plugins.cells import mean_over, overlapped_cells
from plugins.resnet import CHANNELS, Backbone, resnet_trunk

Reducers = Literal["own", "shared", "none"]


class PRReIDNetwork(nn.Module):
    """From images to the logits of every branch, or to the global branch's feature.

    Equation 3 has no biases behind its weights w and no normalisation before them, and neither has this network. Open,
    and chosen here: without a global branch the test's feature is the parts' features, side by side.

    Args:
        backbone: the trunk.
        vehicles: classes of every branch.
        branches: ``global`` and parts.
        parts: for each part its regions.
        places: (4, 4) float, for each region where it lies in an image that has no box of it: corners in shares of
            width and height. They are kept with the weights.
        last_stride: of the trunk's last stage.
        width: numbers in a feature.
        reducers: the 1x1 convolutions: each branch its ``own``, one ``shared`` by all, or ``none`` for parts.
    """

    places: Tensor

    def __init__(
        self,
        backbone: Backbone,
        vehicles: int,
        branches: Sequence[str],
        parts: Mapping[str, Sequence[str]],
        places: Tensor,
        *,
        last_stride: int,
        width: int,
        reducers: Reducers,
    ) -> None:
        super().__init__()
        channels = CHANNELS[backbone]
        self.branches = tuple(branches)
        self.parts = {part: [REGIONS.index(region) for region in regions] for part, regions in parts.items()}
        self.normalise = v2.Normalize(MEAN, STD)
        self.trunk = resnet_trunk(backbone, last_stride)
        reduced = {"own": self.branches, "shared": ("all",), "none": ("global",)}[reducers]
        self.reducers = nn.ModuleDict({name: nn.Conv2d(channels, width, 1) for name in reduced})
        self.reducer_of = {branch: "all" if reducers == "shared" else branch for branch in branches}
        widths = {branch: width if name in self.reducers else channels for branch, name in self.reducer_of.items()}
        self.classifiers = nn.ModuleDict(
            {name: nn.Linear(inside, vehicles, bias=False) for name, inside in widths.items()}
        )
        self.register_buffer("places", torch.empty(len(REGIONS), 4))
        self.places.copy_(places)

    def forward(self, images: Tensor, boxes_regions: Sequence[Tensor] = ()) -> Tensor | dict[str, Tensor]:
        """Return the feature (n, 256), or in training the logits phi^T w (n, v) of every branch.

        Args:
            images: (n, 3, h, w) float, RGB, 0 to 1.
            boxes_regions: for each image (m, 6) of label from 1, score, x0, y0, x1, y1 in pixels, one a region at
                most; looked at in training, and where there is no global branch.
        """
        maps = self.trunk(self.normalise(images))  # phi(x): (n, c, s, s), s = h/16
        features = self._features(maps, boxes_regions, (images.shape[2], images.shape[3]))
        if self.training:
            return {branch: self.classifiers[branch](feature) for branch, feature in features.items()}
        return torch.cat(list(features.values()), dim=1)

    @torch.no_grad()
    def attend(self, images: Tensor, boxes_regions: Sequence[Tensor] = ()) -> Attention:
        """Return each cell's share in the feature, exact but for biases; the arguments are those of ``forward``."""
        maps, size = self.trunk(self.normalise(images)), (images.shape[2], images.shape[3])

        def described(cells: Tensor) -> list[Tensor]:
            return [torch.cat(list(self._features(cells, boxes_regions, size).values()), dim=1)]

        return Attention({"share": shares(maps, described)})

    def _features(self, maps: Tensor, boxes: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """Return the feature (n, 256) of every branch that training, or a test, looks at."""
        pooled: dict[str, Tensor] = {}
        if "global" in self.branches:
            pooled["global"] = maps.mean((2, 3))  # (n, c)
        if self.training or not pooled:
            pooled |= self._local(maps, boxes, size)
        return {branch: self._reduced(branch, found) for branch, found in pooled.items()}

    def _local(self, maps: Tensor, boxes: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """Return phi(x) (*) M_p of equation 2 for every part: the mean over each cell that its regions overlap.

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
        found = torch.cat(list(boxes))  # (m, 6)
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
