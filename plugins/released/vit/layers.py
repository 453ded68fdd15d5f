"""What the vision transformers have in common: attention between tokens, and a grid of patches with its embeddings."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def attend(mixed: Tensor, heads: int, scale: float | None = None) -> Tensor:
    """Return scaled dot-product attention between the tokens of each image (Vaswani et al., 2017, section 3.2).

    Args:
        mixed: (n, tokens, 3 d): the queries, the keys and the values of all heads side by side.
        heads: the number of heads, which divides d.
        scale: the factor of the products; None for 1 / sqrt(d / heads).

    Returns:
        (n, tokens, d).
    """
    images, tokens, width = mixed.shape
    query, key, value = mixed.reshape(images, tokens, 3, heads, width // (3 * heads)).permute(2, 0, 3, 1, 4)
    found = functional.scaled_dot_product_attention(query, key, value, scale=scale)
    return found.transpose(1, 2).reshape(images, tokens, width // 3)


def tokens_of(maps: Tensor, first: Tensor) -> Tensor:
    """Return a grid of patches, (n, d, rows, columns), row by row behind the class token: (n, 1 + patches, d)."""
    patches = maps.flatten(2).transpose(1, 2)
    return torch.cat([first.reshape(1, 1, -1).expand(len(patches), -1, -1), patches], dim=1)


def resized(positions: Tensor, before: tuple[int, int], after: tuple[int, int]) -> Tensor:
    """Return positional embeddings for another grid, as the released codes resize those of ImageNet: bilinearly.

    Args:
        positions: (1 + rows x columns, d): the class token's, which stays as it is, and the patches' row by row.
        before: the rows and columns that these are.
        after: the rows and columns that are wanted.

    Returns:
        (1 + rows x columns wanted, d).
    """
    if before == after:
        return positions
    grid = positions[1:].reshape(1, *before, -1).permute(0, 3, 1, 2).to(torch.float32)
    wanted = functional.interpolate(grid, size=after, mode="bilinear")
    return torch.cat([positions[:1], wanted.flatten(2)[0].T.to(positions.dtype)])
