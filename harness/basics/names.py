"""Names: what a plugin may register, what may be a file on every system, and what may stand in a table."""

from __future__ import annotations

import re
import unicodedata

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

RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{word}{number}" for word in ("com", "lpt") for number in (*range(10), "\u00b9", "\u00b2", "\u00b3")}
)
"""Names that Windows keeps for devices, in any case and before any ending."""


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


def is_reserved(name: str) -> bool:
    """Return whether Windows reserves a file's name.

    Example:
        >>> is_reserved("Con"), is_reserved("aux.tar.gz"), is_reserved("console")
        (True, True, False)
    """
    return name.partition(".")[0].rstrip(" ").lower() in RESERVED


def usable(name: str) -> str:
    """Return a name that every system takes for a file: one that Windows reserves becomes longer.

    Example:
        >>> usable("con.txt"), usable("cars.txt")
        ('con-x.txt', 'cars.txt')
    """
    stem, dot, ending = name.partition(".")
    return f"{stem}-x{dot}{ending}" if is_reserved(name) else name


def folded(name: str) -> str:
    """Return what is equal for two names that macOS or Windows takes for one: without case, composed.

    Example:
        >>> folded("CITROE\u0308N.JPG") == folded("citro\u00ebn.jpg")
        True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
