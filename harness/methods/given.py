"""A method from whatever a user has at hand: a class, an object with ``embed``, a network, a function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType, MethodType, ModuleType
from typing import Any

from pydantic import Field
from torch import Tensor, nn

from harness.errors import UsageError
from harness.methods.method import Method, Options, complete, create, resolve_options, trains
from harness.methods.networks import networks_of
from harness.methods.sizes import InputSize


class FunctionOptions(Options):
    """The options of a method that is a function or a network."""

    input_size: InputSize = Field(default=224, description="height and width of the images in pixels")


def method_of(given: object, options: Mapping[str, Any]) -> Method:
    """Return a class, an object with ``embed``, a network or a function as a method that is ready to embed.

    Args:
        given: a network or a function is called with images (n, 3, height, width) and returns features (n, d).
        options: the options of a class; for a network or a function, only ``input_size``.

    Raises:
        UsageError: it is none of these, is to be trained first, or an option does not fit.
        PluginError: a class breaks the contract of a method.
    """
    if inspect.isclass(given):
        return _of_class(complete(given), options)
    if isinstance(given, Method) or callable(getattr(type(given), "embed", None)):
        return _of_object(given, options)
    if callable(given):
        return _of_function(given, options)
    raise UsageError(
        "these are no features, and nothing that computes any",
        found=type(given).__name__,
        expected="a feature file, (keys, array), a function of images, a network, or a method",
    )


def _of_class(kind: type[Method], options: Mapping[str, Any]) -> Method:
    if trains(kind):
        raise UsageError(
            f"{kind.__name__} is to be trained first",
            next_step="train and evaluate it with 'bench run', and give the feature file; or give a trained object",
        )
    return create(kind, resolve_options(kind.__name__, kind, changes=options))


def _of_object(given: object, options: Mapping[str, Any]) -> Method:
    if options:
        raise UsageError(
            f"{type(given).__name__} has its options already", found=dict(options), next_step="give the class instead"
        )
    if isinstance(given, Method):
        method = given
    elif hasattr(given, "__dict__"):
        kind = complete(type(given))
        method = kind.__new__(kind)
        method.__dict__ = vars(given)  # one state for both
    else:
        return _of_function(given.embed, {})  # type: ignore[attr-defined]  # its type has one
    if not hasattr(method, "options"):
        method.options = method.Options()
    return method


def _of_function(function: Callable[..., Any], options: Mapping[str, Any]) -> Method:
    name = getattr(function, "__name__", type(function).__name__)

    def embed(_self: Method, images: Tensor) -> Any:
        return function(images)

    about = {"__module__": getattr(function, "__module__", __name__), "Options": FunctionOptions, "embed": embed}
    kind: type[Method] = type(name, (Method,), about)
    method = create(kind, resolve_options(name, kind, changes=options))
    vars(method)["held"] = list(_reached(function, set()))  # where the networks are found
    return method


def _reached(found: object, seen: set[int]) -> Iterator[object]:
    """Yield what a function computes with: the objects it closes over, is bound to, or names in its module."""
    if id(found) in seen or isinstance(found, ModuleType | type):
        return
    seen.add(id(found))
    if isinstance(found, functools.partial):
        parts: list[object] = [found.func, *found.args, *found.keywords.values()]
    elif isinstance(found, MethodType):
        parts = [found.__self__, found.__func__]
    elif isinstance(found, FunctionType):
        names = inspect.getclosurevars(found)
        near = [value for value in names.globals.values() if getattr(value, "__module__", "") == found.__module__]
        parts = [*names.nonlocals.values(), *near, *filter(_holds_networks, names.globals.values())]
    else:
        yield found
        return
    for part in parts:
        yield from _reached(part, seen)


def _holds_networks(found: object) -> bool:
    return isinstance(found, nn.Module | list | tuple | dict)


@contextmanager
def left_as_found(method: Method) -> Iterator[None]:
    """Put the networks of a method back on their devices and into their modes after the block."""
    networks = list(networks_of(method).values())
    modes = [(part, part.training) for network in networks for part in network.modules()]
    places = [(network, next((weight.device for weight in network.parameters()), None)) for network in networks]
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        for network, device in places:
            if device is not None:
                network.to(device)
