"""A folder, a table or lists are looked at: what is found out, and what is told."""

import csv
import os

import pytest

from harness.data.own.folder import images_below, place
from harness.data.own.found import Notes
from harness.data.own.look import look
from harness.data.own.names import Pattern
from harness.data.own.paths import resolve
from harness.errors import DataError, UsageError


def images(root, *keys):
    """Make files that end like images; nothing is decoded here."""
    for key in keys:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(b"")
    return root


def table(path, *rows, delimiter=",", encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def looked(folder, *tables, pattern=None, choose=None):
    notes = Notes() if choose is None else Notes(choose)
    return look(folder, tables, pattern, notes), notes


def column(data, word):
    return [row.get(word) for row in sorted(data.rows, key=lambda row: (row.get("split", ""), row["path"]))]


def test_folders_of_splits_are_found_under_their_usual_names(tmp_path):
    images(tmp_path, "x/bounding_box_train/1_c1_a.jpg", "x/image_query/2_c1_a.jpg", "x/Gallery/2_c2_a.jpg")
    placed, outside = place(images_below(tmp_path).keys)

    assert [(one.split, one.inner) for one in placed] == [
        ("gallery", "2_c2_a.jpg"),
        ("train", "1_c1_a.jpg"),
        ("query", "2_c1_a.jpg"),
    ]
    assert outside == []


def test_leftovers_of_systems_and_links_to_folders_are_no_images(tmp_path):
    images(tmp_path / "in", "1.jpg", "._1.jpg", "__MACOSX/1.jpg", ".hidden/1.jpg", "notes.txt", "a.PNG")
    images(tmp_path / "out", "9.jpg")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")

    assert images_below(tmp_path / "in").keys == ("1.jpg", "a.PNG")
    [note] = images_below(tmp_path / "in").notes
    assert note.startswith("links to folders are not followed: link; ")
    assert "follow_links = true" in note


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_names_that_cannot_be_written_are_left_out_and_told(tmp_path):
    images(tmp_path, "1.jpg", "a:b.jpg")
    (tmp_path / os.fsdecode(b"\xbe\xa9.jpg")).write_bytes(b"")

    found = images_below(tmp_path)

    assert found.keys == ("1.jpg",)
    assert found.notes[0].startswith("2 images are left out")


def test_a_test_folder_under_two_cameras_is_asked_by_the_first(tmp_path):
    images(tmp_path, *(f"{s}/car_{v:04}_cam{c}.jpg" for s in ("train", "test") for v in (1, 2) for c in (1, 2)))
    data, notes = looked(tmp_path)

    assert (data.query, data.gallery, data.pattern) == ("query", "gallery", "{type}_{vehicle}_cam{camera}")
    assert column(data, "split") == ["gallery"] * 2 + ["query"] * 2 + ["train"] * 4
    assert column(data, "camera")[:4] == ["2", "2", "1", "1"]
    assert ("asks", "camera 1 asks, camera 2 answers") in notes.taken


def test_a_numbering_that_starts_again_in_each_split_is_told_apart(tmp_path):
    images(tmp_path, *(f"{s}/car_{v:04}_cam{c}.jpg" for s in ("train", "test") for v in (1, 2) for c in (1, 2)))
    data, notes = looked(tmp_path)
    same, _ = looked(tmp_path, choose=lambda question, _answers: int("same vehicles" in question))

    assert set(column(data, "vehicle")) == {"test/car_0001", "test/car_0002", "train/car_0001", "train/car_0002"}
    assert notes.open[0].startswith("2 names of vehicles are in several of test, train, such as car_000")
    assert set(column(same, "vehicle")) == {"car_0001", "car_0002"}


def test_a_folder_for_each_vehicle_asks_itself(tmp_path):
    images(tmp_path, *(f"{vehicle}/{n}.jpg" for vehicle in ("AB 1", "AB 2") for n in range(3)))
    data, _ = looked(tmp_path)

    assert (data.query, data.gallery) == ("", "")
    assert column(data, "vehicle") == ["AB 1"] * 3 + ["AB 2"] * 3
    assert "split" not in data.rows[0]


def test_more_cameras_or_images_ask_all_others_unless_the_user_says_otherwise(tmp_path):
    images(tmp_path, *(f"{v}_c{c}_{n}.jpg" for v in (1, 2) for c in (1, 2) for n in (1, 2)))

    assert looked(tmp_path)[0].query == ""
    assert looked(tmp_path, choose=lambda _question, answers: len(answers) - 1)[0].query == "query"


def test_query_and_test_folders_are_query_and_gallery_and_false_detections_are_left_out(tmp_path):
    images(tmp_path, "query/1_c1s1_1.jpg", "query/2_c1s1_1.jpg", "test/1_c2s1_1.jpg", "test/2_c2s1_1.jpg")
    images(tmp_path, "test/-1_c2s1_1.jpg", "elsewhere/1_c1s1_1.jpg")
    data, notes = looked(tmp_path)

    assert column(data, "split") == ["gallery", "gallery", "query", "query"]
    assert ("left out", "1 images of '-1', which are false detections") in notes.taken
    assert any("elsewhere/1_c1s1_1.jpg" in sentence for sentence in notes.open)


def test_a_pattern_that_the_user_gives_is_used_and_must_fit(tmp_path):
    images(tmp_path, "north-7-a.jpg", "south-7-b.jpg")
    data, _ = looked(tmp_path, pattern=Pattern("{camera}-{vehicle}-{rest}"))

    assert sorted((row["path"], row["camera"], row["vehicle"]) for row in data.rows) == [
        ("north-7-a.jpg", "north", "7"), ("south-7-b.jpg", "south", "7")
    ]  # fmt: skip
    with pytest.raises(DataError, match="no image fits the pattern"):
        looked(tmp_path, pattern=Pattern("{vehicle}/{rest}"))


USUAL = ["imagePath", "vehicleID", "camID", "set", "color", "note"]
ROWS = [["a/1.jpg", "7", "1", "query", "red", "x"], ["a/2.jpg", "7", "2", "gallery", "red", "y"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_is_read_as_it_is_where_a_protocol_can_describe_it(tmp_path, delimiter):
    images(tmp_path, "pictures/a/1.jpg", "pictures/a/2.jpg")
    data, notes = looked(None, table(tmp_path / "list.csv", USUAL, *ROWS, delimiter=delimiter))

    assert data.rows is None
    assert data.root == tmp_path / "pictures/"
    assert data.columns == {
        "path": "imagePath", "vehicle": "vehicleID", "split": "set", "camera": "camID", "colour": "color"
    }  # fmt: skip
    assert ("not used", "note") in notes.taken
    assert data.settings.get("delimiter") == ("|" if delimiter == "|" else None)
    assert notes.open == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_the_encoding_of_a_table_is_found(tmp_path, encoding):
    rows = [[f"{n}.jpg", f"{plate}A12345"] for n, plate in enumerate("京沪粤苏")]
    path = table(tmp_path / "list.csv", ["file", "plate"], *rows, encoding=encoding)
    data, _ = looked(None, images(tmp_path, *(row[0] for row in rows)) and path)

    assert data.rows is None
    assert data.settings.get("encoding", "utf-8") in ("utf-8", "gb18030", "utf-16")
    assert (data.query, data.gallery) == ("", "")


def test_a_table_of_another_system_gets_a_new_one_with_forward_slashes_and_our_words(tmp_path):
    images(tmp_path, "img/1.jpg", "img/2.jpg", "img/3.jpg")
    rows = [["C:\\data\\img\\1.jpg", "7", "Train"], ["img\\2.jpg", "8", "Probe"], ["img\\3.jpg", "8", "Test"]]
    data, _ = looked(None, table(tmp_path / "list.csv", ["path", "id", "split"], *rows))

    assert column(data, "path") == ["img/2.jpg", "img/3.jpg", "img/1.jpg"]
    assert column(data, "split") == ["query", "test", "train"]
    assert (data.query, data.gallery) == ("query", "test")


def test_columns_that_say_who_asks_and_who_answers_are_splits(tmp_path):
    rows = [
        ["0", "a.jpg", "train", "", ""],
        ["2", "b.jpg", "validation", "1", "0"],
        ["2", "c.jpg", "validation", "1", "1"],
    ]
    data, _ = looked(None, table(tmp_path / "df.csv", ["label", "path", "split", "is_query", "is_gallery"], *rows))

    assert sorted(zip(column(data, "path"), column(data, "split"), strict=True)) == [
        ("a.jpg", "train"), ("b.jpg", "query"), ("c.jpg", "gallery"), ("c.jpg", "query")
    ]  # fmt: skip


def test_zeros_that_a_spreadsheet_removed_from_names_are_restored(tmp_path):
    images(tmp_path, "0000012.jpg", "0000345.jpg")
    data, notes = looked(None, table(tmp_path / "list.csv", ["image", "vehicle"], ["12", "7"], ["345", "7"]))

    assert column(data, "path") == ["0000012.jpg", "0000345.jpg"]
    assert notes.open == ["2 names have lost the zeros at their front, as in a spreadsheet; taken with them."]


def test_words_for_nothing_are_empty_and_unknown_cameras_leave_the_camera_rule_out(tmp_path):
    rows = [["a.jpg", "7", "1"], ["b.jpg", "7", "nan"], ["c.jpg", "None", "2"]]
    data, notes = looked(None, table(tmp_path / "list.csv", ["path", "vehicle", "camera"], *rows))

    assert [(row["path"], row["camera"]) for row in data.rows] == [("a.jpg", "1"), ("b.jpg", "")]
    assert data.ignore == ("same image",)
    assert any("camera of 1 images is 'nan'" in sentence for sentence in notes.open)


def test_a_table_without_names_of_columns_is_read_by_their_usual_order(tmp_path):
    images(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "list.txt").write_text("1.jpg 7 1\n2.jpg 7 2\n")
    data, notes = looked(None, tmp_path / "list.txt")

    assert [(row["path"], row["vehicle"], row["camera"]) for row in data.rows] == [
        ("1.jpg", "7", "1"),
        ("2.jpg", "7", "2"),
    ]
    assert notes.open[0].startswith("The first line names no columns.")


def test_lists_of_names_are_splits_and_find_their_images(tmp_path):
    images(tmp_path, *(f"{s}/car_{v}_cam{c}.jpg" for s in ("train", "test") for v in (1, 2) for c in (1, 2)))
    (tmp_path / "test.txt").write_text(
        "name\ncar_1_cam1.jpg\ncar_1_cam2.jpg\ncar_2_cam1.jpg\ncar_2_cam2.jpg\ngone_1_cam1.jpg\n"
    )
    data, notes = looked(tmp_path, tmp_path / "test.txt")

    assert column(data, "path") == [
        "test/car_1_cam2.jpg", "test/car_2_cam2.jpg", "test/car_1_cam1.jpg", "test/car_2_cam1.jpg"
    ]  # fmt: skip
    assert "1 lines of test.txt are no image: gone_1_cam1.jpg" in notes.open


def test_the_only_table_in_a_folder_is_taken_and_lists_are_named(tmp_path):
    images(tmp_path, "a/1.jpg", "a/2.jpg", "b/1.jpg")
    (tmp_path / "names.txt").write_text("a/1.jpg\n")
    alone, notes = looked(tmp_path)
    assert alone.pattern
    assert notes.open == ["Not used: names.txt. If one says more than the names, give it with --table."]

    table(tmp_path / "list.csv", USUAL, *ROWS)
    assert looked(tmp_path)[0].source == tmp_path / "list.csv"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the table is empty"),
        (b"PK\x03\x04rest", "is a workbook or an archive"),
        (b"path,vehicle\n\xff\xfe\x81\x8d\x8f,1\n", "not in UTF-8"),
        (b"path,colour\n1.jpg,red\n", "no column of the table looks like the vehicles"),
        (b"path,vehicle\n,\n1.jpg,\n", "no row with a path and a vehicle"),
        (b"path,vehicle\n1.jpg,\0\n", "has a NUL character"),
        (b"one\ntwo\n", "are no file names, and are not divided into fields"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_file(tmp_path, content, message):
    (tmp_path / "list.csv").write_bytes(content)

    with pytest.raises(DataError, match=message) as refused:
        looked(None, tmp_path / "list.csv")
    assert str(tmp_path / "list.csv") in str(refused.value.where)


def test_rows_that_cannot_be_used_are_left_out_and_told(tmp_path):
    rows = [["../a.jpg", "7", "test"], ["b.jpg", "7", "test"], ["b.jpg", "7", "test"], ["c.jpg", "8"], ["d.jpg"]]
    data, notes = looked(None, table(tmp_path / "list.csv", ["path", "vehicle", "split"], *rows))

    assert column(data, "path") == ["b.jpg"]
    assert notes.open[0] == "1 rows lack a path or a vehicle and are left out: lines 6"
    assert notes.open[2:] == [
        "1 rows have no split and are left out: lines 5",
        "1 paths lead out of the folder and are left out: ../a.jpg",
        "1 rows repeat an image and are left out",
    ]


def test_what_is_no_folder_or_holds_no_image_is_refused(tmp_path):
    (tmp_path / "list.csv").write_text("x")
    (tmp_path / "empty").mkdir()

    with pytest.raises(DataError, match=r"the folder is a file(.|\n)*bench data init --table"):
        looked(tmp_path / "list.csv")
    with pytest.raises(DataError, match="the folder is missing"):
        looked(tmp_path / "nowhere")
    with pytest.raises(DataError, match="the folder has no images"):
        looked(tmp_path / "empty")
    with pytest.raises(DataError, match="the table is missing"):
        looked(None, tmp_path / "gone.csv")


def test_two_tables_with_columns_are_refused(tmp_path):
    paths = [table(tmp_path / name, USUAL, *ROWS) for name in ("a.csv", "b.csv")]

    with pytest.raises(UsageError, match="several tables are given"):
        looked(None, *paths)


def test_of_images_with_one_name_those_in_the_folder_of_the_others_are_meant():
    keys = ["train/1.jpg", "train/2.jpg", "test/1.jpg", "test/3.jpg", "test/4.jpg"]

    assert resolve(["1.jpg", "3.jpg"], keys).key_of == {"1.jpg": "test/1.jpg", "3.jpg": "test/3.jpg"}
    assert resolve(["1.jpg"], keys, "train").key_of == {"1.jpg": "train/1.jpg"}
    assert resolve(["3", "/far/away/test/4.jpg"], keys).key_of == {
        "3": "test/3.jpg",
        "/far/away/test/4.jpg": "test/4.jpg",
    }
    assert resolve(["9.jpg"], keys).lost == ("9.jpg",)


@pytest.mark.parametrize(("answer", "settings"), [(0, {}), (1, {"unknown": []})])
def test_a_camera_called_like_nothing_is_kept_as_the_user_says(tmp_path, answer, settings):
    images(tmp_path, "a.jpg", "b.jpg")
    rows = [("path", "vehicle", "camera"), ("a.jpg", "1", "NA"), ("b.jpg", "1", "2")]
    data, _ = looked(tmp_path, table(tmp_path / "images.csv", *rows), choose=lambda _question, _answers: answer)

    assert {word: value for word, value in data.settings.items() if word != "formats"} == settings


def test_a_vehicle_called_like_nobody_is_kept_as_the_user_says(tmp_path):
    images(tmp_path, "a.jpg", "b.jpg")
    rows = [("path", "vehicle", "camera"), ("a.jpg", "NA", "1"), ("b.jpg", "7", "2")]
    data, _ = looked(tmp_path, table(tmp_path / "images.csv", *rows), choose=lambda _question, _answers: 1)

    assert data.settings["nobody"] == []
