"""PGAN's parts: masks from boxes (equation 1), their attention (equation 4), and the map they guide (equation 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.rnn import pad_sequence

from plugins.cells import overlapped_cells

CellRule = Literal["overlap", "centre"]


class Parts(NamedTuple):
    """The attention that a batch gets.

    Attributes:
        weights: w, (n, D): positive where a part covers cells, and of sum 1 over those; 0 where there is none.
        masks: M, (n, D, h, w) of 0 and 1.
        heat: F_p, its mean over the channels, (n, h, w): what the paper's figures 4 and 5 draw.
    """

    weights: Tensor
    masks: Tensor
    heat: Tensor


def part_masks(
    boxes: Sequence[Tensor], count: int, size: tuple[int, int], cells: tuple[int, int], rule: CellRule = "overlap"
) -> Tensor:
    """Return the masks M_i of the surest boxes (equation 1), their class ignored.

    Open: which cells are inside a part. ``overlap`` takes every cell that the box overlaps, and at least one;
    ``centre`` those whose centre lies in the box, which may be none. An image with fewer boxes has empty masks
    in place of the others.

    Args:
        boxes: of each of n images (m, 6) of label, score, x0, y0, x1, y1 in pixels, the surest first.
        count: D.
        size: height and width of the images in pixels.
        cells: height and width of the map, h and w.
        rule: from a box to cells.

    Returns:
        (n, D, h, w) float32 of 0 and 1.
    """
    chosen = [found[:count, 2:6] for found in boxes]
    corners = pad_sequence([chosen[0].new_zeros(count, 4), *chosen], batch_first=True)[1:]  # (n, D, 4)
    there = torch.arange(count) < torch.tensor([[len(found)] for found in chosen])  # (n, D)
    inside = (overlapped_cells if rule == "overlap" else _centred_cells)(corners, size, cells)  # (n, D, h, w)
    return (inside & there.to(corners.device)[:, :, None, None]).to(torch.float32)


def _centred_cells(corners: Tensor, size: tuple[int, int], cells: tuple[int, int]) -> Tensor:
    """Return the cells whose centre lies in a box, as ``overlapped_cells`` returns those that it overlaps."""
    x0, y0, x1, y1 = corners[..., None].unbind(-2)  # (n, D, 1) each
    y, x = (
        (torch.arange(count, device=corners.device) + 0.5) * (side / count)
        for side, count in zip(size, cells, strict=True)
    )
    rows, columns = (y0 <= y) & (y < y1), (x0 <= x) & (x < x1)  # (n, D, h) and (n, D, w)
    return rows[..., :, None] & columns[..., None, :]


def guided(maps: Tensor, attention: Tensor) -> Tensor:
    """Return F_p = sum over i of w_i F_i + F_g, with F_i = M_i * F_g (equations 2 and 3).

    Args:
        maps: F_g, (n, c, h, w).
        attention: the sum over i of w_i M_i, (n, h, w).

    Returns:
        (n, c, h, w).
    """
    return maps * attention[:, None].to(maps.dtype) + maps


def normalised(scores: Tensor, there: Tensor) -> Tensor:
    """Return the softmax over the parts that are there (equation 4).

    Open: a part without a cell. Here it has no weight and takes none from the others; where an image has no
    part at all, all weights are 0 and F_p is F_g.

    Args:
        scores: psi, (n, D).
        there: (n, D) bool.

    Returns:
        (n, D) float32.
    """
    lowest = torch.finfo(torch.float32).min  # minus infinity would give NaN where no part is there
    return scores.float().masked_fill(~there, lowest).softmax(1) * there


class PartAttention(nn.Module):
    """psi of equation 4 (figure 2): FC with weight norm, layer norm, ReLU, FC with weight norm, channel-wise mean.

    Open: the weight norm's length is one number a row, as Salimans and Kingma (2016) have it. Open in the paper
    and in the released recipe's words: the temperature of 10. The scores are multiplied by it, since means
    over 2048 numbers, divided by 10, would leave all weights alike.
    """

    def __init__(self, channels: int, hidden: int, temperature: float) -> None:
        super().__init__()
        self.squeeze = weight_norm(nn.Linear(channels, hidden, bias=False))
        self.norm = nn.LayerNorm(hidden)
        self.excite = weight_norm(nn.Linear(hidden, channels, bias=False))
        self.temperature = temperature

    def forward(self, pooled: Tensor) -> Tensor:
        """Return scores (n, D), the temperature in them, of the parts' means (n, D, c)."""
        hidden = torch.relu(self.norm(self.squeeze(pooled)))  # (n, D, hidden)
        scores: Tensor = self.excite(hidden).mean(2)  # (n, D, c) to (n, D)
        return self.temperature * scores
