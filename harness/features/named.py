"""The types of fields that come from files: names of a safe form, and integers that can be computed with."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from harness.basics.names import PART_WORDS, SHOWN_WORDS, is_part, is_shown


def _part(text: str) -> str:
    if not is_part(text):
        raise ValueError(f"a name has {PART_WORDS}")
    return text


def _part_or_empty(text: str) -> str:
    return _part(text) if text else text


def _shown(text: str) -> str:
    if not is_shown(text):
        raise ValueError(f"a name has {SHOWN_WORDS}")
    return text


PartName = Annotated[str, AfterValidator(_part)]
"""A text that may become part of a path."""

OptionalPart = Annotated[str, AfterValidator(_part_or_empty)]
"""As ``PartName``, or empty."""

ShownName = Annotated[str, AfterValidator(_shown)]
"""A text that is only shown."""

Whole = Annotated[int, Field(ge=0, lt=2**63)]
Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""Integers that arrays can hold."""

Side = Annotated[int, Field(ge=0, le=1 << 20)]
"""The height or width of an image in pixels."""
