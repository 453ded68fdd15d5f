"""Texts of strangers as they are shown: what could move a cursor, ring a bell or turn the writing is made visible."""

from __future__ import annotations

import logging
import unicodedata

INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's categories of characters that are not shown as themselves: controls, formats (with those that turn the
direction of writing), surrogates, private and unassigned ones, and separators of lines and paragraphs."""


def visible(text: str, keep: str = "\n\t") -> str:
    r"""Return a text with each invisible character, but those to keep, as Python would write it.

    Example:
        >>> visible("a\x1b[31m\u202e")
        'a\\x1b[31m\\u202e'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_mark(sign) if _hidden(sign) and sign not in keep else sign for sign in text)


def _hidden(sign: str) -> bool:
    return not sign.isprintable() and unicodedata.category(sign) in INVISIBLE


def _mark(sign: str) -> str:
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


class VisibleLines(logging.Formatter):
    """Formats what is logged, with hidden characters as visible marks."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return visible(super().format(record))
