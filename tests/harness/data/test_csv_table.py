import csv
import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.data.csv_table import read_header, read_tables
from harness.data.images import NOBODY, UNKNOWN
from harness.data.values import Words
from harness.errors import DataError

TABLE = """path,vehicle,split,camera
q/1.jpg,8,query,north
g/1.jpg,8,gallery,south
"""


def write(folder, content):
    path = folder / "images.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def names(table, label):
    """The texts of a column, as the table's file wrote them."""
    found = table.names.get(label, {})
    return [found.get(value, value) for value in table.label(label).tolist()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_delimiter_and_the_byte_order_mark_are_found(tmp_path, delimiter, mark):
    path = write(tmp_path, mark + TABLE.replace(",", delimiter).encode())

    assert read_header(path, {}).places == {"path": 0, "vehicle": 1, "split": 2, "camera": 3}
    assert read_tables(path, {})["query"].paths == ("q/1.jpg",)


def test_the_delimiter_that_fits_the_columns_wins_over_one_in_a_name(tmp_path):
    path = write(tmp_path, "path;vehicle;split;a,b,c,d,e\nq.jpg;8;query;1,2\n")

    assert read_tables(path, {})["query"].vehicle.tolist() == [8]


def test_a_delimiter_that_is_given_is_used(tmp_path):
    path = write(tmp_path, TABLE.replace(",", "|"))

    assert names(read_tables(path, {}, "|")["gallery"], "camera") == ["south"]
    with pytest.raises(DataError, match=r"not separated by ','(.|\n)*write delimiter = \"\|\""):
        read_tables(path, {})


def test_text_in_an_encoding_that_is_named_is_read_and_otherwise_refused(tmp_path):
    rows = "".join(f"{n}.jpg,{plate}A12345,query\n" for n, plate in enumerate("京沪粤苏"))
    path = write(tmp_path, ("path,vehicle,split\n" + rows).encode("gbk"))
    table = read_tables(path, {}, encoding="gb18030")["query"]

    assert names(table, "vehicle") == ["京A12345", "沪A12345", "粤A12345", "苏A12345"]
    for read in (read_tables, read_header):
        with pytest.raises(DataError, match=r"not in UTF-8\n  where: .*images.csv:2\n(.|\n)*seems to be gb18030"):
            read(path, {})
    write(tmp_path, ("path,vehicle,split\n" + rows).encode("utf-16"))
    assert read_tables(path, {}, encoding="utf-16")["query"].vehicle.tolist() == table.vehicle.tolist()


LITERAL = ["nan", "NaN", "None", "NA", "null", "N/A", "-", "1e5", "3.0", "0x1F", "True", "1_000", "+7"]


def test_words_that_readers_take_for_missing_or_for_numbers_stay_as_written(tmp_path):
    rows = "".join(f"{n}.jpg,{value},query,{value}\n" for n, value in enumerate(LITERAL))
    table = read_tables(write(tmp_path, "path,vehicle,split,camera\n" + rows), {})["query"]

    assert names(table, "vehicle") == LITERAL
    assert names(read_tables(tmp_path / "images.csv", {}, words=Words(unknown=()))["query"], "camera") == LITERAL
    assert names(table, "camera") == [UNKNOWN] * 7 + LITERAL[7:]


def test_labels_that_are_words_for_nothing_are_unknown_and_told(tmp_path):
    rows = ["a,1,x,nan,1", "b,2,x,NaN,NaT", "c,3,x,-1,", "d,4,x,7,", "e,5,x,nan,"]
    notes = []
    path = write(tmp_path, "path,vehicle,split,camera,time\n" + "\n".join(rows) + "\n")
    table = read_tables(path, {}, notes=notes)["x"]

    assert table.camera.tolist() == [UNKNOWN, UNKNOWN, UNKNOWN, 7, UNKNOWN]
    assert table.time.tolist() == [1, *[UNKNOWN] * 4]
    assert notes == [
        "the camera of 4 images is 'nan', 'NaN', '-1', which is read as unknown; if it is a camera, write "
        "unknown = [] in the protocol's file",
        "the time of 1 images is 'NaT', which is read as unknown",
    ]


def test_a_column_of_words_for_nothing_is_as_if_it_were_not_there(tmp_path):
    path = write(tmp_path, "path,vehicle,split,camera,track\na,1,x,None,-\nb,2,x,nan,\n")

    assert read_header(path, {}).places.keys() == {"path", "vehicle", "split"}
    table = read_tables(path, {})["x"]
    assert table.camera is table.track is None
    assert "camera" in read_header(path, {}, words=Words(unknown=())).places


def test_images_of_nobody_match_no_other_image_and_keep_their_word(tmp_path):
    rows = ["a,7,x,", "b,-1,x,", "c,-1,x,", "d,,x,5", "e,,x,5", "f,8,x,"]
    path = write(tmp_path, "path,vehicle,split,track\n" + "\n".join(rows) + "\n")
    table = read_tables(path, {}, words=Words(nobody=("-1", "")))["x"]

    assert table.vehicle[[0, 5]].tolist() == [7, 8]
    assert (table.vehicle[1:5] >= NOBODY).all()
    assert len(set(table.vehicle[[0, 1, 2, 3, 5]].tolist())) == 5
    assert table.vehicle[3] == table.vehicle[4], "images of one track show one vehicle, whoever that is"
    assert names(table, "vehicle") == [7, "-1", "-1", "nobody", "nobody", 8]
    with pytest.raises(DataError, match=r'images.csv:5: the vehicle is required; .* nobody = \[""\]'):
        read_tables(path, {})


def test_backslashes_of_another_system_are_read_as_slashes_and_told(tmp_path):
    notes = []
    path = write(tmp_path, "path,vehicle,split\nq\\1.jpg,1,x\n.\\g\\2.jpg,1,x\n./g/3.jpg,2,x\n")
    table = read_tables(path, {}, notes=notes)["x"]

    assert table.paths == ("q/1.jpg", "g/2.jpg", "g/3.jpg")
    assert notes == ["2 paths of images.csv are written with backslashes, and read with forward slashes"]


def test_a_mark_of_utf16_is_enough_and_told(tmp_path):
    notes = []
    path = write(tmp_path, TABLE.replace(",", "\t").encode("utf-16"))

    assert read_tables(path, {}, notes=notes)["query"].paths == ("q/1.jpg",)
    assert notes == ["images.csv is read as UTF-16, which its byte-order mark names"]


@pytest.mark.parametrize("column", ["vehicle", "camera", "track"])
def test_numbers_that_a_spreadsheet_has_rounded_are_refused(tmp_path, column):
    path = write(
        tmp_path,
        f"path,{'' if column == 'vehicle' else 'vehicle,'}{column}\na,{'' if column == 'vehicle' else '1,'}1.23E+12\n",
    )

    with pytest.raises(DataError, match=rf"rewritten {column}s as numbers(.|\n)*1 of 1: 1.23E\+12(.|\n)*export"):
        read_tables(path, {})


def test_leading_zeros_and_long_integers_stay_as_written(tmp_path):
    values = ["7", "07", "007", "123456789012345678901234567890", "9007199254740993"]
    rows = "".join(f"0{n},{value},007\n" for n, value in enumerate(values))
    splits = read_tables(write(tmp_path, "path,vehicle,split\n" + rows), {})

    assert list(splits) == ["007"]
    assert splits["007"].paths == ("00", "01", "02", "03", "04")
    assert names(splits["007"], "vehicle") == values


def test_numbers_are_kept_and_an_empty_field_is_unknown(tmp_path):
    text = "path,vehicle,split,camera,track\na,9,x,12,003\nb,10,x,,\n"
    table = read_tables(write(tmp_path, text), {})["x"]

    assert table.vehicle.tolist() == [9, 10]
    assert table.camera.tolist() == [12, UNKNOWN]
    assert table.track.tolist() == [3, UNKNOWN]
    assert table.names == {}


def test_cameras_and_views_keep_their_numbers(tmp_path):
    path = write(tmp_path, "path,vehicle,split,camera,view\na.jpg,1,query,7,0\nb.jpg,2,query,12,\n")

    table = read_tables(path, {})["query"]

    assert table.camera.tolist() == [7, 12]
    assert table.view.tolist() == [0, UNKNOWN]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_blank_rows_are_skipped_under_every_line_ending_and_lines_still_count(tmp_path, ending):
    lines = ["split,vehicle,path", "query,7,a", "", "  ", ",,", "query,7,b", ",7,c", "gallery,7,d"]
    path = write(tmp_path, ending.join(lines) + ending)

    with pytest.raises(DataError, match=r"1 line of the table(.|\n)*images.csv:7: the split is required"):
        read_tables(path, {})
    path = write(tmp_path, ending.join([*lines[:6], *lines[7:]]))
    assert {split: table.paths for split, table in read_tables(path, {}).items()} == {
        "query": ("a", "b"),
        "gallery": ("d",),
    }


def test_an_empty_first_field_after_a_lone_carriage_return_stays(tmp_path):
    """Pandas' parser drops it and shifts the row by a column."""
    table = read_tables(write(tmp_path, "camera,path,vehicle,split\rn,a,7,x\r,b,8,x\r"), {})["x"]

    assert table.vehicle.tolist() == [7, 8]
    assert names(table, "camera") == ["n", UNKNOWN]


def test_a_row_may_have_more_fields_than_the_header_but_not_fewer_than_needed(tmp_path):
    assert len(read_tables(write(tmp_path, TABLE + "g/2.jpg,8,gallery,south,,,\n"), {})["gallery"]) == 2
    with pytest.raises(DataError, match=r"images.csv:4: 3 fields, at least 4 expected"):
        read_tables(write(tmp_path, TABLE + "g/2.jpg,8,gallery\n"), {})


def test_every_bad_row_is_named_by_its_line_even_after_fields_of_several_lines(tmp_path):
    path = write(
        tmp_path,
        'path,vehicle,split,time,note\na,1,x,,"two\nlines"\n..,1,x,,\nb,,x,,\na,1,x,,\nc,1,x,now,\nd,1\nC:\\e,1,x,,\n',
    )
    with pytest.raises(DataError) as refused:
        read_tables(path, {})

    assert [line.strip() for line in str(refused.value).splitlines()[3:-1]] == [
        "images.csv:4: '..' is not a path inside the data set's folder",
        'images.csv:5: the vehicle is required; if nobody knows it, write nobody = [""] in the protocol\'s file',
        "images.csv:6: 'a' is already in line 3",
        "images.csv:7: 'now' is not a time; expected 1520787605 or 2018-03-11T17:00:05",
        "images.csv:8: 2 fields, at least 4 expected",
        "images.csv:9: 'C:/e' is not a path inside the data set's folder; write it as it goes on below the folder "
        "'root'",
    ]
    assert refused.value.next_step == "correct these lines, or let 'bench data init' write another table"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('"g"x,8,gallery,n', r"images.csv:4: ',' expected after '\"'"),
        ('"g,8,gallery,n', r"images.csv:4: unexpected end of data"),
        ("g,8\0,gallery,n", r"images.csv:4: the row has a NUL character"),
    ],
)
def test_rows_that_pandas_would_read_in_another_way_are_refused(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        read_tables(write(tmp_path, TABLE + row + "\n"), {})


@pytest.mark.parametrize("time", ["now", "today", "17:00:05", "2018/03/11", "1520787605.5"])
def test_a_time_that_is_none_is_refused(tmp_path, time):
    with pytest.raises(DataError, match=r"images.csv:2: .* is not a time"):
        read_tables(write(tmp_path, f"path,vehicle,split,time\na,1,x,{time}\n"), {})


def test_times_are_utc_unless_they_name_a_zone(tmp_path):
    written = ["2018-03-11T17:00:05", "2018-03-11 17:00:05.75", "2018-03-12T01:00:05+08:00", "1520787605", "2018-03-11"]
    rows = "".join(f"{n},1,x,{time}\n" for n, time in enumerate(written))
    table = read_tables(write(tmp_path, "path,vehicle,split,time\n" + rows), {})["x"]

    assert table.time.tolist() == [1520787605] * 4 + [1520787605 - 17 * 3600 - 5]


def test_the_header_has_no_empty_camera_or_track_column(tmp_path):
    text = "path,vehicle,split,camera,track,colour\n{},{},\n"
    path = write(tmp_path, text.format("a,1,x, ", "") + "b,1,x,,5,\n")

    assert read_header(path, {}).places.keys() == {"path", "vehicle", "split", "track", "colour"}
    assert read_tables(path, {})["x"].camera is None


def test_a_header_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataError, match="first line cannot be read"):
        read_header(write(tmp_path, "x" * 200_000 + ",path\n"), {})
    with pytest.raises(DataError, match="first line cannot be read"):
        read_tables(write(tmp_path, 'path,vehicle,"camera"x\n1.jpg,"7",2\n'), {})
    with pytest.raises(DataError, match=r"no column 'path'\n(.|\n)*found: an empty first line"):
        read_header(write(tmp_path, "\npath,vehicle,split\n"), {})
    with pytest.raises(DataError, match="no column 'path'"):
        read_header(write(tmp_path, ""), {})


CELL = st.text(st.sampled_from("a7 0.-nN\"',;\té京\n"), max_size=5)


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_a_table_gives_back_what_the_csv_module_wrote(tmp_path_factory, rows, ending):
    """The strict reader of the standard library is the reference."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator=ending)
    writer.writerow(["path", "vehicle", "split", "camera", "note"])
    writer.writerows([f"{n}.jpg", f"v{vehicle}", "x", camera, note] for n, (vehicle, camera, note) in enumerate(rows))
    path = write(tmp_path_factory.mktemp("csv"), file.getvalue())
    table = read_tables(path, {})["x"]
    _, *read = csv.reader(io.StringIO(path.read_bytes().decode(), newline=""))

    assert table.paths == tuple(f"{n}.jpg" for n in range(len(rows)))
    assert names(table, "vehicle") == [row[1].strip() for row in read]
    cameras = [Words().known(row[3].strip()) for row in read]
    if any(cameras):
        assert np.equal.outer(table.camera, table.camera).tolist() == [[a == b for b in cameras] for a in cameras]
    else:
        assert table.camera is None


def test_pandas_is_imported_only_when_a_table_is_read():
    code = "import sys, harness.tasks.toml_protocol, harness.data.csv_table; sys.exit('pandas' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603
