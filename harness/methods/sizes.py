"""Sizes of a network's input, written ``224`` for a square or ``256x128`` for height x width."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator
from pydantic_core import PydanticCustomError

MAX_SIDE = 1 << 14
"""No side of an image is longer than 16,384 pixels."""

LEAST_SIDE = 32
"""The smallest side of an input; a ResNet's last map would have no cell for less."""


def read_size(value: object) -> object:
    """Return ``224`` and ``256x128`` as numbers, and a pair of equal numbers as one; any other value as it is."""
    if isinstance(value, str):
        sides: object = tuple(int(side) if side.strip().isdecimal() else side for side in value.lower().split("x"))
    else:
        sides = value
    if isinstance(sides, tuple | list) and 1 <= len(sides) <= 2 and sides[0] == sides[-1]:
        return sides[0]
    return sides


def size_within(least: int, most: int) -> WrapValidator:
    """Return the validator of a size, whose message says what a size is and names these limits."""

    def read(value: object, checked: ValidatorFunctionWrapHandler) -> object:
        try:
            return checked(read_size(value))
        except ValueError:  # of the number and of the pair; neither says what a size is
            raise PydanticCustomError(
                "input_size", f"a side of {least} to {most} pixels, or height x width such as 256x128"
            ) from None

    return WrapValidator(read)


Side = Annotated[int, Field(ge=LEAST_SIDE, le=MAX_SIDE)]

_SCHEMA = {"anyOf": [{"type": "integer", "minimum": LEAST_SIDE, "maximum": MAX_SIDE}, {"const": "HxW"}]}

InputSize = Annotated[Side | tuple[Side, Side], size_within(LEAST_SIDE, MAX_SIDE), WithJsonSchema(_SCHEMA)]
"""The type of an option ``input_size``: one number for a square, or height and width; ``--set input_size=256x128``."""
