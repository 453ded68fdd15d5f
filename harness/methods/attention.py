"""What a network looks at: maps over the cells of an image, and the weights of its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import UsageError


@dataclass(frozen=True, eq=False)
class Attention:
    """What a network looks at in n images.

    Attributes:
        maps: by name, (n, h, w) float: how much each cell counts; what is negative speaks against the feature.
        parts: for each image (m, 6) float: label, weight, x0, y0, x1, y1, as ``embed`` takes boxes, with the part's
            weight in the score's place; None where the network knows no parts.
    """

    maps: Mapping[str, Tensor]
    parts: Sequence[Tensor] | None = None


def shares(maps: Tensor, described: Callable[[Tensor], Sequence[Tensor]]) -> Tensor:
    """Return the share that each cell has in the descriptor: a class activation map without a class.

    Zhou et al. (CVPR 2016, equation 2) weigh the last map's channels by a class's weights; a descriptor y has its own
    direction in their place. The share of cell (i, j) is the sum over the channels c of X_cij dS/dX_cij, where S is
    the mean over the features y of <y, y*> / |y*|^2, and y* is y held constant: HiResCAM's product of gradient and
    map (Draelos and Carin, 2020). Where every y is linear in X, as a mean over the cells and linear layers are,
    nothing is approximated: the shares and what the biases bring, mean <b, y> / |y|^2, have the sum 1.

    Args:
        maps: X, (n, c, h, w).
        described: from X to the features, (n, d) each, that the descriptor has side by side, each as it is before it
            is brought to a length.

    Returns:
        (n, h, w).
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        cells = maps.detach().clone().requires_grad_()
        total = torch.zeros(len(maps), device=maps.device)
        features = described(cells)
        for feature in features:
            direction = feature.detach()
            length = direction.square().sum(1).clamp(min=torch.finfo(direction.dtype).tiny)
            total = total + (feature * direction).sum(1) / length / len(features)
        (gradient,) = torch.autograd.grad(total.sum(), cells)
    return (gradient * maps).sum(1)


@torch.no_grad()
def energy(network: nn.Module, images: Tensor, **needed: Any) -> Tensor:
    """Return the mean over the channels of the last map's squares (Zagoruyko and Komodakis, ICLR 2017), (n, h, w).

    Args:
        network: any; the last map is the last (n, c, h, w) of more than one cell that one of its modules returns.
        images: (n, 3, height, width).
        needed: what else the network takes.

    Raises:
        UsageError: the network has no map.
    """
    found: list[Tensor] = []

    def keep(_module: nn.Module, _given: object, returned: object) -> None:
        if isinstance(returned, Tensor) and returned.ndim == 4 and returned.shape[2:].numel() > 1:
            found[:] = [returned]

    hooks = [module.register_forward_hook(keep) for module in network.modules()]
    try:
        network(images, **needed)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise UsageError(
            f"nothing in {type(network).__name__} returns a map over the cells of an image",
            next_step="write the method's own attend(images), see harness/methods/attention.py",
        )
    return found[0].square().mean(1)
