"""The grammar of names: what a plugin may register, what may become part of a path, and what may stand in a table."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
"""A name that plugins register, such as a method's: it can be used in a path and on a page as it is."""

PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_+@-]|\.(?![.]|\Z))*")
"""A name that may become part of a path: letters, digits and ``. _ + @ -``; no two dots in a row, none at the ends."""

LONGEST_NAME = 64
LONGEST_PART = 100
LONGEST_SHOWN = 1000
"""The limits in characters."""

NAME_WORDS = f"lower-case letters, digits, hyphens and underscores, at most {LONGEST_NAME}"
PART_WORDS = f"letters, digits and . _ + @ -, at most {LONGEST_PART}, beginning with a letter or a digit"
SHOWN_WORDS = f"at most {LONGEST_SHOWN} printable characters"


def is_name(text: str) -> bool:
    """Return whether a text can be registered as a name."""
    return len(text) <= LONGEST_NAME and NAME.fullmatch(text) is not None


def is_part(text: str) -> bool:
    r"""Return whether a text can be part of a path on any system.

    Example:
        >>> is_part("f_f+f_g"), is_part("x/../../outside"), is_part("a..b"), is_part("a\\b")
        (True, False, False, False)
    """
    return len(text) <= LONGEST_PART and PART.fullmatch(text) is not None


def is_shown(text: str) -> bool:
    """Return whether a text can stand in a table: not too long, and without control characters."""
    return len(text) <= LONGEST_SHOWN and text.isprintable()
