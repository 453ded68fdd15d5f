"""Loops without machine code of their own, and how many loops a ranking compiles."""

import gc
from dataclasses import replace

import numpy as np
import pytest
from numba.core.errors import CompilerError

from harness.kernel.compiling.compilers import LinkedLibrary, WholeCompiler
from harness.kernel.native.compiled import compiled, inner
from harness.kernel.native.count import count_tile
from harness.kernel.ranking import rank
from harness.tasks.relevance import Draw, Relevance, RowLists


@inner
def halved(value):
    return value / 2


@compiled
def halve(values):
    for k in range(values.shape[0]):
        values[k] = halved(values[k])


def test_a_loop_that_others_call_has_no_machine_code_of_its_own_and_works_in_them(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    values = np.array([1.0, 3.0])

    halve(values)

    assert values.tolist() == [0.5, 1.5]
    (found,) = halved.overloads.values()
    assert isinstance(found.library, LinkedLibrary)
    assert found.library._codegen._engine.get_function_address(found.fndesc.llvm_func_name) == 0
    (whole,) = halve.overloads.values()
    assert not isinstance(whole.library, LinkedLibrary)


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_again_after_a_compilation_even_if_it_fails(collects, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    during = []

    @compiled
    def lost(values):
        return values

    monkeypatch.setattr(WholeCompiler, "define_pipelines", lambda _: during.append(gc.isenabled()) or [])
    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        with pytest.raises(CompilerError, match="pipelines"):
            lost(np.array([1.0]))
        after = gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()

    assert during == [False]
    assert after == collects


def test_tracks_and_draws_are_counted_by_the_loop_that_was_compiled_for_images():
    rng = np.random.default_rng(0)
    queries, gallery = (rng.standard_normal((count, 8)).astype(np.float32) for count in (4, 24))
    right = np.arange(24)[None] % 4 == np.arange(4)[:, None]
    starts = np.concatenate([[0], np.cumsum(right.sum(axis=1))])
    gaps = np.stack([np.nonzero(right)[1]] * 2, axis=1)[:, 0]
    images = Relevance(4, 24, RowLists(starts, np.ascontiguousarray(gaps)), RowLists.empty(4))
    rank(queries, gallery, images)
    before = len(count_tile.signatures)

    rank(queries, gallery, replace(images, positives=RowLists(starts, gaps)))
    drawn = Draw(np.arange(4), np.arange(0, 24, 1)[:20])
    rank(queries, gallery, replace(images, draws=(drawn, Draw(np.arange(4), np.arange(4, 24)))))
    tracks = replace(images, unit_of=np.repeat(np.arange(24), 2))
    rank(queries, np.repeat(gallery, 2, axis=0), tracks)

    assert not gaps.flags.c_contiguous
    assert len(count_tile.signatures) == before
