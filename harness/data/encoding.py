"""Text files in other encodings than UTF-8, which are refused unless a byte-order mark or the user names theirs."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

from harness.errors import DataError

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte-order marks; UTF-32's begins with UTF-16's."""

ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
"""How workbooks (.xlsx, .xls) and archives begin."""

TABLE = "table"
"""The only kind of file whose encoding the user can name."""

USUAL = 0.9
"""Share of usual characters from which an encoding is proposed: French read as GB18030 has almost none, and Big5 about
0.6."""


def to_utf8(path: Path, content: bytes, encoding: str = "utf-8", kind: str = TABLE) -> bytes:
    """Return a file's bytes in UTF-8 without a byte-order mark.

    Args:
        path: the file, for messages.
        content: its bytes.
        encoding: their encoding, as Python names it. A byte-order mark of UTF-16 or UTF-32 overrides UTF-8.
        kind: what messages call the file.

    Raises:
        DataError: the encoding is unknown, or the bytes are not in it; the message proposes another.
    """
    if content.startswith(ARCHIVES):
        raise DataError(
            f"the {kind} is a workbook or an archive",
            where=path,
            expected="text with a line for each image" if kind == TABLE else "text in UTF-8",
            next_step='save it as "CSV UTF-8"' if kind == TABLE else "unpack it",
        )
    try:
        utf8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
        if utf8 and marked(content) != "utf-8":
            encoding, utf8 = marked(content), False
        text = content.decode("utf-8" if utf8 else encoding)
        converted = content.removeprefix(codecs.BOM_UTF8) if utf8 else text.removeprefix("\ufeff").encode()
    except UnicodeError as problem:
        raise _refusal(path, content, encoding, getattr(problem, "start", 0), kind) from None
    except (LookupError, ValueError):
        raise DataError(
            f"unknown encoding {encoding!r}",
            where=path,
            expected="utf-8, gb18030, cp1252, utf-16 or another of Python's",
        ) from None
    if utf8 and b"\0" in content[:64] and guess_encoding(content) in ("utf-16-le", "utf-16-be"):
        raise _refusal(path, content, encoding, content.index(b"\0"), kind)  # Latin text in UTF-16 is valid UTF-8 too
    return converted


def marked(content: bytes) -> str:
    """Return the encoding that the byte-order mark of some bytes names; without one, ``utf-8``."""
    return next((encoding for mark, encoding in MARKS if content.startswith(mark)), "utf-8")


def guess_encoding(content: bytes) -> str | None:
    """Return the encoding that bytes seem to have, or None; a few candidates are tried on the whole content.

    Libraries that guess from the statistics of languages mistake license plates in GB18030 for Baltic text.
    """
    for mark, encoding in MARKS:
        if content.startswith(mark) and _decoded(content, encoding) is not None:
            return encoding
    zeros_first, zeros_second = content[:4096:2].count(0), content[1:4096:2].count(0)
    if max(zeros_first, zeros_second) > len(content[:4096]) / 4:
        return "utf-16-le" if zeros_second > zeros_first else "utf-16-be"
    candidates: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("utf-8", lambda _: True),
        ("gb18030", lambda character: bool(character.encode("gb2312", "ignore"))),
        ("cp1252", lambda character: character.isalpha() or character in "\u2018\u2019\u201c\u201d\u2013\u20ac\xb0"),
    )
    for encoding, usual in candidates:
        text = _decoded(content, encoding)
        if text is not None:
            foreign = [character for character in text if not character.isascii()]
            known = {character for character in set(foreign) if usual(character)}
            if sum(character in known for character in foreign) >= USUAL * len(foreign):
                return encoding
    return None


def _refusal(path: Path, content: bytes, encoding: str, start: int, kind: str) -> DataError:
    """Return the error for bytes that are not in an encoding, with the text of their line in the one proposed."""
    found = repr(content[start : start + 8])
    guess = None if encoding == marked(content) != "utf-8" else guess_encoding(content)
    line = content.count(b"\n", 0, start)
    step = f"save the {kind} as UTF-8"
    if kind == TABLE:
        step += ', or name its encoding in the protocol\'s file, such as encoding = "gb18030"'
    if guess is not None:
        text = "".join(content.decode(guess, "replace").split("\n")[line : line + 1]).strip()
        found += f"; this seems to be {guess}, in which the line is {text[:80]!r}"
        step = f"if that line is right, convert the {kind} from {guess} to UTF-8"
        if kind == TABLE:
            step = (
                f'save the table as UTF-8, or if that line is right, write encoding = "{guess}" in the protocol\'s file'
            )
    return DataError(
        f"the {kind} is not in {encoding.upper()}",
        where=f"{path}:{line + 1}",
        found=found,
        expected=f"text in {encoding.upper()}",
        next_step=step,
    )


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeError:
        return None
