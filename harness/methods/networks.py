"""What a method holds, wherever its author keeps it: its networks, and the tensors and arrays beside them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import FunctionType, ModuleType

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

DEEPEST = 8
"""How deep attributes, lists, dictionaries and functions are searched."""

OF_TORCH = frozenset(vars(nn.Module()))
"""The attributes that every network has: its parts, which it lists itself, and hooks."""

Array = np.ndarray | torch.Tensor


def networks_of(method: object) -> dict[str, nn.Module]:
    """Return the networks that a method holds, by where: ``model``, ``nets[0]``, ``parts.head``; each once.

    A part of another network belongs to that one. The method itself is one, named ``""``, if it is an ``nn.Module``.
    Looked through are also objects that can be called, and what functions are bound to, close over or have as defaults.
    """
    return {place: found for place, found in _held(method, "", {}, 0) if isinstance(found, nn.Module)}


def digest_of(method: object) -> str | None:
    """Return the SHA-256 of all numbers that a method holds; None if there are none.

    They are the parameters and all buffers of its networks, and the tensors and arrays that it keeps elsewhere.
    """
    found = {(place, name): array for place, one in _held(method, "", {}, 0) for name, array in _arrays(one)}
    if not found:
        return None
    hasher = hashlib.sha256()
    for (place, name), array in sorted(found.items(), key=lambda pair: pair[0]):
        dtype, shape, content = _content(array)
        hasher.update(f"{place}\0{name}\0{dtype}\0{shape}\0".encode())
        hasher.update(content)
    return hasher.hexdigest()


def parameters_of(method: object) -> int | None:
    """Return the number of trainable parameters of a method's ``model``, or None if it has none of that name."""
    model = getattr(method, "model", None)
    if model is None or not hasattr(model, "parameters"):
        return None
    return sum(int(weight.numel()) for weight in model.parameters() if weight.requires_grad)


def _arrays(found: nn.Module | Array) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of what was found, by name; of a network also the buffers that it does not save."""
    if not isinstance(found, nn.Module):
        yield "", found
        return
    for name, value in {**found.state_dict(), **dict(found.named_buffers())}.items():
        # What set_extra_state is given may be anything, and a lazy network has no numbers yet.
        if isinstance(value, torch.Tensor) and not is_lazy(value):
            yield name, value


def _content(array: Array) -> tuple[str, tuple[int, ...], bytes]:
    """Return type, shape and bytes; of what has no values, such as a tensor of the meta device, no bytes."""
    if isinstance(array, np.ndarray):
        return array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes()
    about = str(array.dtype), tuple(array.shape)
    if array.device.type == "meta":
        return *about, b""
    values = array.detach().cpu()
    values = values.dequantize() if values.is_quantized else values.to_dense()
    values = values.resolve_conj().resolve_neg().contiguous()
    return *about, values.flatten().view(torch.uint8).numpy().tobytes()


def _held(found: object, place: str, seen: dict[int, object], depth: int) -> Iterator[tuple[str, nn.Module | Array]]:
    """Yield networks, tensors and arrays; ``seen`` keeps what was looked at, so that no other gets its id."""
    if found is None or isinstance(found, str | bytes | int | float | type | ModuleType):
        return
    if id(found) in seen or depth > DEEPEST:
        return
    seen[id(found)] = found
    if isinstance(found, torch.Tensor) or (isinstance(found, np.ndarray) and not found.dtype.hasobject):
        yield place, found
        return
    if isinstance(found, nn.Module):
        yield place, found
        parts = dict(found.named_modules())
        seen.update((id(one), one) for part in parts.values() for one in (part, *part.parameters(), *part.buffers()))
        for name, part in parts.items():
            for word, kept in vars(part).items():
                if word not in OF_TORCH:
                    yield from _held(kept, _joined(place, name, word), seen, depth + 1)
        return
    for where, part in _parts(found, place):
        yield from _held(part, where, seen, depth + 1)


def _parts(found: object, place: str) -> Iterator[tuple[str, object]]:
    """Yield what an object consists of, by place."""
    if isinstance(found, Mapping):
        yield from ((f"{place}[{name!r}]", part) for name, part in found.items())
    elif isinstance(found, np.ndarray):
        yield from ((f"{place}[{number}]", part) for number, part in enumerate(found.ravel().tolist()))
    elif isinstance(found, list | tuple | set | frozenset):
        yield from ((f"{place}[{number}]", part) for number, part in enumerate(found))
    elif isinstance(found, functools.partial):
        yield f"{place}()", [found.func, *found.args, found.keywords]
    elif isinstance(found, FunctionType):
        yield f"{place}()", [*_closed_over(found), *(found.__defaults__ or ()), found.__kwdefaults__, vars(found)]
    else:
        yield from ((_joined(place, name), part) for name, part in _attributes(found).items())


def _closed_over(function: FunctionType) -> Iterator[object]:
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # a cell that is still empty
            yield cell.cell_contents


def _attributes(found: object) -> dict[str, object]:
    """Return the attributes of an object, without calling a property of its."""
    attributes: dict[str, object] = {}
    with suppress(Exception):  # objects of other languages may fail in any way
        attributes.update(getattr(found, "__dict__", {}))
    with suppress(Exception):
        if (owner := getattr(found, "__self__", None)) is not None:  # of a bound method, also one written in C
            attributes["__self__"] = owner
    for kind in type(found).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            with suppress(Exception):
                attributes[name] = getattr(found, name)
    return attributes


def _joined(*words: str) -> str:
    return ".".join(word for word in words if word)
