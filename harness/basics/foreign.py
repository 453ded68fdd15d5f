"""What a file is that was saved or given under the name of another, by its first bytes: a page, an archive."""

from __future__ import annotations

import json
from typing import NamedTuple

HEAD = 512
"""Bytes that are looked at."""

AGAIN = "download the file itself; on a page, use its download link"
UNPACK = "unpack it and give the file inside"


class Foreign(NamedTuple):
    """A file that is something else than it was given for.

    Attributes:
        what: it is, for messages.
        next_step: what to do, for messages.
        word: for code that treats such a file in its own way: ``onnx``, ``torchscript``, ``caffe``, ``unknown``.
    """

    what: str
    next_step: str
    word: str = ""


STARTS: tuple[tuple[bytes, Foreign], ...] = (
    (b"version https://git-lfs", Foreign("a pointer of Git LFS", "fetch the file itself with 'git lfs pull'")),
    (b"404", Foreign("an answer that says 404, not found", AGAIN)),
    (b"\x1f\x8b", Foreign("an archive of gzip", UNPACK)),
    (b"7z\xbc\xaf", Foreign("an archive of 7-Zip", UNPACK)),
    (b"Rar!", Foreign("an archive of RAR", UNPACK)),
    (b"\xfd7zXZ", Foreign("an archive of xz", UNPACK)),
    (b"BZh", Foreign("an archive of bzip2", UNPACK)),
    (b"%PDF", Foreign("a PDF document", AGAIN)),
    (b"\xff\xd8\xff", Foreign("a JPEG picture", AGAIN)),
    (b"\x89PNG", Foreign("a PNG picture", AGAIN)),
)


def foreign_start(head: bytes) -> Foreign | None:
    """Return what a file is by how it begins, or None if that is none of the usual mistakes."""
    return next((foreign for start, foreign in STARTS if head.startswith(start)), None)


def foreign_text(head: bytes) -> Foreign | None:
    """Return what a file of text is; None if it is none."""
    try:
        text = head.decode("utf-8-sig", "strict" if len(head) < HEAD else "ignore").strip()
    except UnicodeDecodeError:
        return None
    if not text or not all(sign.isprintable() or sign.isspace() for sign in text):
        return None
    begins = " ".join(text.split())[:60]
    lower = text.lower()
    if lower.startswith(("<!doctype html", "<html")) or "<html" in lower:
        return Foreign(f"a page of the web: {_title(text) or begins}", AGAIN)
    if lower.startswith("<?xml"):
        return Foreign("an XML document", "for OpenVINO, give the ONNX file with --method onnx")
    if lower.startswith(("{", "[")):
        return Foreign("a JSON document", AGAIN)
    return Foreign(f"a text that begins with {json.dumps(begins)}", AGAIN)


def _title(page: str) -> str:
    """Return the title of a page in at most 60 characters."""
    start = page.lower().find("<title>")
    return "" if start < 0 else " ".join(page[start + 7 :].partition("<")[0].split())[:60]
