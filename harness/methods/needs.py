"""The needs of a method: words for the labels and boxes that it uses."""

from __future__ import annotations

from collections.abc import Collection


def used_needs(needs: Collection[str], labels: Collection[str]) -> frozenset[str]:
    """Return the needs, each alternative ``a|b`` replaced by the first of its labels that is available.

    An alternative without an available label is returned unchanged.
    """
    return frozenset(next((word for word in need.split("|") if word in labels), need) for need in needs)
