import pytest

from harness.errors import UsageError
from tests.plugins.rnn_ha.made import rnn_ha

VARIANTS = {
    "fc-ha": {"unit": "full"},
    "rnn-h": {"attention": False},
    "rnn-ha": {},
    "resnet": {"backbone": "resnet50"},
    "672": {"input_size": 672},
    "resnet-672": {"backbone": "resnet50", "input_size": 672},
}
"""The poster's rows, as the published numbers name them."""


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("unit", "lstm"),
        ("hidden", "0"),
        ("descriptor", "x2"),
        ("pixels", "bgr"),
        ("batch", "1"),
        ("milestones", "ten"),
        ("input_size", "8"),
    ],
)
def test_an_option_that_does_not_fit_is_named(option, value):
    with pytest.raises(UsageError, match=f"option '{option}' of rnn-ha does not fit"):
        rnn_ha(**{option: value})


def test_x1_is_shown_twice_to_a_gru_only():
    with pytest.raises(UsageError, match="can show x1 twice to a GRU only") as caught:
        rnn_ha("fc-ha", shown_twice="true")
    assert caught.value.expected == "unit=gru"


@pytest.mark.parametrize(("variant", "changes"), VARIANTS.items())
def test_each_row_of_the_poster_is_a_variant(variant, changes):
    assert rnn_ha(variant).options == rnn_ha(**changes).options


def test_the_poster_has_no_other_rows():
    assert set(type(rnn_ha()).variants) == set(VARIANTS)


def test_what_the_release_does_beyond_the_paper_is_off():
    options = rnn_ha().options

    assert (options.shown_twice, options.divide_by_cells, options.labelled_only) == (False, False, False)
    assert options.pixels == "released"
