"""A package that is missing is named with the extra that installs it."""

import json

import pytest

from harness.basics.extras import require
from harness.errors import UsageError


def test_a_module_that_is_there_is_returned():
    assert require("json", "a-method", "an-extra") is json


def test_one_that_is_missing_names_its_extra():
    with pytest.raises(UsageError, match="a-method needs a package that is missing") as caught:
        require("no_such_package.part", "a-method", "an-extra")
    assert caught.value.expected == "no_such_package"
    assert "pip install 'vehicle-reid-bench[an-extra]'" in str(caught.value)
