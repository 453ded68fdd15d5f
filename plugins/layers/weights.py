"""Pretrained weights: torchvision's for ImageNet, or a file of the user, read without executing code."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import models

from harness.errors import CheckpointError, first_of


def load_trunk(trunk: nn.Module, backbone: str, source: str, *, ignore: tuple[str, ...] = ("fc.",)) -> None:
    """Load weights (``imagenet``, the path of a file, or ``none`` for no change) under torchvision's names.

    Raises:
        CheckpointError: the weights cannot be loaded, would execute code, or are of another network.
    """
    if source == "none":
        return
    state = imagenet(backbone) if source == "imagenet" else read_weights(Path(source))
    fill(trunk, {name: tensor for name, tensor in state.items() if not name.startswith(ignore)}, source)


def imagenet(backbone: str) -> dict[str, Tensor]:
    """Return torchvision's first ImageNet-1K weights, those of the papers' time, from its cache or the web.

    Raises:
        CheckpointError: they are neither in the cache nor can be downloaded.
    """
    weights = models.get_model_weights(backbone)["IMAGENET1K_V1"]
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as problem:
        raise CheckpointError(
            f"the ImageNet weights of {backbone} cannot be downloaded",
            where=weights.url,
            found=problem,
            next_step="train from scratch with --set weights=none, or download that file elsewhere and give it "
            "with --set weights=FILE",
        ) from None
    return state


NOT_FROM_CAFFE = "give the network's weights under torchvision's names, or use --set weights=imagenet"
"""What to do instead of giving a file of Caffe's."""


def read_weights(
    path: Path,
    holding: str = "tensors by torchvision's names",
    *,
    instead: str = "'imagenet' or 'none'",
    from_caffe: str = NOT_FROM_CAFFE,
) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, or of a torch.save file of nothing but tensors.

    Args:
        path: the file.
        holding: what a file for this network holds, for messages.
        instead: what may be given in place of a file, for messages.
        from_caffe: the next step of somebody who gives one of Caffe's, for messages.

    Raises:
        CheckpointError: no such file, a damaged one, one of Caffe's, or a pickle that would execute code.
    """
    if not path.is_file():
        raise CheckpointError(
            "no such weights file",
            where=path,
            expected=f"a file with {holding}, or {instead}",
            next_step="give it with --set weights=FILE",
        )
    if path.suffix.lower() == ".caffemodel":
        raise CheckpointError(
            "a file of Caffe's cannot be read as it is",
            where=path,
            expected=f"a file of torch.save or safetensors with {holding}",
            next_step=from_caffe,
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of files that it then reads or refuses
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # the unpickler fails on damaged bytes in a dozen ways
        raise _unreadable(path, problem) from None
    return _state_dict(state, path)


def _unreadable(path: Path, problem: Exception) -> CheckpointError:
    """Return the error for a file that torch or safetensors refuses."""
    with path.open("rb") as file:
        first = file.read(4)
    if path.suffix != ".safetensors" and not first.startswith((pickle.PROTO, b"PK\x03\x04")):  # a pickle, a zip
        return CheckpointError(
            "the weights file is not a file of torch.save or safetensors",
            where=path,
            expected="a file that torch.save wrote, or one of safetensors with the suffix .safetensors",
        )
    if isinstance(problem, pickle.UnpicklingError):  # of a zip, torch unpickles its data.pkl only
        return CheckpointError(
            "the weights file holds more than tensors, and reading it could execute code",
            where=path,
            expected="a state dict, as written by torch.save or safetensors",
            next_step="if you trust it, load it yourself and save only its state_dict()",
        )
    found = f"{type(problem).__name__}: {problem}".partition("\n")[0]
    return CheckpointError("the weights file is damaged", where=path, found=found)


def _state_dict(loaded: object, path: Path) -> dict[str, Tensor]:
    """Return the tensors of a state dict, or of a dict with one under ``state_dict``."""
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise CheckpointError(
            "the weights file holds no state dict", where=path, found=type(state).__name__, expected="tensors by name"
        )
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}


def fill(network: nn.Module, state: dict[str, Tensor], source: object) -> None:
    """Load every tensor of ``network`` from ``state``, which must have exactly these.

    Raises:
        CheckpointError: names or shapes differ; the message lists them, and nothing is loaded.
    """
    own = network.state_dict()
    missing = sorted(name for name in own.keys() - state.keys() if not name.endswith("num_batches_tracked"))
    other = sorted(
        f"{name} {tuple(state[name].shape)} in place of {tuple(own[name].shape)}"
        for name in own.keys() & state.keys()
        if own[name].shape != state[name].shape
    )
    for difference, names in (
        ("lack tensors", missing),
        ("hold unknown tensors", sorted(state.keys() - own.keys())),
        ("have tensors of another shape", other),
    ):
        if names:
            raise CheckpointError(
                f"the weights are of another network: they {difference}", where=source, found=first_of(names, 5)
            )
    network.load_state_dict(state, strict=False)
