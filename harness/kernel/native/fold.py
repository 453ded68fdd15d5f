"""The one order in which the sums of canonical similarities are added."""

from __future__ import annotations

from typing import Any

from harness.kernel.native.compiled import inner

Array = Any

LANES = 32
"""Term i is added to sum i modulo 32."""


@inner
def fold(acc: Array) -> float:
    """Return the sum of the 32 sums: 16 and 16, 8 and 8, and so on."""
    width = LANES // 2
    while width > 0:
        for k in range(width):
            acc[k] += acc[k + width]
        width //= 2
    return float(acc[0])
