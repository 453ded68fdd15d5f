"""Matrix products of the first pass in float32 or bfloat16, and which precision this processor multiplies fastest.

torch is imported when it is first needed, since that takes two seconds of the processor and 600 MB. NumPy multiplies a
small problem in a process that has not imported it, within the same bound (``bounds``): a product is summed in float32,
in whatever order. Whole numbers need neither (``native.whole``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.basics.host import multiplies_bfloat16, processor_flags
from harness.kernel.native.whole import WIDEST, has_instruction
from harness.kernel.settings import Precision

if TYPE_CHECKING:
    import torch

TILES = "amx_bf16"
"""The flag of processors that multiply whole tiles of bfloat16, which nothing else comes near."""


def multiplies_bytes(width: int) -> bool:
    """Say whether this processor multiplies bytes faster than anything else, for rows of that many numbers."""
    return TILES not in processor_flags() and width <= WIDEST and has_instruction()


def fastest(width: int = 1, *, by_numpy: bool = False) -> Precision:
    """Return the precision in which this processor multiplies fastest rows of that many numbers.

    That is bfloat16 with instructions for tiles of it, else int8 with one for four bytes, else bfloat16 if it is
    multiplied in hardware, else float32. bfloat16 needs oneDNN, which comes with torch.
    """
    if multiplies_bytes(width):
        return "int8"
    if by_numpy:
        return "float32"
    return "bfloat16" if multiplies_bfloat16() and _has_onednn() else "float32"


@cache
def _has_onednn() -> bool:
    """Say whether oneDNN's product can be called as such."""
    import torch

    try:
        ones = torch.ones(2, 2)
        return bool((_onednn(ones, ones) == 2).all())
    except (AttributeError, RuntimeError):
        return False


def _onednn(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the product of a and b transposed by oneDNN, which torch.mm does not choose for every shape.

    torch.mm leaves some shapes of bfloat16 to loops that round every sum to bfloat16, far outside the bound. And on
    AMD processors its float32 product, MKL's, runs at half the speed: 110 against 250 GFLOP/s on a core of Zen 5.
    """
    import torch

    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")
    return product


class Products:
    """Products of query rows and gallery rows in one precision; safe to call from several threads.

    Args:
        precision: of the factors. Sums are in float32; a product has the precision of its factors.
        by_numpy: whether NumPy multiplies, which has no bfloat16.
    """

    def __init__(self, precision: Precision, *, by_numpy: bool = False) -> None:
        self.by_numpy = by_numpy
        self.half = precision == "bfloat16"
        self.onednn = not by_numpy and (self.half or ("AuthenticAMD" in processor_flags() and _has_onednn()))

    def __call__(self, queries: npt.NDArray[Any], gallery: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return (q, g) products of (q, d) and (g, d): float32, or uint16 that are the bits of bfloat16."""
        if self.by_numpy:
            return np.asarray(queries @ gallery.T)
        import torch

        a, b = torch.from_numpy(queries), torch.from_numpy(gallery)
        if self.half:
            product = _onednn(a.view(torch.bfloat16), b.view(torch.bfloat16)).view(torch.uint16)
        else:
            product = _onednn(a, b) if self.onednn else torch.mm(a, b.T)
        return np.asarray(product.numpy())


@contextmanager
def full_precision() -> Iterator[None]:
    """Keep torch from rounding float32 factors to fewer bits, as a user may have chosen for training."""
    import torch

    known: Any = torch.backends
    backends = [known.mkldnn.matmul, known.cuda.matmul] if _by_backend() else []
    before = [backend.fp32_precision for backend in backends]
    legacy = None if backends else torch.get_float32_matmul_precision()
    try:
        for backend in backends:
            backend.fp32_precision = "ieee"
        if legacy is not None:
            torch.set_float32_matmul_precision("highest")
        yield
    finally:
        for backend, precision in zip(backends, before, strict=True):
            backend.fp32_precision = precision
        if legacy is not None:
            torch.set_float32_matmul_precision(legacy)


def _by_backend() -> bool:
    """Say whether this torch sets the precision for each backend (2.9 and newer); it then refuses the older call."""
    import torch

    return hasattr(getattr(torch.backends.mkldnn, "matmul", None), "fp32_precision")


@contextmanager
def open_torch(threads: int | None) -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """Open a pool for products by torch, of as many threads as torch uses unless a number is given; yield both."""
    import torch

    chosen = threads or torch.get_num_threads()
    with full_precision(), one_thread_each(chosen) as pool:
        yield pool, chosen


@contextmanager
def open_numpy(threads: int | None) -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """Open a pool for products by NumPy, of as many threads as NumPy uses unless a number is given; yield both.

    Meanwhile NumPy multiplies with one thread, so that each thread of the pool multiplies alone.
    """
    from threadpoolctl import ThreadpoolController

    libraries = ThreadpoolController().select(user_api="blas")
    known = [found["num_threads"] for found in libraries.info()]
    chosen = threads or max(known, default=os.cpu_count() or 1)

    def alone() -> None:
        libraries.limit(limits=1)  # a library may keep the number for each thread

    with libraries.limit(limits=1), ThreadPoolExecutor(chosen, initializer=alone) as pool:
        yield pool, chosen


@contextmanager
def one_thread_each(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Open a pool whose threads multiply alone: each product then stays in the cache of the core that counts it."""
    import torch

    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)
