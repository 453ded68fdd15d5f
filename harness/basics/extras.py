"""Packages that only some commands need: they are extras, imported when they are used."""

from __future__ import annotations

import importlib
from types import ModuleType

from harness.errors import UsageError


def require(module: str, *, by: str, extra: str) -> ModuleType:
    """Return an imported module of an optional package.

    Args:
        module: its dotted name.
        by: what needs it, for messages: ``method 'onnx'``.
        extra: the extra of this distribution that installs it.

    Raises:
        UsageError: it is not installed, or cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        package = module.partition(".")[0]
        missing = isinstance(problem, ModuleNotFoundError) and problem.name == package
        raise UsageError(
            f"{by} needs the package {package}, which {'is not installed' if missing else 'cannot be imported'}",
            found=None if missing else " ".join(str(problem).split()),
            next_step=f"python -m pip install 'vehicle-reid-bench[{extra}]'",
        ) from None
