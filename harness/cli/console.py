"""Consoles that cannot print every letter: what they lack is escaped, and never ends a command."""

from __future__ import annotations

import io
import sys


def escape_unprintable() -> None:
    """Let standard output and standard error print a letter that their encoding lacks as its number.

    A console of Windows may know no letter outside GBK or cp1252. Names of files that are no text are printed so too.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def can_print(text: str) -> bool:
    """Return whether standard output can print each letter of a text."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
