import pytest

from harness.errors import UsageError
from tests.plugins.pgan.made import pgan


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("backbone", "resnet34"),
        ("D", "-1"),
        ("attention", "soft"),
        ("temperature", "0"),
        ("box_to_cells", "nearest"),
        ("dimension", "300"),
        ("losses", "g+p"),
        ("lambda_c", "-1"),
    ],
)
def test_an_option_that_does_not_fit_is_named(option, value):
    with pytest.raises(UsageError, match=f"option '{option}' of pgan does not fit"):
        pgan(**{option: value})
