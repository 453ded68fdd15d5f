"""What a user's table probably means otherwise is told, and nothing else is."""

import pytest

from harness.data.csv_table import read_tables
from harness.data.doubts import doubts


def told(folder, *rows, header="path,vehicle,split,camera"):
    lines = "\n".join(f"{number}.jpg,{row}" for number, row in enumerate(rows))
    (folder / "images.csv").write_text(f"{header}\n{lines}\n")
    return doubts(read_tables(folder / "images.csv", {}))


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["None,q,1", "B,q,1"], "the vehicle of 1 images is 'None', which counts as one vehicle"),
        (["-1,q,1", "7,q,1"], "the vehicle of 1 images is '-1', which counts as one vehicle"),
        (["7,q,1", "007,q,1"], "'7' and '007' are different vehicles"),
        (["3,q,1", "3.0,q,1"], "'3' and '3.0' are different vehicles"),
    ],
)
def test_a_value_that_probably_means_something_else_is_told(tmp_path, rows, sentence):
    [found] = told(tmp_path, *rows)

    assert sentence in found


def test_a_word_for_nobody_that_the_user_decided_on_is_told_no_more(tmp_path):
    (tmp_path / "images.csv").write_text("path,vehicle,split\na,-1,q\nb,7,q\n")
    tables = read_tables(tmp_path / "images.csv", {})

    assert 'write nobody = ["-1"] in the protocol\'s file' in doubts(tables)[0]
    assert doubts(tables, decided=True) == ()


@pytest.mark.parametrize(
    "rows", [["7,q,1", "8,q,"], ["A1,q,north", "A01,q,south"], ["007,q,1", "008,q,2"], ["1E5,q,1", "NAN1,q,2"]]
)
def test_plain_values_raise_no_doubts(tmp_path, rows):
    assert told(tmp_path, *rows) == ()
