"""Attention: maps of how much each cell of an image counts for a network, and weights of its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import UsageError


@dataclass(frozen=True, eq=False)
class Attention:
    """The attention of a network in n images.

    Attributes:
        maps: (n, h, w) float by name: how much each cell contributes to the feature, negatively if below 0.
        parts: for each image (m, 6) float: label, weight, x0, y0, x1, y1, as the boxes of ``embed`` but with the
            weight of the part in place of the score; None if the network has no parts.
    """

    maps: Mapping[str, Tensor]
    parts: Sequence[Tensor] | None = None


def shares(maps: Tensor, described: Callable[[Tensor], Sequence[Tensor]]) -> Tensor:
    """Return the share of each cell in the descriptor: a class activation map without a class.

    Zhou et al. (CVPR 2016, equation 2) weight the channels of the last map by the weights of a class; here the
    direction of the descriptor y replaces these weights. The share of cell (i, j) is the sum over the channels c of
    X_cij dS/dX_cij, where S is the mean over the features y of <y, y*> / |y*|^2, and y* is y held constant: HiResCAM's
    product of gradient and map (Draelos and Carin, 2020). If every y is linear in X, as means over cells and linear
    layers are, this is exact: the shares and the contribution of the biases b, mean <b, y> / |y|^2, add up to 1.

    Args:
        maps: X, (n, c, h, w).
        described: a function from X to the features, each (n, d) and before normalisation, that are concatenated to
            the descriptor.

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
    """Return the mean over channels of the squared last map (Zagoruyko and Komodakis, ICLR 2017), (n, h, w).

    Args:
        network: any network; its last map is the last (n, c, h, w) output of a module with more than one cell.
        images: (n, 3, height, width).
        needed: further inputs of the network.

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
            f"no module of {type(network).__name__} returns a map over the cells of an image",
            next_step="define the method's own attend(images), which returns a harness.Attention",
        )
    return found[0].square().mean(1)
