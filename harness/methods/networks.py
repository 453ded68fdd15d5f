"""The networks that a method holds, wherever its author keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from types import ModuleType

import torch
from torch import nn

DEEPEST = 8
"""How deep attributes, lists and dictionaries are searched."""


def networks_of(method: object) -> dict[str, nn.Module]:
    """Return the networks that a method holds, by where: ``model``, ``nets[0]``, ``parts.head``; each once.

    A network within another one belongs to that one. The method itself is one, named ``""``, if it is an ``nn.Module``.
    """
    return dict(_held(method, "", set(), 0))


def digest_of(networks: Mapping[str, nn.Module]) -> str | None:
    """Return the SHA-256 of the parameters and buffers of some networks; None if there are none."""
    if not networks:
        return None
    hasher = hashlib.sha256()
    for place, network in sorted(networks.items()):
        for name, tensor in sorted(network.state_dict().items()):
            if not isinstance(tensor, torch.Tensor):  # what set_extra_state is given may be anything
                continue
            values = tensor.detach().cpu().contiguous()
            hasher.update(f"{place}\0{name}\0{values.dtype}\0{tuple(values.shape)}\0".encode())
            hasher.update(values.flatten().view(torch.uint8).numpy().tobytes())
    return hasher.hexdigest()


def _held(found: object, place: str, seen: set[int], depth: int) -> Iterator[tuple[str, nn.Module]]:
    if id(found) in seen or depth > DEEPEST:
        return
    seen.add(id(found))
    if isinstance(found, nn.Module):
        seen.update(map(id, found.modules()))
        yield place, found
    elif isinstance(found, Mapping):
        for name, part in found.items():
            yield from _held(part, f"{place}[{name!r}]", seen, depth + 1)
    elif isinstance(found, list | tuple | set | frozenset):
        for number, part in enumerate(found):
            yield from _held(part, f"{place}[{number}]", seen, depth + 1)
    elif hasattr(found, "__dict__") and not isinstance(found, type | ModuleType) and not callable(found):
        for name, part in vars(found).items():
            yield from _held(part, f"{place}.{name}" if place else name, seen, depth + 1)
