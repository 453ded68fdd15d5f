"""Builds the network that an option names: ``torchvision:resnet50``, or ``mypackage.module:build`` of a user's own."""

from __future__ import annotations

import difflib
import importlib
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn
from torchvision import models

from harness.errors import PluginError, UsageError, unknown_name
from harness.methods.trouble import plugin_error

TORCHVISION = "torchvision"


def build(word: str) -> nn.Module:
    """Return a new network with random weights.

    Raises:
        UsageError: there is no such network.
        PluginError: the user's module or function fails, or returns no network.
    """
    module, colon, name = word.partition(":")
    if not colon or not module or not name:
        raise UsageError(
            "the network is not named as MODULE:NAME",
            found=word,
            expected="torchvision:resnet50, or mypackage.module:build",
            next_step="give it with --set network=MODULE:NAME",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some networks warn of how they draw weights, which are replaced
        return _of_torchvision(name) if module == TORCHVISION else _of_user(module, name)


def module_of(word: str) -> str:
    """Return the module that a network's word names."""
    return word.partition(":")[0]


def _of_torchvision(name: str) -> nn.Module:
    known = models.list_models(module=models)
    if name not in known:
        raise unknown_name(
            "network of torchvision", name, difflib.get_close_matches(name, known, n=8, cutoff=0.0) or known
        )
    network: nn.Module = models.get_model(name, weights=None)
    return network


def _of_user(module: str, name: str) -> nn.Module:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:  # the command bench does not look where it is started
        sys.path.append(here)
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as problem:
        if problem.name is None or not (module + ".").startswith(problem.name + "."):
            raise plugin_error(f"module '{module}' cannot be imported", problem, module) from problem
        raise UsageError(
            f"there is no module '{problem.name}'",
            where=f"--set network={module}:{name}",
            next_step="start bench in the module's folder, or install the module",
        ) from None
    except (Exception, SystemExit) as problem:
        raise plugin_error(f"module '{module}' cannot be imported", problem, module) from problem
    function: Callable[..., Any] | None = getattr(found, name, None)
    if not callable(function):
        public = [word for word, one in vars(found).items() if callable(one) and not word.startswith("_")]
        raise unknown_name(f"function of {module}", name, public)
    try:
        network = function()
    except (Exception, SystemExit) as problem:
        raise plugin_error(f"{module}:{name}() failed", problem, module) from problem
    if not isinstance(network, nn.Module):
        raise PluginError(
            f"{module}:{name}() returned no network", found=type(network).__name__, expected="a torch.nn.Module"
        )
    return network
