import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

from harness.cli import main
from harness.data.images import UNKNOWN
from harness.errors import DataError
from harness.features import write_features
from harness.tasks.conventions import unavailable, with_conventions
from harness.tasks.counts import counts, differences
from harness.tasks.fingerprint import fingerprint
from protocols.veri776 import Veri776, read
from protocols.veri776.names import parse_name
from protocols.veri776.reading import WITHOUT_QUERIES
from tests.protocols.veri_tree import QUERY, TEST, TRACKS, TRAIN, write_lines, write_tree, xml


def test_the_lists_become_tables_with_what_the_names_say(tmp_path):
    dataset = read(write_tree(tmp_path))
    train, query, gallery = (dataset.splits[split] for split in ("train", "query", "gallery"))

    assert train.paths == tuple(f"image_train/{name}" for name in TRAIN)
    assert query.paths == tuple(f"image_query/{name}" for name in QUERY)
    assert gallery.paths == tuple(f"image_test/{name}" for name in TEST)
    assert train.vehicle.tolist() == [1, 1, 3]
    assert gallery.camera.tolist() == [2, 2, 3, 3, 16]
    assert gallery.time.tolist() == [30600, 30605, 84280, 1000, 1010]
    assert dataset.notes == ()
    assert dataset.unavailable == {}
    assert dataset.root == tmp_path


def test_tracks_are_numbered_in_the_lists_order_and_hold_every_test_image(tmp_path):
    gallery = read(write_tree(tmp_path)).splits["gallery"]

    assert gallery.track.tolist() == [0, 0, 1, 3, 2]


def test_colours_and_types_come_from_the_xml_in_its_chinese_encoding(tmp_path):
    dataset = read(write_tree(tmp_path))

    assert dataset.splits["train"].colour.tolist() == [1, 1, 1]
    assert dataset.splits["query"].type.tolist() == [9, 9]
    names = dataset.splits["gallery"].names
    assert (names["colour"][10], names["type"][9]) == ("black", "estate")


@pytest.mark.parametrize("end", ["\r\n", "  \n", " \r\n"])
def test_other_line_ends_and_trailing_blanks_change_nothing(tmp_path, end):
    plain, other = read(write_tree(tmp_path / "plain")), read(write_tree(tmp_path / "other", end=end))

    for split, table in plain.splits.items():
        assert other.splits[split].paths == table.paths
    assert other.splits["gallery"].track.tolist() == plain.splits["gallery"].track.tolist()


def test_without_the_track_list_image_to_track_says_so_and_the_rest_is_read(tmp_path):
    dataset = read(write_tree(tmp_path, tracks=None))

    assert dataset.splits["gallery"].track is None
    assert list(dataset.unavailable) == ["image-to-track"]
    assert "the track list is missing" in str(dataset.unavailable["image-to-track"])
    assert str(tmp_path / "test_track.txt") in str(dataset.unavailable["image-to-track"])


def test_without_the_xml_there_are_no_labels_and_a_note(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "train_label.xml").unlink()
    dataset = read(tmp_path)

    assert dataset.splits["train"].colour is None
    assert dataset.splits["query"].colour is not None
    assert dataset.notes == ("train_label.xml is missing: its images have no colour and no type",)


def test_without_the_training_list_the_test_lists_are_read(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "name_train.txt").unlink()
    dataset = read(tmp_path)

    assert sorted(dataset.splits) == ["gallery", "gallery-without-queries", "query"]
    assert "nothing can be trained" in dataset.notes[0]


@pytest.mark.parametrize("missing", ["name_query.txt", "name_test.txt"])
def test_without_a_test_list_the_list_is_named(tmp_path, missing):
    write_tree(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match=rf"the list is missing\n  where: .*{missing}"):
        read(tmp_path)


def test_type_zero_of_the_early_copies_is_read_as_the_later_ones_give_it(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "train_label.xml").write_bytes(xml(TRAIN, kind=0))
    dataset = read(tmp_path)

    assert dataset.splits["train"].type.tolist() == [UNKNOWN, UNKNOWN, 2]
    assert "train_label.xml: 1 times type 0 of vehicle 3 was read as 2 (suv)" in dataset.notes
    assert "train_label.xml: 2 times type 0, which has no name, was read as unknown" in dataset.notes


