"""Packages that only some methods use: imported when a method is set up, with one message if they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from harness.errors import UsageError


def require(module: str, method: str, extra: str) -> ModuleType:
    """Return an imported module of an optional package.

    Args:
        module: its dotted name.
        method: the word of the method that needs it.
        extra: the extra of this project that installs it.

    Raises:
        UsageError: it is not installed, or cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise UsageError(
            f"{method} needs a package that is missing",
            found=" ".join(str(problem).split()),
            expected=module.partition(".")[0],
            next_step=f"install it with: pip install 'vehicle-reid-bench[{extra}]'",
        ) from None
