"""Words for the data that weights have seen."""

import pytest

from harness.errors import UsageError
from harness.features.seen import seen_word

KNOWN = ["veri776", "vehicleid", "veri-wild"]


@pytest.mark.parametrize("word", ["msmt17", "market1501", "imagenet", "vehicle-1m", "veri-wild-2.0", "a", *KNOWN])
def test_any_short_word_says_what_weights_have_seen(word):
    assert seen_word(word, KNOWN) == word


def test_letters_are_small_unless_a_protocol_is_called_so():
    assert seen_word("MSMT17", KNOWN) == "msmt17"
    assert seen_word("Mine", ["Mine"]) == "Mine"


@pytest.mark.parametrize("word", ["VeRi", "VeRi-776", "veri77", "very776", "vehicelid", "VERI-Wild", "vehicle_id"])
def test_a_word_that_may_stand_for_a_protocol_is_asked_about(word):
    with pytest.raises(UsageError, match=r"did you mean '(veri776|vehicleid|veri-wild)'"):
        seen_word(word, KNOWN)


@pytest.mark.parametrize("word", ["", "a b", "<b>", "../veri", "x" * 61, "-a", "ü", "a|b", "a\n"])
def test_other_text_is_refused(word):
    with pytest.raises(UsageError, match="a short word"):
        seen_word(word, KNOWN)
