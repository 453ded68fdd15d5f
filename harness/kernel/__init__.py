"""The kernel: for every query and positive, how many negatives are closer and how many tie, in exact integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.kernel.ranking import rank as rank

__all__ = ["rank"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'harness.kernel' has no attribute '{name}'")
    from harness.kernel.ranking import rank

    return rank
