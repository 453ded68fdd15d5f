"""Packages that only some commands need: they are extras, imported when they are used."""

from __future__ import annotations

from importlib.util import find_spec

from harness.errors import UsageError


def require(package: str, *, by: str, extra: str) -> None:
    """Raise a UsageError that names the extra if a package is not installed; nothing is imported.

    Args:
        package: the name by which it is imported.
        by: what needs it: ``observer 'wandb'``.
        extra: the extra of this distribution that brings it.
    """
    if find_spec(package) is None:
        raise UsageError(
            f"{by} needs the package {package}, which is not installed",
            next_step=f"python -m pip install 'vehicle-reid-bench[{extra}]'",
        )
