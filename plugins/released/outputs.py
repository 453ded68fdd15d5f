"""The features in what a network returns: one tensor, or one of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from harness.errors import BenchError, CheckpointError


def features_in(
    found: Any,
    images: int,
    wanted: str,
    where: object,
    error: type[BenchError] = CheckpointError,
    *,
    advice: str = "",
) -> Tensor:
    """Return the features in what a network returned.

    Args:
        found: a tensor, or tensors in a list, a tuple or a mapping.
        images: the number of images, n.
        wanted: the number, from 0, or the key of the tensor among several; empty if there is but one.
        where: of the network, for messages.
        error: the class of the error.
        advice: the next step if the tensor holds no features.

    Returns:
        (n, d) float32.

    Raises:
        BenchError: it holds no features, or several tensors of which none is chosen.
    """
    named = _named(found)
    if wanted and wanted in named:
        features = named[wanted]
    elif not wanted and len(named) == 1:
        (features,) = named.values()
    else:
        shown = "; ".join(f"{name}: {_shown(one)}" for name, one in named.items())
        raise error(
            f"the network returns no tensor '{wanted}'" if wanted else "the network does not return one tensor",
            where=where,
            found=shown or type(found).__name__,
            expected="float (n, d)",
            next_step=f"choose one with --set output={next(iter(named))}" if named else None,
        )
    if features.ndim > 2 and set(features.shape[2:]) == {1}:  # pooled, but not flattened
        features = features.flatten(1)
    if features.ndim != 2 or len(features) != images or not features.is_floating_point():
        raise error(
            "the network returns no features",
            where=where,
            found=_shown(features),
            expected=f"float ({images}, d): one row for each image",
            next_step=advice or "use the network with its pooled feature as its output",
        )
    return features.to(torch.float32)


def _named(found: Any) -> dict[str, Tensor]:
    if isinstance(found, Tensor):
        return {"0": found}
    if isinstance(found, Mapping):
        return {str(name): one for name, one in found.items() if isinstance(one, Tensor)}
    if isinstance(found, list | tuple):
        return {str(number): one for number, one in enumerate(found) if isinstance(one, Tensor)}
    return {}


def _shown(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
