import pytest

from harness.errors import UsageError
from tests.plugins.ram.made import ram


@pytest.mark.parametrize(("option", "value"), [("steps", "5"), ("backbone", "vgg16"), ("dropout", "1")])
def test_an_option_that_does_not_fit_is_named(option, value):
    with pytest.raises(UsageError, match=f"option '{option}' of ram does not fit"):
        ram(**{option: value})
