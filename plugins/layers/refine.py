"""PGAN's Refine (section 3.4): an SE block and a residual block that reduce a map to a smaller feature."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """An SE block (Hu et al., 2018): mean over the cells, linear, ReLU, linear, sigmoid, times the map.

    The linear layers have no biases, and start from Kaiming normal by their outputs (R).
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden, bias=False)
        self.fc2 = nn.Linear(hidden, channels, bias=False)
        for layer in (self.fc1, self.fc2):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")

    def forward(self, maps: Tensor) -> Tensor:
        """Return the weighed maps (n, channels, h, w)."""
        hidden = torch.relu(self.fc1(maps.mean((2, 3))))  # (n, hidden)
        weights = torch.sigmoid(self.fc2(hidden))  # (n, channels)
        return maps * weights[:, :, None, None]


class Bottleneck(nn.Module):
    """A pre-activation residual block (He et al., 2016, "Identity Mappings", figure 1b).

    Branch: BN, ReLU, 1x1 to a quarter of the channels; BN, ReLU, 3x3; BN, ReLU, 1x1. Shortcut: 1x1, of the output of
    the first BN and ReLU, as in that paper's blocks that change the number of channels. The convolutions have no
    biases, and start from Kaiming normal by their inputs (R).
    """

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        middle = outside // 4
        self.norm1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, middle, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, outside, 1, bias=False)
        self.shortcut = nn.Conv2d(inside, outside, 1, bias=False)
        for layer in (self.conv1, self.conv2, self.conv3, self.shortcut):
            nn.init.kaiming_normal_(layer.weight, mode="fan_in")

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, outside, h, w) of (n, inside, h, w)."""
        maps = torch.relu(self.norm1(maps))  # (n, inside, h, w)
        branch = self.conv1(maps)  # (n, outside / 4, h, w)
        branch = self.conv2(torch.relu(self.norm2(branch)))  # (n, outside / 4, h, w)
        branch = self.conv3(torch.relu(self.norm3(branch)))  # (n, outside, h, w)
        refined: Tensor = branch + self.shortcut(maps)
        return refined


class Refine(nn.Module):
    """SE block (reduction 8), residual block, mean over the cells."""

    def __init__(self, inside: int, outside: int, reduction: int = 8) -> None:
        super().__init__()
        self.squeeze = SqueezeExcitation(inside, inside // reduction)
        self.block = Bottleneck(inside, outside)

    def forward(self, maps: Tensor) -> Tensor:
        """Return features (n, outside) of maps (n, inside, h, w)."""
        maps = self.squeeze(maps)  # (n, inside, h, w)
        feature: Tensor = self.block(maps).mean((2, 3))
        return feature
