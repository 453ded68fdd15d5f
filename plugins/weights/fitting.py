"""Fits the tensors of a file into a network, or says how the two differ and what the file looks like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from harness.errors import CheckpointError, first_of
from plugins.weights.formats import resemblance

SHOWN = 3
"""How many tensors of each kind of difference a message names."""

SHARE = 0.8
"""The share of a network's tensors that a file must have without a prefix for this to be proposed."""


def fill(network: nn.Module, state: Mapping[str, Tensor], source: object) -> None:
    """Load every tensor of ``network`` from ``state``, which must have exactly these; nothing is loaded otherwise.

    A count of batches, which files of 2016 lack and no feature depends on, may be missing or of any kind. A network on
    the ``meta`` device, whose numbers were never allocated, takes the tensors themselves, as float32 where they are
    floats.

    Raises:
        CheckpointError: names, shapes or kinds of numbers differ, such as int8 of a quantised file in place of floats;
            the message has the first missing, unknown, misshapen and unfitting tensors, the format that the file looks
            like, and a prefix without which it would fit.
    """
    own = network.state_dict()
    missing = [name for name in own if name not in state and not _counts(name)]
    unknown = [name for name in state if name not in own]
    other = [
        f"{name} {tuple(state[name].shape)} in place of {tuple(own[name].shape)}"
        for name in own
        if name in state and own[name].shape != state[name].shape
    ]
    odd = [
        f"{name} {_word(state[name])} in place of {_word(own[name])}"
        for name in own
        if name in state and _kind(own[name]) != _kind(state[name]) and not _counts(name)
    ]
    differences = [
        f"{word}: {first_of(names, SHOWN)}"
        for word, names in (
            ("missing", missing),
            ("unknown", unknown),
            ("of another shape", other),
            ("of another kind of numbers", odd),
        )
        if names
    ]
    if differences:
        raise CheckpointError(
            "the weights are of another network",
            where=source,
            found=f"{len(state):,} tensors; " + "; ".join(differences),
            expected=f"the {len(own):,} tensors of the network",
            next_step=advice(own, state),
        )
    if not any(tensor.is_meta for tensor in own.values()):
        network.load_state_dict(dict(state), strict=False)
        return
    taken = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    counts = {name: torch.tensor(0, device="cpu") for name in own if _counts(name)}
    network.load_state_dict({**taken, **counts}, assign=True)


def _counts(name: str) -> bool:
    """Return whether a tensor is a normalisation's count of batches."""
    return name.endswith("num_batches_tracked")


def _kind(tensor: Tensor) -> str:
    """Return what numbers of a tensor are, whatever bits each has."""
    if tensor.is_floating_point() or tensor.is_complex():
        return "complex" if tensor.is_complex() else "float"
    return "bool" if tensor.dtype == torch.bool else "integer"


def _word(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def advice(own: Collection[str], state: Mapping[str, Tensor]) -> str | None:
    """Return what to do with a file whose names are not those of the network; None if nothing is known."""
    prefix = prefix_to_strip(own, state)
    fits = f"without the prefix '{prefix}' the names would fit: --method torch takes --set strip={prefix}"
    return "; ".join(filter(None, (resemblance(state), fits if prefix else None))) or None


def prefix_to_strip(own: Collection[str], names: Collection[str]) -> str:
    """Return the prefix without which most of a network's names are in a file; empty if there is none."""
    wanted = {name for name in own if not _counts(name)}
    have = len(wanted & set(names))
    counted: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        for place in range(1, min(len(parts), 4)):
            if ".".join(parts[place:]) in wanted:
                counted[".".join(parts[:place]) + "."] += 1
    prefix, count = counted.most_common(1)[0] if counted else ("", 0)
    return prefix if count >= SHARE * len(wanted) and count > have else ""
