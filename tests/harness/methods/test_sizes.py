"""A size is a number for a square or height x width, on the command line, in Python and in a stored file alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from harness.errors import UsageError
from harness.methods.method import Method, Options, create, resolve_options
from harness.methods.naming import name_run
from harness.methods.sizes import InputSize, read_size


class Sized(Method):
    class Options(Options):
        input_size: InputSize = 224

    variants = {"tall": {"input_size": (256, 128)}}  # noqa: RUF012 - as a plugin writes it

    def embed(self, images: Any) -> Any:
        return images.mean((2, 3))


SIZES = {
    "224": 224,
    "64x32": (64, 32),
    "32x64": (32, 64),
    "64X32": (64, 32),
    " 64 x 32 ": (64, 32),
    "48x48": 48,
    224: 224,
    (64, 32): (64, 32),
    (48, 48): 48,
    "32": 32,
    "16384x32": (16384, 32),
}


@pytest.mark.parametrize(("given", "size"), SIZES.items())
def test_a_size_is_one_number_or_height_and_width(given: Any, size: Any):
    assert read_size(given) == size
    options = Sized.Options(input_size=given)
    assert options.input_size == size
    assert type(options.input_size) is type(size)
    assert create(Sized, options).input_size == (size if isinstance(size, tuple) else (size, size))


@pytest.mark.parametrize(("given", "size"), SIZES.items())
def test_a_size_comes_back_from_json(given: Any, size: Any):
    stored = json.loads(json.dumps(Sized.Options(input_size=given).model_dump(mode="json")))

    assert stored["input_size"] == (list(size) if isinstance(size, tuple) else size)
    assert Sized.Options.model_validate(stored) == Sized.Options(input_size=size)


REFUSED = [
    "",
    "x",
    "64x",
    "x32",
    "64x32x3",
    "axb",
    "64*32",
    "64,32",
    "-64x32",
    "6.4",
    "31",
    "64x31",
    "16385",
    "32x16385",
    "9" * 5000,
]


@pytest.mark.parametrize("given", REFUSED)
def test_a_word_that_is_no_size_is_refused_by_its_option(given: str):
    with pytest.raises(UsageError, match="option 'input_size' of m does not fit") as caught:
        resolve_options("m", Sized, changes={"input_size": given})
    assert caught.value.found == given
    assert caught.value.expected == "a side of 32 to 16384 pixels, or height x width such as 256x128"


@pytest.mark.parametrize("given", [None, 0, -64, 31, 64.5, [], [64, 32, 3], [64, "32b"], [[64], [64]], {"a": 64}])
def test_a_stored_value_that_is_no_size_is_refused(given: Any):
    with pytest.raises(ValidationError):
        Sized.Options.model_validate({"input_size": given})


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "m"),
        ({"input_size": "256x128"}, "m/tall"),
        ({"input_size": "128x256"}, "m (input_size=128x256)"),
        ({"input_size": "224x224"}, "m"),
        ({"input_size": "96x96"}, "m (input_size=96)"),
    ],
)
def test_a_run_is_named_after_the_size_that_it_has_however_it_was_written(changes: dict[str, str], name: str):
    named = name_run("m", Sized, resolve_options("m", Sized, changes=changes), "")

    variant = f"m/{named.variant}" if named.variant else "m"
    words = ", ".join(f"{option}={value}" for option, value in named.changes.items())
    assert (f"{variant} ({words})" if words else variant) == name
