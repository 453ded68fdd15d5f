"""Loops that only other loops call: translated once, and turned into machine code only as a part of their callers.

numba would optimise each of them by itself and emit machine code that nobody calls. Without that a first evaluation
compiles in three fifths of the time; the callers' machine code is the result of the same optimiser.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import AnnotateTypes


class NoMachineCode:
    """Stands for the code generator of a loop without machine code."""

    def set_env(self, name: str, environment: object) -> None:
        """Drop what Python would need to call the loop."""


class LinkedLibrary(JITCodeLibrary):  # type: ignore[misc]  # numba has no types
    """A loop in LLVM's language, to be linked into its callers and optimised there."""

    @property
    def codegen(self) -> NoMachineCode:
        """What numba tells of a loop that can be called."""
        return NoMachineCode()

    def _optimize_final_module(self) -> None:
        """Leave the loop to the optimisation of its callers."""

    def _finalize_final_module(self) -> None:
        """Leave the machine code to the callers."""
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=False, analysis_only=True)
class LinkOnly(AnalysisPass):  # type: ignore[misc]  # numba has no types
    """Gives a loop such a library before it is translated."""

    _name = "link_only"

    def __init__(self) -> None:
        AnalysisPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Set the library; the loop stays as it is."""
        state.library = LinkedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return False


class LinkedCompiler(CompilerBase):  # type: ignore[misc]  # numba has no types
    """numba's compiler with that pass."""

    def define_pipelines(self) -> list[Any]:
        """Return numba's own passes, and that one before the translation."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(LinkOnly, AnnotateTypes)
        passes.finalize()
        return [passes]
