"""Faster inference: folds batch normalisations into the convolutions before them, and compiles the network on request.

Folding changes the last digits of float32. In 32-true, the precision of filed records, the network is therefore used as
trained, unless it is compiled.
"""

from __future__ import annotations

import copy
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from harness.compute.compute import FULL, Compute
from harness.errors import UsageError
from harness.methods.method import Method

VERSION = 1
"""Increased whenever digits change for a precision other than 32-true or for compiled networks."""

COMPILERS = ("g++", "clang++", "c++")
"""The compilers that torch.compile may use if the environment variable CXX names none."""


def choices(compute: Compute) -> dict[str, Any]:
    """Return the settings that change digits relative to filed records; empty for the defaults."""
    found: dict[str, Any] = {}
    if compute.precision != FULL or compute.compiled:
        found["inference"] = VERSION
    if compute.compiled:
        found["compiled"] = True
    if compute.batch is not None:
        found["batch"] = compute.batch
    if compute.reduced:
        found["reduced"] = True
    return found


@contextmanager
def ready_to_embed(method: Method, compute: Compute) -> Iterator[None]:
    """Replace the method's network, if any, by a folded copy while the block runs, unless digits must be kept.

    Raises:
        UsageError: the network is to be compiled, and the machine has no compiler.
    """
    if compute.compiled:
        require_compiler()
    model = getattr(method, "model", None)
    if not isinstance(model, nn.Module) or (compute.precision == FULL and not compute.compiled):
        yield
        return
    faster = copy.deepcopy(model).eval()
    fold(faster)
    method.model = faster  # type: ignore[attr-defined]  # it has one
    try:
        yield
    finally:
        method.model = model  # type: ignore[attr-defined]  # as above


def compile_network(method: Method) -> None:
    """Compile the method's network, if any, for one batch size; the first batch takes a minute longer."""
    model = getattr(method, "model", None)
    if isinstance(model, nn.Module):
        # Frozen weights are constants, laid out for the processor once instead of for every batch.
        method.model = torch.compile(model, dynamic=False, options={"freezing": True})  # type: ignore[attr-defined]  # it has one


def require_compiler() -> str:
    """Return the path of a C++ compiler, or raise a UsageError if this machine has none."""
    named = os.environ.get("CXX")
    found = [path for path in map(shutil.which, [named] if named else COMPILERS) if path]
    if not found:
        raise UsageError(
            "--compile needs a C++ compiler, and this machine has none",
            found=f"CXX={named}, which cannot be run" if named else None,
            expected=" or ".join(COMPILERS[:2]),
            next_step="install one (Debian: apt-get install g++), or omit --compile",
        )
    return found[0]


def fold(network: nn.Module) -> int:
    """Fold batch normalisations into the convolutions before them, in place, and return the number of folded pairs.

    A pair is folded if nothing else uses the output of the convolution, both modules occur only once in the network,
    and torch.fx can trace the network, which is in evaluation mode, down to them. Features change by rounding only.
    """
    places = Counter(id(part) for _, part in network.named_modules(remove_duplicate=False))
    return _fold(network, places)


def _fold(network: nn.Module, places: Counter[int]) -> int:
    try:
        graph = _NormalisationTracer().trace(network)
    except Exception:  # tracing a forward that depends on values can raise anything; submodules may be traceable
        return sum(_fold(part, places) for part in network.children() if _normalises(part))
    parts = dict(network.named_modules())
    calls = Counter(node.target for node in graph.nodes if node.op == "call_module")
    folded = 0
    for node in graph.nodes:
        pair = _pair(node, parts)
        if pair is not None and all(calls[name] == 1 and places[id(parts[name])] == 1 for name in pair):
            convolution, normalisation = pair
            fused = fuse_conv_bn_eval(parts[convolution], parts[normalisation])
            network.set_submodule(convolution, fused)
            network.set_submodule(normalisation, nn.Identity())
            folded += 1
    return folded


def _pair(node: fx.Node, parts: dict[str, nn.Module]) -> tuple[str, str] | None:
    """Return the names of a convolution and of the normalisation that is the only user of its output, or None."""
    before = node.args[0] if node.op == "call_module" and node.args else None
    if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) != 1:
        return None
    convolution, normalisation = parts[str(before.target)], parts[str(node.target)]
    plain = type(convolution) is nn.Conv2d and type(normalisation) is nn.BatchNorm2d
    if not plain or normalisation.running_mean is None or _hooked(convolution) or _hooked(normalisation):
        return None
    return str(before.target), str(node.target)


def _hooked(part: nn.Module) -> bool:
    return bool(part._forward_hooks or part._forward_pre_hooks)


def _normalises(part: nn.Module) -> bool:
    return any(isinstance(inner, nn.BatchNorm2d) for inner in part.modules())


class _NormalisationTracer(fx.Tracer):
    """Traces only into modules that contain a batch normalisation."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002 - torch's signature
        """Return whether the module is a normalisation or contains none."""
        return isinstance(m, nn.BatchNorm2d) or not _normalises(m)