def test_labels_of_unlisted_images_and_images_without_a_label_are_counted(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "train_label.xml").write_bytes(xml([TRAIN[0], "0009_c001_00000001_0.jpg", TRAIN[0]]))
    dataset = read(tmp_path)

    assert dataset.splits["train"].colour.tolist() == [1, UNKNOWN, UNKNOWN]
    assert "train_label.xml labels 1 images that are in no list" in dataset.notes
    assert "train_label.xml does not label 2 of the train images" in dataset.notes
    assert any("labelled again" in note for note in dataset.notes)


def test_an_item_without_its_attributes_is_named_by_line(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "train_label.xml").write_text('<Items>\n<Item imageName="a.jpg" colorID="red"/>\n</Items>')
    with pytest.raises(DataError, match=r"train_label.xml:2: .* lacks imageName, or vehicleID"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<Items><Item></Items>", "is not XML"),
        (b"", "is not XML"),
        (b'<?xml version="1.0" encoding="utf-7"?><Items/>', "encoding is unknown"),
        (b'<?xml version="1.0" encoding="gb2312"?>\n<Items a="\xff\xff"/>', "label file is not in GB18030"),
        (b'<Items>\n<Item imageName="\xbe\xa9"/></Items>', r"label file is not in UTF-8\n  where: .*label.xml:2"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><Items>&a;</Items>', "declares a document type"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><Items/>', "declares a document type"),
    ],
)
def test_xml_that_is_damaged_or_could_expand_is_refused(tmp_path, content, message):
    write_tree(tmp_path)
    (tmp_path / "test_label.xml").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_names_of_three_fields_are_refused_as_another_data_set(tmp_path):
    write_tree(tmp_path, query=["4810_c015_5.jpg"])
    with pytest.raises(DataError, match="names of another data set, not of VeRi-776"):
        read(tmp_path)


@pytest.mark.parametrize(
    "line", ["../0002_c002_00030600_0.jpg", "/etc/0002_c002_00030600_0.jpg", "C:\\0002_c002_00030600_0.jpg"]
)
def test_a_path_out_of_the_folder_is_refused_in_every_list(tmp_path, line):
    with pytest.raises(DataError, match=r"name_test.txt:6: .* is not a path inside the data set's folder"):
        read(write_tree(tmp_path / "names", test=[*TEST, line]))
    with pytest.raises(DataError, match=r"test_track.txt:5: .* is not a path inside the data set's folder"):
        read(write_tree(tmp_path / "tracks", tracks=[*TRACKS, f"0002_c002_t0200 {line}"]))


def test_bad_lines_of_all_lists_are_reported_together(tmp_path):
    write_tree(tmp_path, train=[*TRAIN, "nonsense"], query=["0002-c002.jpg", *QUERY], tracks=[*TRACKS, "lonely"])
    with pytest.raises(DataError) as raised:
        read(tmp_path)

    message = str(raised.value)
    assert "3 lines of the lists cannot be used" in message
    assert "name_train.txt:4: 'nonsense' is not like '0002_c002_00030600_0.jpg'" in message
    assert "name_query.txt:1: '0002-c002.jpg'" in message
    assert "test_track.txt:5: 'lonely' is not like '0002_c002_t0175 " in message


def test_a_name_that_stands_twice_is_named_with_both_lines(tmp_path):
    with pytest.raises(DataError, match=f"name_test.txt:6: '{TEST[1]}' is already in line 2"):
        read(write_tree(tmp_path, test=[*TEST, TEST[1]]))


def test_a_vehicle_in_training_and_test_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"1 vehicles are in the training and in the test lists(.|\n)*found: 5"):
        read(write_tree(tmp_path, train=[*TRAIN, "0005_c001_00000001_0.jpg"]))


def test_an_image_of_two_tracks_and_a_track_of_two_vehicles_are_named(tmp_path):
    with pytest.raises(DataError, match=f"test_track.txt:5: '{TEST[0]}' is already in line 1"):
        read(write_tree(tmp_path / "twice", tracks=[*TRACKS, f"0002_c002_t0200 {TEST[0]}"]))
    with pytest.raises(DataError, match=r"test_track.txt:1: track '0002_c002_t0175' has images of two vehicles"):
        read(write_tree(tmp_path / "two", tracks=[f"0002_c002_t0175 {TEST[0]} {TEST[3]}"]))
    with pytest.raises(DataError, match=r"test_track.txt:5: '0002_c003_t0176' is already in line 2"):
        read(write_tree(tmp_path / "named", tracks=[*TRACKS, "0002_c003_t0176 0002_c003_00084281_0.jpg"]))


