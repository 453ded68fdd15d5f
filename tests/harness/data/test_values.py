"""What a field of a table means is decided by its text alone."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.data.images import NOBODY, UNKNOWN
from harness.data.values import Words, fault_of_time, moment, nobodies, number_of_text


@pytest.mark.parametrize("text", ["nan", "NaN", "NONE", "-1", "?", "<NA>", "NaT", "n/a", "-"])
def test_words_for_nothing_are_unknown_in_any_case_of_letters(text):
    assert Words().known(text) == ""
    assert Words(unknown=()).known(text) == text


@pytest.mark.parametrize("text", ["0", "7", "c001", "1", "north", "nano", "-2"])
def test_other_words_are_kept(text):
    assert Words().known(text) == text


@given(st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_nobody_is_no_vehicle_that_a_table_can_name(keys):
    found = nobodies(keys)

    assert len(set(found.tolist())) == len(keys)
    assert (found >= NOBODY).all()
    assert all(number_of_text(key) < NOBODY for key in keys)
    assert NOBODY > 10**15, "whole numbers of a table have 15 digits at most"
    assert found.dtype == np.int64


def test_a_time_is_a_whole_number_or_an_iso_time():
    assert moment("") == UNKNOWN
    assert moment("1520787605") == moment("2018-03-11T17:00:05") == 1520787605
    assert fault_of_time("now") == "'now' is not a time; expected 1520787605 or 2018-03-11T17:00:05"
    assert fault_of_time("0") is None
