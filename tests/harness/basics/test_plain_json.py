import json
import time

import pytest
from hypothesis import given, strategies as st

from harness.basics.plain_json import DEEPEST, read_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_bench_writes_is_read_as_it_was(value):
    assert read_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested more than 64 deep"),
        ('{"a":' * 600 + "1" + "}" * 600, "nested more than 64 deep"),
        (f"[{'9' * 20}]", "20 digits"),
        (f"[-{'9' * 5000}]", "5000 digits"),
        ("[1e999]", "1e999 is not a finite number"),
        ("[-Infinity]", "-Infinity is not a number"),
        ('{"a": 1, "a": 2}', "occurs twice"),
        ('"\\ud800"', "surrogates not allowed"),
        ("{", "Expecting"),
    ],
    ids=lambda text: str(text)[:16],
)
def test_anything_else_has_a_message(text, message):
    with pytest.raises(ValueError, match=message):
        read_json(text)


def test_brackets_inside_texts_are_no_nesting():
    text = json.dumps({"a": "[" * 1000, "b": ['\\"[{' * 100]})

    assert read_json(text)["a"] == "[" * 1000


def test_the_deepest_value_is_read_and_one_more_is_not():
    assert read_json("[" * DEEPEST + "]" * DEEPEST)
    with pytest.raises(ValueError, match="deep"):
        read_json("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))


@pytest.mark.parametrize("part", ['\\"', '"', "[]", '"[', "\\"])
def test_a_text_made_to_be_slow_is_not(part):
    text = "[" * (DEEPEST + 1) + '"' + part * (1 << 20)
    begun = time.process_time()

    with pytest.raises(ValueError, match="deep"):
        read_json(text)
    with pytest.raises(ValueError, match=r"."):
        read_json('["' + part * (1 << 20))
    assert time.process_time() - begun < 5
