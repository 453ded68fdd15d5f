"""What a check says about one property of a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Result = Literal["passed", "failed", "skipped", "measured"]


@dataclass(frozen=True)
class Finding:
    """The result of checking one property.

    Attributes:
        check: the property's name, such as ``batch size``.
        result: whether it holds; ``skipped`` if it could not be checked, ``measured`` if it is only a figure.
        detail: what holds, what is wrong and how to change it, why it was skipped, or the figure.
    """

    check: str
    result: Result
    detail: str


class Skipped(Exception):  # noqa: N818 - not an error
    """A property cannot be checked, for this reason."""


class Measured(Exception):  # noqa: N818 - not an error
    """A property is a figure, this one."""
