"""Finds the state dict in what a file holds: tensors by name, alone, in a dictionary, or in a whole pickled network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plugins.weights.pickles import Placeholder
from plugins.weights.values import Array, Name, Stored

USUAL = ("state_dict", "model", "model_state_dict", "net", "network", "module", "weights", "params", "state")
"""Names under which training states keep the network's tensors, the first one that is there counts."""

DEEPEST = 3
"""How deep dictionaries are searched: ``{"state": {"model": {...}}}``."""

DEEPEST_PART = 40
"""How deep the parts of a pickled network are searched."""

PLAIN = (Stored, Array, str, int, float, bytes, type(None), Name)
"""What may lie in a state dict; a number or a word beside the tensors is left out."""

State = dict[str, Stored | Array]


def state_in(value: Any) -> State | str:
    """Return the tensors by name, or in words what there is instead."""
    found = _state(value, 0)
    return found if found else _described(value)


def _state(value: Any, depth: int) -> State | None:
    if isinstance(value, Placeholder):
        return dict(_parts(value, "", 0, set()))
    if not isinstance(value, dict) or depth > DEEPEST:
        return None
    for name in USUAL:
        if name in value and (found := _state(value[name], depth + 1)):
            return found
    tensors = {str(name): one for name, one in value.items() if isinstance(one, Stored | Array)}
    if tensors and all(isinstance(one, PLAIN) for one in value.values()):
        return tensors
    inner = [
        found for one in value.values() if isinstance(one, dict | Placeholder) and (found := _state(one, depth + 1))
    ]
    return inner[0] if len(inner) == 1 and not tensors else None


def _parts(module: Placeholder, prefix: str, depth: int, seen: set[int]) -> Iterator[tuple[str, Stored | Array]]:
    """Yield the parameters and buffers of a network that was pickled whole, by the names of its state dict."""
    state = module.state[0] if isinstance(module.state, tuple) and module.state else module.state
    if not isinstance(state, dict) or depth > DEEPEST_PART or id(module) in seen:
        return
    seen.add(id(module))
    transient = state.get("_non_persistent_buffers_set")
    for group in ("_parameters", "_buffers"):
        for name, one in _items(state.get(group)):
            hidden = isinstance(transient, set) and name in transient
            if isinstance(one, Stored | Array) and not hidden:
                yield f"{prefix}{name}", one
    for name, part in _items(state.get("_modules")):
        if isinstance(part, Placeholder):
            yield from _parts(part, f"{prefix}{name}.", depth + 1, seen)


def _items(group: Any) -> list[tuple[str, Any]]:
    group = group.items if isinstance(group, Placeholder) else group
    return [(str(name), one) for name, one in group.items()] if isinstance(group, dict) else []


def others_in(value: Any) -> list[str]:
    """Return the names of the classes and functions of the file that were not made, sorted."""
    found: set[str] = set()
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Placeholder):
            found.add(one.name)
            waiting += [one.given, one.state, one.items]
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple) and not isinstance(one, Name):
            waiting += one
    return sorted(found)


def _described(value: Any) -> str:
    """Return in words what is there in place of a state dict."""
    if isinstance(value, Placeholder):
        return f"a {value.name} without parameters"
    if isinstance(value, dict):
        names = [str(name)[:30] for name in list(value)[:5]]
        inner = [
            str(name)[:30] for name, one in value.items() if isinstance(one, dict | Placeholder) and _state(one, 1)
        ]
        if len(inner) > 1:
            return f"several state dicts: {', '.join(inner[:5])}"
        return f"a dictionary of {', '.join(names)}" if names else "an empty dictionary"
    if isinstance(value, Stored | Array):
        return "one tensor without a name"
    return f"a {type(value).__name__}"
