import codecs
from pathlib import Path

import pytest

from harness.data.encoding import guess_encoding, to_utf8
from harness.errors import DataError

TABLE = Path("images.csv")
PLATES = "path,vehicle\n" + "".join(f"{name}.jpg,{name}A12345\n" for name in "京沪粤苏")
FRENCH = "path,vehicle\na.jpg,Citroën foncé\nb.jpg,Škoda “été” 5 €\n"


def test_utf8_is_returned_as_it_is_and_its_byte_order_mark_is_dropped():
    assert to_utf8(TABLE, PLATES.encode()) == PLATES.encode()
    assert to_utf8(TABLE, codecs.BOM_UTF8 + PLATES.encode()) == PLATES.encode()
    assert to_utf8(TABLE, codecs.BOM_UTF8 + PLATES.encode(), "UTF8") == PLATES.encode()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_mark_of_utf16_or_utf32_names_the_encoding(encoding):
    assert to_utf8(TABLE, PLATES.encode(encoding)) == PLATES.encode()


def test_a_file_whose_encoding_cannot_be_named_is_to_be_converted():
    with pytest.raises(DataError) as refused:
        to_utf8(Path("name_train.txt"), PLATES.encode("gbk"), kind="list")

    assert refused.value.what == "the list is not in UTF-8"
    assert refused.value.next_step == "if that line is right, convert the list from gb18030 to UTF-8"


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_an_encoding_that_is_named_is_decoded(encoding):
    assert to_utf8(TABLE, PLATES.encode(encoding), encoding) == PLATES.encode()
    assert to_utf8(TABLE, codecs.BOM_UTF16_LE + PLATES.encode("utf-16-le"), "utf-16-le") == PLATES.encode()


@pytest.mark.parametrize(
    ("text", "encoding", "guess"),
    [
        (PLATES, "gbk", "gb18030"),
        ("红色,蓝色", "gb2312", "gb18030"),
        (FRENCH, "cp1252", "cp1252"),
        ("Größe;señal", "latin-1", "cp1252"),
        (PLATES, "utf-16", "utf-16"),
        (FRENCH, "utf-16-le", "utf-16-le"),
        (FRENCH, "utf-16-be", "utf-16-be"),
        (PLATES, "utf-32", "utf-32"),
        (PLATES, "utf-8", "utf-8"),
        ("紅色,藍色,品川", "big5", None),
        ("品川さくらなにわ", "shift_jis", None),
    ],
)
def test_an_encoding_is_recognised_or_nothing_is_said(text, encoding, guess):
    assert guess_encoding(text.encode(encoding)) == guess


def test_another_encoding_is_refused_with_its_line_and_the_encoding_that_it_seems_to_be():
    with pytest.raises(DataError) as refused:
        to_utf8(TABLE, PLATES.encode("gbk"))

    assert str(refused.value).splitlines() == [
        "the table is not in UTF-8",
        "  where: images.csv:2",
        r"  found: b'\xbe\xa9.jpg,\xbe'; this seems to be gb18030, in which the line is '京.jpg,京A12345'",
        "  expected: text in UTF-8",
        '  next: save the table as UTF-8, or if that line is right, write encoding = "gb18030" in the protocol\'s file',
    ]


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (FRENCH.encode("cp1252"), "utf-8", 'seems to be cp1252(.|\n)*encoding = "cp1252"'),
        ("path,vehicle\n".encode("utf-16-le"), "utf-8", 'images.csv:1(.|\n)*encoding = "utf-16-le"'),
        (codecs.BOM_UTF16_LE + b"\0", "utf-8", "not in UTF-16"),
        ("品川さくら".encode("shift_jis"), "utf-8", "name its encoding"),
        (PLATES.encode(), "ascii", 'not in ASCII(.|\n)*encoding = "utf-8"'),
        (FRENCH.encode("cp1252"), "gb18030", "not in GB18030"),
        (b"a\0b\0c\0d\0\xff", "utf-8", 'encoding = "utf-16-le"'),
        ("\u0a0a\u0a0a\n".encode("utf-16") + b"\x00", "ascii", "not in ASCII"),
        (b"", "utf-16-le\0", "unknown encoding"),
        (b"path", "klingon", "unknown encoding 'klingon'(.|\n)*utf-8, gb18030"),
        (b"path", "hex", "unknown encoding 'hex'"),
    ],
)
def test_bytes_that_are_not_in_the_encoding_are_refused(content, encoding, message):
    with pytest.raises(DataError, match=message):
        to_utf8(TABLE, content, encoding)
