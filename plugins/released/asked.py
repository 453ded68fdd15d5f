"""What all methods with released weights ask of their options: a file or a network, and the size of the input."""

from __future__ import annotations

from typing import Literal

import torch

from harness.errors import UsageError
from harness.methods.method import Method

Auto = Literal["auto"]
"""For an option whose value a file or a library knows."""


def given(value: str, what: str, *, expected: str | None = None, next_step: str) -> bool:
    """Return whether an option has a value; only where nothing is computed, as for ``bench methods show``, it need not.

    Args:
        value: of the option.
        what: what is missing without it: ``no weights were given``.
        expected: with ``next_step``, for the message.
        next_step: how it is given.

    Raises:
        UsageError: it has none.
    """
    if value:
        return True
    if torch.get_default_device().type == "meta":
        return False
    raise UsageError(what, expected=expected, next_step=next_step)


class OwnSize(Method):
    """A method whose option ``input_size`` may be ``auto``: the size that its file or library says.

    Attributes:
        size: height and width in pixels for ``auto``; ``__init__`` sets it.
    """

    size: tuple[int, int] = (224, 224)

    @property
    def asked_size(self) -> tuple[int, int] | None:
        """Height and width that the options ask for, or None for ``auto``."""
        size = self.options.input_size
        return None if size == "auto" else (size, size) if isinstance(size, int) else size

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width in pixels that images are resized to."""
        return self.asked_size or self.size
