"""Products in whole numbers are exact, with the processor's instructions and without."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from harness.kernel.native import whole
from harness.kernel.native.whole import LANES, LENGTH, LIFT, PANEL, ROWS, WIDEST


def problem(*, words, steps=5, queries=13, panels=3, extreme=False):
    rng = np.random.default_rng(steps)
    kind, most = (np.int16, 2900) if words else (np.int8, 127)
    per = 4 // np.dtype(kind).itemsize
    left = rng.integers(-most, most + 1, (queries + ROWS - 1, steps * per)).astype(kind)
    right = rng.integers(-most, most + 1, (panels * PANEL, steps * per)).astype(kind)
    if extreme:
        left[:], right[:] = most, rng.choice([-most, most], (len(right), 1))
    lift = 0 if words else LIFT
    lifted = (right.astype(np.int32) + lift).astype(np.int16 if words else np.uint8)
    packed = np.ascontiguousarray(lifted).view(np.uint32).reshape(panels, PANEL, steps).transpose(0, 2, 1)
    sums = (-lift * left.astype(np.int32).sum(axis=1)).astype(np.int32)
    return left, right, np.ascontiguousarray(left).view(np.uint32), sums, np.ascontiguousarray(packed)


def multiplied(multiply, packed, words, part):
    (rows, sums, panels), (begin, end, first, last) = packed, part
    out = np.full((end - begin + ROWS - 1, PANEL * (last - first)), -1, np.int32)
    multiply(rows, sums, panels, words, begin, end, first, last, out)
    return out[: end - begin]


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("here", [False, True])
def test_products_are_exact_with_and_without_the_instructions(monkeypatch, words, here):
    multiply = whole.multiply
    if not here:
        monkeypatch.setattr(whole, "has_instruction", lambda: False)
        multiply = numba.njit(whole.multiply.py_func)
    left, right, *packed = problem(words=words)

    for part in ((0, 13, 0, 3), (2, 3, 1, 2), (5, 12, 0, 1), (0, 12, 2, 3)):
        begin, end, first, last = part
        wanted = left[begin:end].astype(np.int64) @ right[PANEL * first : PANEL * last].astype(np.int64).T
        assert (multiplied(multiply, packed, words, part) == wanted).all(), part


@pytest.mark.parametrize("words", [False, True])
def test_the_longest_rows_do_not_leave_int32(words):
    # 2900 in each of 252 words is a length of 46,036.
    left, right, *packed = problem(words=words, steps=126 if words else WIDEST // 4, queries=1, panels=1, extreme=True)

    wanted = left[:1].astype(np.int64) @ right.astype(np.int64).T
    assert (multiplied(whole.multiply, packed, words, (0, 1, 0, 1)) == wanted).all()


def test_no_sum_of_rows_as_long_as_allowed_leaves_int32():
    # Rounding moves each of d numbers by half of one.
    assert (LENGTH + np.sqrt(WIDEST) / 2 + 1) ** 2 < 2**31
    assert (255 + 127) * 127 * WIDEST < 2**31
    assert PANEL % LANES == 0
