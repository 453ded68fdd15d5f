"""numba's compiler, without what takes time and gives nothing: a first evaluation compiles in half of it.

Loops that only other loops call are translated once, and become machine code only as a part of their callers, which
the same optimiser makes; numba would optimise each by itself and emit machine code that nobody calls. And Python does
not look for garbage meanwhile: of the millions of objects that a compilation makes, nearly all are still in use.
"""

from __future__ import annotations

import gc
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import AnnotateTypes

passes_of: Any = DefaultPassBuilder.define_nopython_pipeline  # these functions have no types
registered: Any = register_pass


class NoMachineCode:
    """Stands for the code generator of a loop without machine code."""

    def set_env(self, name: str, environment: object) -> None:
        """Drop what Python would need to call the loop."""


class LinkedLibrary(JITCodeLibrary):
    """A loop in LLVM's language, to be linked into its callers and optimised there."""

    @property
    def codegen(self) -> NoMachineCode:
        """What numba tells of a loop that can be called."""
        return NoMachineCode()

    def _optimize_final_module(self) -> None:
        """Leave the loop to the optimisation of its callers."""

    def _finalize_final_module(self) -> None:
        """Leave the machine code to the callers."""
        library: Any = self
        library._finalize_dynamic_globals()
        library._finalized = True


@registered(mutates_CFG=False, analysis_only=True)
class LinkOnly(AnalysisPass):
    """Gives a loop such a library before it is translated."""

    _name = "link_only"

    def __init__(self) -> None:
        numbas: Any = super()
        numbas.__init__()

    def run_pass(self, state: Any) -> bool:
        """Set the library; the loop stays as it is."""
        library: Any = LinkedLibrary
        state.library = library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return False


class WholeCompiler(Compiler):
    """numba's compiler, for a loop that Python calls."""

    def compile_extra(self, func: Any) -> Any:
        """Return the compiled loop."""
        collects = gc.isenabled()
        gc.disable()
        try:
            compiler: Any = super()
            return compiler.compile_extra(func)
        finally:
            if collects:
                gc.enable()


class LinkedCompiler(Compiler):
    """numba's compiler, for a loop that only other loops call."""

    def define_pipelines(self) -> list[Any]:
        """Return numba's own passes, and that one before the translation."""
        passes = passes_of(self.state)
        passes.add_pass_after(LinkOnly, AnnotateTypes)
        passes.finalize()
        return [passes]
