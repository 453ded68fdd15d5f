"""The options that several of these verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from harness.cli.grouped import DATA, option
from harness.cli.options import DIR

F = TypeVar("F", bound=Callable[..., Any])


def folder(word: str, help_text: str, **settings: Any) -> Callable[[F], F]:
    """Return an option that takes a folder."""
    return option(word, group=DATA, type=DIR, help=help_text, **settings)


def folders(word: str, help_text: str) -> Callable[[F], F]:
    """Return an option that takes a folder and can be repeated."""
    return folder(word, f"{help_text} Repeatable.", multiple=True)


published = folder("--published", "Folder of numbers from papers; default: the package's.")
