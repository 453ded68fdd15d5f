"""Reads the weights of a file by name: safetensors, and torch.save in both its forms; nothing is executed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.basics.foreign import Foreign
from harness.errors import CheckpointError, first_of
from plugins.weights.archives import open_contents
from plugins.weights.kinds import check_regular, form_of
from plugins.weights.pickles import WantsCode
from plugins.weights.states import state_in
from plugins.weights.values import Damaged

NOT_FROM_CAFFE = "give the network's weights under torchvision's names, or use --set weights=imagenet"
"""What to do instead of giving a file of Caffe's."""

CONVERT = "'bench weights convert {path} OUT.safetensors' takes the tensors out without running anything"

PREFIXES = ("module.", "_orig_mod.")
"""What torch's wrappers for several devices and for compiled networks put before every name."""


def unwrapped(name: str, own: Collection[str] = ()) -> str:
    """Return the name of a tensor without the prefixes of torch's wrappers, as far as it is none of the network's own.

    Example:
        >>> unwrapped("module._orig_mod.fc.weight"), unwrapped("module.module.fc.weight", own=["module.fc.weight"])
        ('fc.weight', 'module.fc.weight')
    """
    while name not in own and name.startswith(PREFIXES):
        name = name.partition(".")[2]
    return name


def read_weights(
    path: Path,
    holding: str = "the network's tensors by name",
    *,
    instead: str = "",
    from_caffe: str = NOT_FROM_CAFFE,
    named: Callable[[str], str] = unwrapped,
) -> dict[str, Tensor]:
    """Return the tensors of a file by name, on the processor, without the prefixes of torch's wrappers.

    The file is one of safetensors or of torch.save. Of the latter the state dict is taken, which may lie in a
    dictionary under a usual name: ``model``, ``state_dict``, ``net``. No code of the file is executed.

    Args:
        path: the file.
        holding: what a file for this network holds, for messages.
        instead: what may be given in place of a file, for messages.
        from_caffe: the next step of somebody who gives one of Caffe's, for messages.
        named: the name for one of the file; ``str`` leaves all names as they are.

    Raises:
        CheckpointError: no such file, a damaged one, one that holds no weights, one that needs code to be read, or a
            number that is not finite.
    """
    check_regular(path, holding, instead)
    form = form_of(path)
    if isinstance(form, Foreign):
        next_step = from_caffe if form.word == "caffe" else form.next_step
        raise CheckpointError(
            f"the weights file is {form.what}",
            where=path,
            expected=f"a file of torch.save or safetensors with {holding}",
            next_step=next_step,
        )
    try:
        state = renamed(_safetensors(path) if form == "safetensors" else _saved(path, form == "zip"), named, path)
    except WantsCode as wanted:
        raise CheckpointError(
            "the weights file holds more than tensors and plain values, and only code could read it",
            where=path,
            found=wanted,
            expected="a state dict, as torch.save or safetensors write it",
            next_step=CONVERT.format(path=path),
        ) from None
    except (Damaged, OSError) as problem:
        raise CheckpointError(
            "the weights file is damaged",
            where=path,
            found=problem.strerror if isinstance(problem, OSError) else problem,
            next_step="copy or download it again",
        ) from None
    _check_finite(state, path)
    return state


def _safetensors(path: Path) -> dict[str, Tensor]:
    with open_safetensors(path, "pt") as file:
        return {name: file.get_tensor(name) for name in sorted(file.keys())}


@contextmanager
def open_safetensors(path: Path, framework: str) -> Iterator[Any]:
    """Open a file of safetensors for ``pt`` or ``np``; whatever is wrong with it is raised as ``Damaged``."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as problem:
        raise Damaged(str(problem).partition("\n")[0][:200]) from None


def metadata_of(path: Path) -> dict[str, str]:
    """Return the words that a file of safetensors says about itself; none for a damaged or missing one, or another."""
    if not path.is_file() or form_of(path) != "safetensors":
        return {}
    try:
        with open_safetensors(path, "pt") as file:
            return dict(file.metadata() or {})
    except Damaged:
        return {}


def _saved(path: Path, zipped: bool) -> dict[str, Tensor]:
    with open_contents(path, zipped=zipped) as contents:
        found = state_in(contents.value)
        if isinstance(found, str):
            raise CheckpointError(
                "the weights file holds no state dict", where=path, found=found, expected="tensors by name"
            )
        return {name: _tensor(*contents.numbers(one)) for name, one in found.items()}


def _tensor(kind: Any, numbers: Any) -> Tensor:
    copied = torch.from_numpy(numbers.copy())
    return copied.view(torch.bfloat16) if kind is not None and kind.word == "bfloat16" else copied


def renamed(state: Mapping[str, Tensor], named: Callable[[str], str], path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by other names.

    Raises:
        CheckpointError: two tensors then have one name.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        short = named(name)
        if short in found:
            raise CheckpointError(
                "two tensors of the weights file have one name", where=path, found=f"{short}, with and without a prefix"
            )
        found[short] = tensor
    return found


def _check_finite(state: Mapping[str, Tensor], path: Path) -> None:
    bad = [name for name, tensor in state.items() if tensor.is_floating_point() and not _is_finite(tensor)]
    if bad:
        raise CheckpointError(
            "the weights are not all finite numbers",
            where=path,
            found=f"NaN or infinity in {first_of(bad, 3)}",
            expected="finite numbers",
            next_step="a training that diverged leaves such a file: take an earlier one",
        )


def _is_finite(tensor: Tensor) -> bool:
    whole = tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.to(torch.float32)
    return bool(torch.isfinite(whole).all())
