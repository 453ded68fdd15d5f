"""CBAM (Woo et al., 2018): attention over the channels of a map, then over its cells."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelAttention(nn.Module):
    """Equation 2: M_c(X) = sigmoid(W1 relu(W0 avg(X)) + W1 relu(W0 max(X))), with W0 and W1 shared.

    Open: biases of W0 and W1. Here they have none, as the equation has none.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.squeeze = nn.Conv2d(channels, hidden, 1, bias=False)
        self.excite = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the weights (n, c, 1, 1), between 0 and 1, of maps (n, c, h, w)."""
        average = maps.mean((2, 3), keepdim=True)
        maximum = maps.amax((2, 3), keepdim=True)
        return torch.sigmoid(self._shared(average) + self._shared(maximum))

    def _shared(self, pooled: Tensor) -> Tensor:
        weights: Tensor = self.excite(torch.relu(self.squeeze(pooled)))
        return weights


class SpatialAttention(nn.Module):
    """Equation 3: M_s(X) = sigmoid(f7x7([mean over channels, maximum over channels])).

    Open: a bias and a normalisation of the convolution. Here it has neither, as the equation has neither.
    """

    def __init__(self, side: int = 7) -> None:
        super().__init__()
        self.mix = nn.Conv2d(2, 1, side, padding=side // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the weights (n, 1, h, w), between 0 and 1, of maps (n, c, h, w)."""
        pooled = torch.cat((maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)), dim=1)
        return torch.sigmoid(self.mix(pooled))


class CBAM(nn.Module):
    """Equation 1, both in sequence and without a residual: X' = M_c(X) * X, X'' = M_s(X') * X'."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.channel = ChannelAttention(channels, reduction)
        self.spatial = SpatialAttention()

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (n, c, h, w) weighted by channel and by cell."""
        maps = self.channel(maps) * maps
        weighted: Tensor = self.spatial(maps) * maps
        return weighted

    def cells(self, maps: Tensor) -> Tensor:
        """Return M_s, the weight of each cell (n, h, w), between 0 and 1, of maps (n, c, h, w)."""
        weights: Tensor = self.spatial(self.channel(maps) * maps)
        return weights[:, 0]
