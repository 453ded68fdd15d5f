"""Matrix products of the first pass: the fastest that this processor has, by float32 or bfloat16."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from harness.kernel import Precision


def fastest() -> Precision:
    """Return bfloat16 where the processor multiplies it in hardware, else float32."""
    return "bfloat16" if _processor() & {"avx512_bf16", "amx_bf16"} else "float32"


def _processor() -> set[str]:
    """Return the processor's flags and vendor; empty where the system does not tell."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return set()
    lines = [line.partition(":")[2] for line in text.splitlines() if line.startswith(("flags", "vendor_id"))]
    return set(" ".join(lines[:2]).split())


def _multiplies_by_onednn() -> bool:
    """Say whether oneDNN's float32 product is there and worth it.

    On AMD processors the default product, MKL's, runs at half of oneDNN's speed: 110 against 250 GFLOP/s on a core
    of Zen 5.
    """
    if platform.machine() != "x86_64" or "AuthenticAMD" not in _processor():
        return False
    try:
        ones = torch.ones(2, 2)
        return bool((torch.ops.mkldnn._linear_pointwise(ones, ones, None, "none", [], "") == 2).all())
    except (AttributeError, RuntimeError, NotImplementedError):
        return False


class Products:
    """Products of query rows and gallery rows in one precision; safe to call from several threads.

    Args:
        precision: of the factors. Sums are in float32; so is the product of float32, that of bfloat16 is bfloat16.
    """

    def __init__(self, precision: Precision) -> None:
        self.half = precision == "bfloat16"
        self.onednn = not self.half and _multiplies_by_onednn()

    def __call__(self, queries: npt.NDArray[Any], gallery: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return (q, g) products of (q, d) and (g, d): float32, or uint16 that are the bits of bfloat16."""
        a, b = torch.from_numpy(queries), torch.from_numpy(gallery)
        if self.half:
            product = torch.mm(a.view(torch.bfloat16), b.view(torch.bfloat16).T)
            return np.asarray(product.view(torch.uint16).numpy())
        multiply = torch.ops.mkldnn._linear_pointwise if self.onednn else None
        product = multiply(a, b, None, "none", [], "") if multiply else torch.mm(a, b.T)
        return np.asarray(product.numpy())


@contextmanager
def full_precision() -> Iterator[None]:
    """Keep torch from rounding float32 factors to fewer bits, whatever the user chose for training."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
