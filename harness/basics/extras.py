"""Packages that only some methods and verbs use: imported when needed, with one message if they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from harness.errors import UsageError


def require(module: str, method: str, extra: str) -> ModuleType:
    """Return an imported module of an optional package.

    Args:
        module: its dotted name.
        method: the method or verb that needs it, for messages.
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
