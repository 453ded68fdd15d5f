import json
import math
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.basics.digests import canonical_json, digest, file_digest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_canonical_json_reads_back_as_the_value(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), st.integers(), max_size=6))
def test_the_order_of_keys_means_nothing(value):
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


def test_tuples_and_other_mappings_are_what_they_hold():
    assert canonical_json(MappingProxyType({"a": (1, 2)})) == '{"a":[1,2]}'


def test_everything_is_ascii_and_floats_keep_their_digits():
    assert canonical_json(["ä", 0.1 + 0.2, 1e22]) == '["\\u00e4",0.30000000000000004,1e+22]'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_cannot_say_are_refused(value):
    with pytest.raises(ValueError, match="no canonical form"):
        canonical_json({"deep": [value]})


@pytest.mark.parametrize("value", [Path("x"), np.float64(0.5), np.int64(1), {1, 2}, b"bytes"])
def test_values_of_other_types_are_refused_rather_than_guessed_at(value):
    with pytest.raises(TypeError, match="no canonical form"):
        canonical_json([value])


def test_a_key_that_is_no_text_is_refused():
    with pytest.raises(TypeError, match="a key must be a str, not int: 1"):
        canonical_json({1: "a"})


def test_a_digest_is_the_sha256_of_the_canonical_json():
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_a_files_digest_is_the_sha256_of_its_bytes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")

    assert file_digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
