"""Mutated files of every format are refused in one message or read rightly: no traceback, nothing left behind."""

import pytest

from tests.harness.exchange.made import FILES
from tests.harness.exchange.mutants import outcomes

APART = [name for name in FILES if name.endswith((".mat", ".hdf5"))]
"""Formats that a process of its own reads, half a second a file."""


def faults(found):
    return {what: count for what, count in found.items() if what not in {"refused", "same", "other numbers"}}


def test_a_hundred_mutants_are_refused_or_read_rightly(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    found = outcomes(tmp_path, [name for name in FILES if name not in APART], count=20, seed=1)
    found += outcomes(tmp_path, APART, count=2, seed=1)

    assert found.total() == 106
    assert faults(found) == {}
    assert found["refused"] > 40


@pytest.mark.slow
def test_a_thousand_mutants_are_refused_or_read_rightly(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    found = outcomes(tmp_path, [name for name in FILES if name not in APART], count=170, seed=2)
    found += outcomes(tmp_path, APART, count=50, seed=2)

    assert found.total() == 1000
    assert faults(found) == {}
