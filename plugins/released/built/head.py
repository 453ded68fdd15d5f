"""Finds the classifier of a network, and takes it off."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import UsageError, first_of, in_one_line


def drop_head(network: nn.Module, name: str, size: tuple[int, int]) -> str:
    """Replace a network's classifier by nothing, so that it returns what the classifier received.

    Args:
        network: changed in place.
        name: the path of the classifier in the network; empty for the linear layer whose output the network returns.
        size: height and width of images, to see which layer that is.

    Returns:
        The path.

    Raises:
        UsageError: there is no layer of this path, or the network does not end with a linear layer.
    """
    found = name or _last_linear(network, size)
    parts = dict(network.named_modules())
    if not found or found not in parts:
        ends = list(dict(network.named_children()))[-5:]
        raise UsageError(
            f"the network has no layer '{name}'" if name else "the network does not end with a linear classifier",
            found=f"its last parts are {first_of(ends)}",
            next_step="name the classifier with --set head=NAME, or keep it with --set head=keep",
        )
    network.set_submodule(found, nn.Identity())
    return found


def _last_linear(network: nn.Module, size: tuple[int, int]) -> str:
    """Return the path of the linear layer whose output is the network's own; empty if there is none."""
    given: dict[int, str] = {}
    kept: list[Any] = []  # so that no other tensor gets the number of one that is gone

    def watch(path: str) -> Any:
        def record(_part: nn.Module, _given: object, returned: object) -> None:
            kept.append(returned)
            given[id(returned)] = path

        return record

    handles = [
        part.register_forward_hook(watch(path)) for path, part in network.named_modules() if isinstance(part, nn.Linear)
    ]
    training = network.training
    try:
        with torch.no_grad():
            returned = network.eval()(torch.zeros(1, 3, *size))
    except Exception as problem:  # a network may fail in any way on images of a size that it does not take
        raise UsageError(
            "the network fails on images of this size",
            found=in_one_line(problem, named=True),
            next_step="give the size that it takes with --set input_size=224",
        ) from None
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    return given.get(id(returned), "") if isinstance(returned, Tensor) else ""
