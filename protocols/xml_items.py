"""The label files of VeRi-776 and CityFlow: XML with one ``Item`` an image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from xml.parsers import expat

from harness.data.encoding import marked, to_utf8
from harness.data.lists import read_bytes
from harness.errors import DataError

DECLARED = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["'][^>]*\?>""")
ENCODINGS = {
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
    **dict.fromkeys(("utf-8", "utf8", "us-ascii", "ascii"), "utf-8"),
}

Item = Mapping[str, str]


def read_items(path: Path) -> list[tuple[int, Item]]:
    """Return the line and the attributes of every ``Item`` of an XML file.

    The bytes are decoded here because the release declares gb2312, which expat does not support. A document type is
    refused, so that no entity is ever expanded or fetched.

    Raises:
        DataError: it is not XML, declares a document type or an unknown encoding, or is in another than it declares.
    """
    content = read_bytes(path, "label file")
    declared = DECLARED.match(content)
    encoding = declared.group(1).decode().lower() if declared else marked(content)
    if encoding in ("utf-16", "utf-32"):
        encoding = "utf-8"  # by its mark
    if encoding not in ENCODINGS:
        raise DataError("the label file's encoding is unknown", where=path, found=encoding, expected="gb2312 or utf-8")
    items: list[tuple[int, Item]] = []
    parser = expat.ParserCreate("utf-8")  # overrides what the document declares

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "Item":
            items.append((parser.CurrentLineNumber, attributes))

    def refuse(*_: object) -> None:
        raise DataError("the label file declares a document type, which no file of the release does", where=path)

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(to_utf8(path, content, ENCODINGS[encoding], "label file"), True)
    except expat.ExpatError as problem:
        raise DataError(
            "the label file is not XML", where=f"{path}:{problem.lineno}", found=expat.ErrorString(problem.code)
        ) from None
    return items
