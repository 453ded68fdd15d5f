import pytest
from hypothesis import given, strategies as st

from harness.basics.names import is_reserved
from leaderboard.filing import address, slug

PART = st.from_regex(r"[a-c]{1,3}(-[a-c]{1,3}){0,2}", fullmatch=True)
NAMES = st.one_of(
    st.tuples(PART, PART).map("/".join),
    st.tuples(PART, st.sampled_from(["a", "b+c", "b-c", "B", "not-stated"])).map("/".join),
    st.text(max_size=12),
)


@given(NAMES, NAMES)
def test_tasks_of_different_names_have_different_addresses(one, other):
    assert (address(one) == address(other)) == (one == other)


@given(NAMES)
def test_an_address_is_safe_in_a_path_and_a_link(name):
    assert set(address(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(address(name)) <= 80


def test_the_addresses_of_standing_pages_stay():
    standing = {
        "veri776/image-to-image": "veri776-image-to-image",
        "veri776 (rule not stated)": "veri776-rule-not-stated",
        "vehicleid/large (rule not stated)": "vehicleid-large-rule-not-stated",
        "vehicleid (test set not stated)": "vehicleid-test-set-not-stated",
    }
    assert {name: address(name) for name in standing} == standing


@pytest.mark.parametrize(
    ("name", "expected"),
    [("VeRi-776/image to image", "veri-776-image-to-image"), ("..", "x"), ("Con", "con-x"), ("aux.", "aux-x")],
)
def test_a_name_becomes_part_of_a_path_on_any_system(name, expected):
    assert slug(name) == expected
    assert not is_reserved(slug(name))


def test_a_long_name_is_cut():
    assert len(slug("long " * 100)) <= 62