def test_a_few_renamed_test_images_become_tracks_of_their_own(tmp_path):
    many = [f"0002_c003_{frame:08}_0.jpg" for frame in range(40)]
    renamed = [*many[:-1], "0002_c003_00000777_0.jpg"]
    write_tree(tmp_path, test=[*TEST, *renamed], tracks=[*TRACKS, "0002_c003_t0200 " + " ".join(many)])
    dataset = read(tmp_path)

    assert dataset.splits["gallery"].track.tolist()[-2:] == [4, 5]
    assert "1 images of test_track.txt are not in the test list and were left out" in dataset.notes
    assert any("were made tracks of one image: 0002_c003_00000777_0.jpg" in note for note in dataset.notes)


def test_the_track_list_of_another_release_stops_image_to_track_only(tmp_path):
    dataset = read(write_tree(tmp_path, tracks=TRACKS[:1]))

    assert dataset.splits["gallery"].track is None
    assert "3 of 5 test images in no track" in str(dataset.unavailable["image-to-track"])


def test_queries_that_are_no_test_images_are_counted(tmp_path):
    dataset = read(write_tree(tmp_path, query=[*QUERY, "0002_c002_00030601_0.jpg"]))

    assert any(note.startswith("1 queries are not in name_test.txt") for note in dataset.notes)


@pytest.mark.parametrize(
    "files", [("gt_index", "jk_index"), ("gt_image", "jk_image"), ("gt_index_776", "jk_index_776")]
)
def test_ground_truth_files_of_any_spelling_that_follow_the_rule_are_silent(tmp_path, files):
    write_tree(tmp_path)
    write_lines(tmp_path / f"{files[0]}.txt", ["3 ", "4 "])
    write_lines(tmp_path / f"{files[1]}.txt", ["1 2 ", "5 "])

    assert read(tmp_path).notes == ()


def test_ground_truth_files_that_differ_from_the_rule_are_reported_with_their_count(tmp_path):
    write_tree(tmp_path)
    write_lines(tmp_path / "gt_index.txt", ["3 4 ", ""])
    write_lines(tmp_path / "jk_image.txt", ["1 2 "])
    notes = read(tmp_path).notes

    assert "gt_index.txt differs from the rule in 2 pairs; the rule was followed" in notes
    assert "jk_image.txt has 1 lines for 2 queries" in notes
    assert "jk_image.txt differs from the rule in 1 pairs; the rule was followed" in notes


def test_a_ground_truth_line_of_words_is_named(tmp_path):
    write_tree(tmp_path)
    write_lines(tmp_path / "gt_index.txt", ["1 2", "three"])
    with pytest.raises(DataError, match=r"gt_index.txt:2: 'three' is not like '1 2 3'"):
        read(tmp_path)


def test_every_convention_in_circulation_can_be_asked(tmp_path):
    dataset = read(write_tree(tmp_path))
    counted = {}
    for task in with_conventions(Veri776.tasks, ["all"]):
        assert unavailable(task, dataset) is None
        found = counts(task, dataset)
        counted[task.name] = (found["queries"], found["gallery units"], found["positives"], found["ignored"])

    assert counted == {
        "image-to-track": (2, 4, 2, 2),
        "image-to-track+mean-feature": (2, 4, 2, 2),
        "image-to-track+no-camera-rule": (2, 4, 4, 0),
        "image-to-track+same-camera": (2, 4, 2, 2),
        "image-to-image": (2, 5, 2, 3),
        "image-to-image+trapezoid-ap": (2, 5, 2, 3),
        "image-to-image+queries-removed": (2, 3, 2, 1),
        "image-to-image+no-camera-rule": (2, 5, 5, 0),
        "image-to-image+same-camera": (2, 5, 2, 3),
        "image-to-image+one-query": (2, 3, 3, 0),
        "image-to-image+merged-lists": (5, 5, 13, 0),
    }
    assert dataset.splits["gallery-without-queries"].paths == tuple(f"image_test/{TEST[row]}" for row in (1, 2, 3))


def test_the_protocol_reads_a_release_that_lies_one_folder_deeper(tmp_path):
    write_tree(tmp_path / "VeRi")
    dataset = Veri776().load(tmp_path)

    assert dataset.root == tmp_path / "VeRi"
    assert [task.name for task in Veri776.tasks] == ["image-to-track", "image-to-image"]


