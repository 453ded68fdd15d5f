"""Names of files on other systems: what Windows reserves, and what macOS and Windows take for one name."""

from __future__ import annotations

import unicodedata

RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{word}{number}" for word in ("com", "lpt") for number in (*range(10), "\u00b9", "\u00b2", "\u00b3")}
)
"""Names that Windows keeps for devices, in any case and before any ending."""


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
