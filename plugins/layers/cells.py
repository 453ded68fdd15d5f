"""Cells of a feature map: the cells that a box overlaps, and means over cells."""

from __future__ import annotations

import torch
from torch import Tensor

EDGE = 1e-3
"""Pixels by which a box may reach into a cell without overlapping it; rounding moves an edge by less."""


def overlapped_cells(corners: Tensor, size: tuple[int, int], cells: tuple[int, int]) -> Tensor:
    """Return the cells that a box overlaps, and at least one; a shared edge is no overlap.

    Args:
        corners: (..., 4) float of x0, y0, x1, y1 in pixels, of boxes in the image that are not empty.
        size: height and width of the image in pixels.
        cells: rows and columns of an even grid over the image.

    Returns:
        (..., rows, columns) bool.
    """
    x0, y0, x1, y1 = corners.unbind(-1)
    rows = _overlapped(y0, y1, size[0], cells[0])
    columns = _overlapped(x0, x1, size[1], cells[1])
    return rows[..., :, None] & columns[..., None, :]


def _overlapped(low: Tensor, high: Tensor, length: int, count: int) -> Tensor:
    """Return whether each of ``count`` equal pieces of a length is between two edges (...): (..., count) bool."""
    step = length / count
    first = ((low + EDGE) / step).floor().clamp(0, count - 1)
    last = torch.maximum(first, ((high - EDGE) / step).ceil() - 1)
    pieces = torch.arange(count, device=low.device)
    return (first[..., None] <= pieces) & (pieces <= last[..., None])


def mean_over(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the mean of a map over each mask's cells.

    Args:
        maps: (n, c, h, w).
        masks: (n, p, h, w) of 0 and 1, or bool.

    Returns:
        (n, p, c); zeros for an empty mask.
    """
    masks = masks.to(maps.dtype).flatten(2)  # (n, p, h w)
    sums = masks @ maps.flatten(2).transpose(1, 2)  # (n, p, c)
    return sums / masks.sum(2, keepdim=True).clamp(min=1)
