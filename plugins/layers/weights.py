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


FROM_CAFFE = (
    "convert it where Caffe is installed, and give --set weights=converted.pth: net = caffe.Net('deploy.prototxt', "
    "'FILE.caffemodel', caffe.TEST); torch.save({f'{layer}.{kind}': torch.tensor(blob.data) for layer, blobs in "
    "net.params.items() for kind, blob in zip(('weight', 'bias'), blobs)}, 'converted.pth')"
)
"""How to convert a file of Caffe's."""


def read_weights(path: Path, holding: str = "tensors by name") -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, or of a torch.save file of nothing but tensors.

    Args:
        path: the file.
        holding: what a file for this network holds, in words.

    Raises:
        CheckpointError: no such file, a damaged one, one of Caffe's, or a pickle that would execute code.
    """
    if not path.is_file():
        raise CheckpointError(
            "no such weights file",
            where=path,
            expected="a file, 'imagenet' or 'none'",
            next_step="give it with --set weights=FILE",
        )
    if path.suffix.lower() == ".caffemodel":
        raise CheckpointError(
            "a file of Caffe's cannot be read as it is",
            where=path,
            expected=f"a file of torch.save or safetensors with {holding}",
            next_step=FROM_CAFFE,
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of files that it then reads or refuses
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise CheckpointError(
            "the weights file holds more than tensors, and reading it could execute code",
            where=path,
            expected="a state dict, as written by torch.save or safetensors",
            next_step="if you trust it, load it yourself and save only its state_dict()",
        ) from None
    except Exception as problem:  # the unpickler fails on damaged bytes in a dozen ways
        found = f"{type(problem).__name__}: {problem}".partition("\n")[0]
        raise CheckpointError("the weights file is damaged", where=path, found=found) from None
    return _state_dict(state, path)


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
