import pytest
from hypothesis import given, strategies as st

from harness.errors import DataError
from harness.tasks.counts import counts, differences
from protocols.vric import Vric
from tests.protocols.trees import write_vric
from tests.protocols.veri_tree import write_lines

TASK = Vric.tasks[0]


def test_the_lists_become_tables_of_file_vehicle_and_camera(tmp_path):
    dataset = Vric().load(write_vric(tmp_path))

    assert dataset.splits["query"].paths == ("probe_images/MVI_3_001_img1.jpg", "probe_images/MVI_4_001_img1.jpg")
    assert dataset.splits["gallery"].vehicle.tolist() == [3, 4]
    assert dataset.splits["train"].camera.tolist() == [1, 2, 1]


def test_each_probe_has_one_right_answer_and_nothing_is_ignored(tmp_path):
    dataset = Vric().load(write_vric(tmp_path))

    assert counts(TASK, dataset) == {
        "queries": 2,
        "gallery images": 2,
        "gallery units": 2,
        "vehicles": 2,
        "positives": 2,
        "ignored": 0,
    }
    assert "queries: 2 instead of 2811" in differences(TASK, dataset)


@pytest.mark.parametrize("end", ["\r\n", "\t \n"])
def test_other_line_ends_and_trailing_blanks_change_nothing(tmp_path, end):
    assert Vric().load(write_vric(tmp_path, end=end)).splits["gallery"].camera.tolist() == [2, 1]


def test_without_the_training_list_evaluation_is_possible(tmp_path):
    write_vric(tmp_path)
    (tmp_path / "vric_train.txt").unlink()
    dataset = Vric().load(tmp_path)

    assert sorted(dataset.splits) == ["gallery", "query"]
    assert "nothing can be trained" in dataset.notes[0]


def test_a_missing_test_list_is_named(tmp_path):
    write_vric(tmp_path)
    (tmp_path / "vric_gallery.txt").unlink()
    with pytest.raises(DataError, match=r"the list is missing\n  where: .*vric_gallery.txt"):
        Vric().load(tmp_path)


def test_bad_lines_are_named(tmp_path):
    probe = ("MVI_3_001_img1.jpg 3 1", "a/../../b.jpg 3 1", "MVI_4_001_img1.jpg 4")
    with pytest.raises(DataError) as raised:
        Vric().load(write_vric(tmp_path, probe=probe))

    message = str(raised.value)
    assert "2 lines of the lists cannot be used" in message
    assert "vric_probe.txt:2: 'a/../../b.jpg 3 1' is not a path inside the data set's folder" in message
    assert "vric_probe.txt:3: 'MVI_4_001_img1.jpg 4' is not like 'MVI_20011_016_img00105.jpg 15 1'" in message


def test_duplicates_and_overlaps_are_refused(tmp_path):
    twice = ("MVI_3_001_img1.jpg 3 1", "MVI_3_001_img1.jpg 3 2")
    with pytest.raises(DataError, match=r"vric_probe.txt:2: 'MVI_3_001_img1.jpg' is already in line 1"):
        Vric().load(write_vric(tmp_path / "a", probe=twice))
    with pytest.raises(DataError, match=r"vric_gallery.txt:1: 'MVI_3_001_img1.jpg' is a probe as well"):
        Vric().load(write_vric(tmp_path / "b", gallery=("MVI_3_001_img1.jpg 3 1",)))
    with pytest.raises(DataError, match="1 vehicles are in the training and in the test lists"):
        Vric().load(write_vric(tmp_path / "c", train=("MVI_9_001_img1.jpg 4 1",)))


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[A-Za-z0-9_-]{1,40}\.jpg", fullmatch=True), st.integers(0, 10**9 - 1), st.integers(0, 99)
        ),
        unique_by=lambda row: row[0],
        min_size=1,
    )
)
def test_any_line_of_the_format_is_read_as_written(tmp_path_factory, rows):
    root = write_vric(tmp_path_factory.mktemp("tree"), train=("MVI_X.jpg 1000000000 1",))
    (root / "vric_train.txt").unlink()
    write_lines(root / "vric_gallery.txt", [f"{file} {vehicle} {camera}" for file, vehicle, camera in rows])
    write_lines(root / "vric_probe.txt", ["not-among-them.jpg 1 1"])
    table = Vric().load(root).splits["gallery"]

    assert table.paths == tuple(f"gallery_images/{file}" for file, _, _ in rows)
    assert table.vehicle.tolist() == [vehicle for _, vehicle, _ in rows]
    assert table.camera.tolist() == [camera for _, _, camera in rows]
