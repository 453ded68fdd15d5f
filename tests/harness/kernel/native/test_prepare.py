"""Rows are prepared as the bounds' proof has them."""

from __future__ import annotations

import numpy as np
import pytest

from harness.kernel.native import prepare
from harness.kernel.native.prepare import Rounded, RowFrame
from harness.kernel.native.tuples import Features
from tests.harness.kernel.native.plain import plain


@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_rows_are_centred_scaled_rounded_to_even_and_measured(euclidean, half):
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((4, 9)).astype(np.float32)
    rows[2] = 0
    norms = (rows.astype(np.float64) ** 2).sum(axis=1)
    centre, scale = rng.standard_normal(9) / 4, 0.25
    if half and euclidean:  # halfway between two of bfloat16, to an odd and to an even neighbour
        rows[0], centre[:] = np.float32(1 + 1 / 256), 0
        rows[1] = np.float32(1 + 3 / 256)
    wide, narrow = np.zeros((4, 9), np.float32), np.zeros((4, 9), np.uint16)
    buffer, sizes = np.empty(9, np.float32), np.empty((4, 4))

    out = Rounded(wide, narrow, half, sizes)
    plain(prepare.prepare)(
        Features(rows, norms), RowFrame(centre, scale, euclidean), out, buffer, buffer.view(np.uint32)
    )

    lengths = np.ones(4) if euclidean else np.sqrt(norms)
    directions = rows / np.where(lengths > 0, lengths, 1)[:, None]
    exact = (directions - centre) * scale
    rounded = (narrow.astype(np.uint32) << 16).view(np.float32) if half else wide
    assert not (wide if half else narrow).any()
    assert (np.abs(rounded - exact) <= np.abs(exact) * 2.0 ** (-8 if half else -24)).all()
    if half:
        import torch

        assert rounded.tolist() == torch.from_numpy(exact).float().bfloat16().float().tolist()
    values = rounded.astype(np.float64)
    wanted = np.stack(
        [
            np.linalg.norm(exact - values, axis=1),
            np.linalg.norm(values, axis=1),
            (exact * centre).sum(axis=1),
            (exact**2).sum(axis=1),
        ],
        axis=1,
    )
    assert sizes == pytest.approx(wanted, rel=1e-7, abs=1e-15)