@given(st.integers(0, 10**9 - 1), st.integers(0, 10**9 - 1), st.integers(0, 10**15 - 1), st.integers(0, 10**9 - 1))
def test_a_name_of_any_numbers_says_those_numbers(vehicle, camera, frame, crop):
    name = parse_name(f"{vehicle:04}_c{camera:03}_{frame:08}_{crop}.jpg")

    assert name is not None
    assert (name.vehicle, name.camera, name.frame) == (vehicle, camera, frame)


@given(st.text())
def test_any_text_that_is_read_as_a_name_is_a_plain_file_name(text):
    name = parse_name(text)

    assert name is None or (text.isascii() and text.endswith(".jpg") and "/" not in text)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), max_size=4))
def test_whatever_stands_in_a_list_is_an_image_or_a_data_error(tmp_path_factory, lines):
    root = write_tree(tmp_path_factory.mktemp("tree"), test=[*TEST, *lines])
    plain = [line.rstrip(" \t\x0b\x0c\x00") for line in lines]
    expected = [line for line in plain if line]
    try:
        found = read(root).splits["gallery"].paths
    except DataError:
        return
    assert found == tuple(f"image_test/{name}" for name in [*TEST, *expected])


def test_reading_opens_no_image_and_gives_int64_columns(tmp_path):
    dataset = read(write_tree(tmp_path))

    assert not any((tmp_path / "image_test").glob("*"))
    for table in dataset.splits.values():
        assert {table.label(name).dtype for name in ("vehicle", "camera", "time", "colour")} == {np.dtype(np.int64)}


def test_for_a_ranking_neither_labels_nor_the_training_list_are_read(tmp_path):
    root = write_tree(tmp_path, train=[*TRAIN, "nonsense", "0005_c001_00000001_0.jpg"])
    (root / "test_label.xml").write_text("no XML")
    (root / "gt_index.txt").write_text("nonsense\n")

    dataset = Veri776().load_tasks(root, Veri776.tasks)

    assert set(dataset.splits) == {"query", "gallery", WITHOUT_QUERIES}
    with pytest.raises(DataError):
        Veri776().load(root)


def test_a_ranking_has_the_fingerprints_and_departures_of_the_whole_copy(tmp_path):
    root = write_tree(tmp_path, test=[*TEST, "6_c16_1010_0.jpg", "6_c17_1010_0.jpg"], tracks=None)
    (root / "test_label.xml").unlink()
    whole, part = Veri776().load(root), Veri776().load_tasks(root, Veri776.tasks)

    task = Veri776.tasks[1]
    assert fingerprint(Veri776, task, part) == fingerprint(Veri776, task, whole)
    assert differences(task, part) == differences(task, whole)
    assert str(part.unavailable["image-to-track"]) == str(whole.unavailable["image-to-track"])
    for split, table in part.splits.items():
        for label in ("vehicle", "camera", "time"):
            assert table.label(label).tolist() == whole.splits[split].label(label).tolist()


def test_a_test_list_that_cannot_be_read_is_refused_for_a_ranking_too(tmp_path):
    root = write_tree(tmp_path, query=["0002-c002.jpg", *QUERY], tracks=[*TRACKS, "lonely"])

    with pytest.raises(DataError, match="2 lines of the lists cannot be used"):
        Veri776().load_tasks(root, Veri776.tasks)


def test_an_evaluation_is_not_stopped_by_what_it_does_not_read_and_a_check_is(tmp_path):
    root = write_tree(tmp_path / "veri", train=[*TRAIN, "0005_c001_00000001_0.jpg"])
    (root / "test_label.xml").write_text("no XML")
    keys = [f"image_{split}/{name}" for split, names in (("query", QUERY), ("test", TEST)) for name in names]
    features = write_features(tmp_path / "f.h5", keys, np.eye(len(keys)), dataset="veri776", method="mine")

    evaluated = CliRunner().invoke(main, ["eval", str(features), "--protocol", "veri776", "--data", str(root)])
    checked = CliRunner().invoke(main, ["data", "check", "veri776", "--data", str(root)])

    assert evaluated.exit_code == 0, evaluated.output
    assert "veri776/image-to-track" in evaluated.stdout
    assert checked.exit_code == 2
    assert "the label file is not XML" in checked.output
    (root / "test_label.xml").unlink()
    checked = CliRunner().invoke(main, ["data", "check", "veri776", "--data", str(root)])
    assert "1 vehicles are in the training and in the test lists" in checked.output
