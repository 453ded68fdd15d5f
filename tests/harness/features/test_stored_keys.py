"""Keys as one array: what they say, their order and their digests are those of their texts."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.errors import FeatureError
from harness.features import layout
from harness.features.layout import StoredKeys, encode_keys

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch):
    monkeypatch.setattr(layout, "PORTION", 3)


@given(texts=st.lists(TEXTS, min_size=1, max_size=12, unique=True))
def test_order_and_digests_are_those_of_the_texts(texts):
    keys = StoredKeys(encode_keys(texts))
    ordered = [key.decode() for portion in keys.portions(ordered=True) for key in portion.tolist()]
    lengths = b"".join(len(text.encode()).to_bytes(4, "little") + text.encode() for text in texts)

    keys.refuse()
    assert list(keys.texts()) == texts
    assert ordered == sorted(texts)
    assert (keys.order is None) == (texts == sorted(texts))
    assert b"".join(keys.sorted_lines()) == "".join(f"{text}\n" for text in sorted(texts)).encode()
    assert hashlib.sha256(b"".join(keys.with_lengths())).digest() == hashlib.sha256(lengths).digest()


@given(texts=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=12))
def test_a_repeated_key_is_found_wherever_it_stands(texts):
    twice = sorted({text for text in texts if texts.count(text) > 1})

    assert StoredKeys(np.array(texts, dtype=np.bytes_)).repeated() == twice
    if twice:
        with pytest.raises(FeatureError, match="a key is repeated"):
            encode_keys(texts)


@pytest.mark.parametrize("row", range(5))
@pytest.mark.parametrize("wrong", [b"", b"a\0b", b"\0a", b"x" * 1025])
def test_a_key_that_no_writer_stores_is_refused_in_any_place(row, wrong):
    keys = [b"1", b"2", b"3", b"4", b"5"]
    keys[row] = wrong

    with pytest.raises(FeatureError, match="a key cannot be stored"):
        StoredKeys(np.array(keys)).refuse()


@pytest.mark.parametrize("wrong", [b"\xff", b"\xc3", b"\xed\xa0\x80"])
def test_a_key_that_is_no_text_is_refused(wrong):
    with pytest.raises(UnicodeDecodeError):
        StoredKeys(np.array([b"1", b"2", b"3", wrong])).refuse()
