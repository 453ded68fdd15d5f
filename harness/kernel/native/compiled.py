"""How every loop is compiled: cached on disk if a folder can be written, else compiled in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

Function = TypeVar("Function", bound=Callable[..., Any])

# Allowed for a loop that only feeds a proven bound, or that only looks for a maximum. Infinities and NaN keep their
# meaning: a bound may be infinite.
LOOSE = frozenset({"reassoc", "contract", "nsz"})

# Numba notices a change in a function's own file, not in the loops that it calls; so the sources are in the name.
SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()


class Kept(FunctionCache):  # type: ignore[misc]  # numba has no types
    """numba's cache of a loop on disk, which imports for a loop that is there no more than it needs.

    numba's own prepares for compiling before it looks: it imports scipy.linalg and more, 0.3 s of the processor. A
    compilation prepares for itself.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the loop as kept for these types, or None."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)
        return None  # an error of Windows, which the guard has swallowed


def compiled(function: Function) -> Function:
    """Compile a loop whose float64 operations happen in the order written, without contraction."""
    return _compile(function, fastmath=False)


def inner(function: Function) -> Function:
    """Compile, as ``compiled`` does, a loop that only other loops call: Python cannot."""
    return _jit(function, False, cache=False, inner=True)


def inner_loose(function: Function) -> Function:
    """Compile, as ``loose`` does, a loop that only other loops call."""
    return _jit(function, LOOSE, cache=False, inner=True)


def inner_finite(function: Function) -> Function:
    """Compile a loop that only other loops call, over numbers of which none is NaN: the least of many is then quick."""
    return _jit(function, LOOSE | {"nnan"}, cache=False, inner=True)


def loose(function: Function) -> Function:
    """Compile a loop whose sums may be reordered, for results that are compared with a bound that allows it."""
    return _compile(function, fastmath=LOOSE)


def _compile(function: Function, *, fastmath: bool | frozenset[str]) -> Function:
    """Compile on first call, keeping the result on disk if numba finds a folder for it."""
    function.__qualname__ = f"{function.__qualname__}_{SOURCES[:16]}"
    try:
        loop: Any = _jit(function, fastmath, cache=True)
        loop._cache = Kept(loop.py_func)
        return cast("Function", loop)
    except RuntimeError:
        # Neither NUMBA_CACHE_DIR nor the module's folder nor the user's cache folder may be written to.
        return _jit(function, fastmath, cache=False)


def _jit(function: Function, fastmath: bool | frozenset[str], *, cache: bool, inner: bool = False) -> Function:
    # Without _nrt=False numba counts a reference, atomically, whenever it takes a row of an array: half of all time.
    # The loops allocate nothing, so the counts are not needed.
    options: dict[str, Any] = {
        "cache": cache,
        "nogil": True,
        "fastmath": fastmath if isinstance(fastmath, bool) else set(fastmath),
        "error_model": "numpy",
        "_nrt": False,
    }
    if inner:
        options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast("Function", numba.njit(**options)(function))
