"""How every loop is compiled: kept on disk if a folder can be written, else compiled in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from harness.kernel.compiling.compilers import LinkedCompiler, WholeCompiler
from harness.kernel.compiling.kept import Kept

Function = TypeVar("Function", bound=Callable[..., Any])

# Allowed for a loop that only feeds a proven bound, or that only looks for a maximum. Infinities and NaN keep their
# meaning: a bound may be infinite.
LOOSE = frozenset({"reassoc", "contract", "nsz"})

FOLDERS = (Path(__file__).parent, Path(__file__).parents[1] / "compiling")
# A loop depends on those that it calls, and on how all are compiled.
SOURCES = hashlib.sha256(
    b"".join(path.read_bytes() for folder in FOLDERS for path in sorted(folder.glob("*.py")))
).hexdigest()


def compiled(function: Function) -> Function:
    """Compile a loop whose float64 operations happen in the order written, without contraction."""
    return _kept(function, fastmath=False)


def loose(function: Function) -> Function:
    """Compile a loop whose sums may be reordered, for results that are compared with a bound that allows it."""
    return _kept(function, fastmath=LOOSE)


def inner(function: Function) -> Function:
    """Compile, as ``compiled`` does, a loop that only other loops call: Python cannot."""
    return _linked(function, fastmath=False)


def inner_loose(function: Function) -> Function:
    """Compile, as ``loose`` does, a loop that only other loops call."""
    return _linked(function, fastmath=LOOSE)


def _kept(function: Function, *, fastmath: bool | frozenset[str]) -> Function:
    loop: Any = _jit(function, fastmath, pipeline_class=WholeCompiler)
    loop._cache = Kept(function, SOURCES)
    return cast("Function", loop)


def _linked(function: Function, *, fastmath: bool | frozenset[str]) -> Function:
    wrappers = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return _jit(function, fastmath, pipeline_class=LinkedCompiler, **wrappers)


def _jit(function: Function, fastmath: bool | frozenset[str], **further: Any) -> Function:
    # Without _nrt=False numba counts a reference, atomically, whenever it takes a row of an array: half of all time.
    # The loops allocate nothing, so the counts are not needed.
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": fastmath if isinstance(fastmath, bool) else set(fastmath),
        "error_model": "numpy",
        "_nrt": False,
        **further,
    }
    return cast("Function", numba.njit(**options)(function))
