import pytest

from harness.errors import UsageError
from plugins.pr_reid.method import BRANCHES
from tests.plugins.pr_reid.made import pr_reid


def test_branches_are_a_set_in_one_order():
    assert pr_reid(branches="window, global").options.branches == ("global", "window")
    assert pr_reid(branches="brand,brand", test="fused").options.branches == ("brand",)
    assert pr_reid().options.branches == BRANCHES


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("branches", ""),
        ("branches", "global,wheel"),
        ("lights", "both"),
        ("reducers", "two"),
        ("test", "parts"),
        ("fusion", "sum"),
        ("lambda_light", "-1"),
        ("rate_left", "0"),
        ("input_size", "16"),
        ("batch", "1"),
        ("backbone", "vgg"),
    ],
)
def test_an_option_that_does_not_fit_is_named(option, value):
    with pytest.raises(UsageError, match=f"option '{option}.* of pr-reid does not fit"):
        pr_reid(**{option: value})


def test_what_a_validator_says_is_shown_in_its_own_words():
    with pytest.raises(UsageError) as caught:
        pr_reid(branches="")
    assert caught.value.expected == "one or more of global, light, brand, window"


def test_without_the_global_branch_the_test_must_fuse_the_parts():
    with pytest.raises(UsageError) as caught:
        pr_reid(branches="light,window")
    assert str(caught.value).splitlines() == [
        "pr-reid has no feature of the global branch for a test",
        "  found: test=global with branches=light,window",
        "  expected: test=fused, or 'global' among the branches",
        "  next: --set test=fused",
    ]
