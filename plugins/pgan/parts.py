"""PGAN's parts: masks from boxes (equation 1), part attention (equation 4) and the guided map (equation 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.rnn import pad_sequence

from plugins.layers.cells import overlapped_cells

CellRule = Literal["overlap", "centre"]

WHOLE: Any = None
"""Torch's ``dim`` of a weight norm with one length for the whole matrix, which its types do not know."""


class Parts(NamedTuple):
    """The attention of a batch.

    Attributes:
        weights: w, (n, D): positive for parts that cover cells, with a sum of 1; 0 for the others.
        masks: M, (n, D, h, w) of 0 and 1.
        heat: mean of F_p over its channels, (n, h, w), as in the paper's figures 4 and 5.
    """

    weights: Tensor
    masks: Tensor
    heat: Tensor


def part_masks(
    boxes: Sequence[Tensor], count: int, size: tuple[int, int], cells: tuple[int, int], rule: CellRule = "overlap"
) -> Tensor:
    """Return the masks M_i of the surest boxes of any class (equation 1).

    Open: which cells belong to a part. ``overlap`` takes every cell that the box overlaps, and at least one; ``centre``
    takes the cells whose centre is in the box, possibly none. If an image has fewer boxes, its last masks are empty.

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
    present = torch.arange(count) < torch.tensor([[len(found)] for found in chosen])  # (n, D)
    inside = (overlapped_cells if rule == "overlap" else _centred_cells)(corners, size, cells)  # (n, D, h, w)
    return (inside & present.to(corners.device)[:, :, None, None]).to(torch.float32)


def _centred_cells(corners: Tensor, size: tuple[int, int], cells: tuple[int, int]) -> Tensor:
    """Return the cells whose centre is in a box, with the arguments and shape of ``overlapped_cells``."""
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


def normalised(scores: Tensor, present: Tensor) -> Tensor:
    """Return the softmax over the parts that are present (equation 4).

    Open: a part without a cell. Here its weight is 0 and the others sum to 1; in an image without any part all weights
    are 0 and F_p is F_g.

    Args:
        scores: psi, (n, D).
        present: (n, D) bool.

    Returns:
        (n, D) float32.
    """
    lowest = torch.finfo(torch.float32).min  # minus infinity would give NaN for an image without parts
    return scores.float().masked_fill(~present, lowest).softmax(1) * present


class PartAttention(nn.Module):
    """psi of equation 4 (figure 2): FC with weight norm, layer norm, ReLU, FC with weight norm, channel-wise mean.

    A weight norm (Salimans and Kingma, 2016) has one length for its whole matrix, and an FC no biases (R). The scores
    are multiplied by the temperature before the softmax (R). Open: the first weights of the two FCs, here torch's.
    """

    def __init__(self, channels: int, hidden: int, temperature: float) -> None:
        super().__init__()
        self.squeeze = weight_norm(nn.Linear(channels, hidden, bias=False), dim=WHOLE)
        self.norm = nn.LayerNorm(hidden)
        self.excite = weight_norm(nn.Linear(hidden, channels, bias=False), dim=WHOLE)
        self.temperature = temperature

    def forward(self, pooled: Tensor) -> Tensor:
        """Return the scores (n, D), times the temperature, of the parts' means (n, D, c)."""
        hidden = torch.relu(self.norm(self.squeeze(pooled)))  # (n, D, hidden)
        scores: Tensor = self.excite(hidden).mean(2)  # (n, D, c) to (n, D)
        return self.temperature * scores
