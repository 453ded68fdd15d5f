import pytest
from hypothesis import given, strategies as st

from harness.data.images import UNKNOWN
from harness.errors import DataError
from harness.tasks.conventions import with_conventions
from harness.tasks.counts import counts, differences
from harness.tasks.rules import relevance
from protocols.vehicleid import VehicleId
from tests.protocols.trees import SPLIT, write_vehicleid
from tests.protocols.veri_tree import write_lines


def read(root):
    return VehicleId().load(root)


def test_each_list_is_a_split_of_images_and_vehicles(tmp_path):
    dataset = read(write_vehicleid(tmp_path))

    assert dataset.splits["train"].paths == ("image/0000001.jpg", "image/0000002.jpg", "image/0000003.jpg")
    assert dataset.splits["small"].vehicle.tolist() == [11, 11, 11, 12, 12]
    assert dataset.splits["small"].camera is None
    assert dataset.notes == ()


def test_models_and_colours_come_from_the_attribute_files_where_a_vehicle_has_one(tmp_path):
    dataset = read(write_vehicleid(tmp_path))

    assert dataset.splits["train"].model.tolist() == [237, 237, UNKNOWN]
    assert dataset.splits["train"].colour.tolist() == [UNKNOWN, UNKNOWN, 3]
    assert dataset.splits["small"].model.tolist() == [5, 5, 5, UNKNOWN, UNKNOWN]
    assert dataset.splits["train"].names["colour"][3] == "colour 3"


@pytest.mark.parametrize("lines", [["red 0", "dark blue 1"], ["0 red", "1 dark blue"], ["red", "dark blue"]])
def test_the_names_of_colours_are_read_in_any_order(tmp_path, lines):
    write_vehicleid(tmp_path)
    write_lines(tmp_path / "attribute" / "color_names.txt", lines)

    assert read(tmp_path).splits["train"].names["colour"] == {0: "red", 1: "dark blue"}


def test_without_attributes_the_lists_are_read_and_a_note_says_so(tmp_path):
    write_vehicleid(tmp_path)
    (tmp_path / "attribute" / "model_attr.txt").unlink()
    (tmp_path / "attribute" / "color_names.txt").unlink()
    dataset = read(tmp_path)

    assert dataset.splits["train"].model is None
    assert dataset.notes == ("attribute/model_attr.txt is missing: no image has a model",)


def test_a_list_that_is_missing_stops_its_own_task_only(tmp_path):
    dataset = read(write_vehicleid(tmp_path))

    assert list(dataset.unavailable) == ["large", "3200", "6000", "13164"]
    assert "test_list_2400.txt" in str(dataset.unavailable["large"])
    assert counts(VehicleId.tasks[0], dataset)["queries"] == 3


def test_with_the_test_lists_alone_evaluation_is_possible(tmp_path):
    write_vehicleid(tmp_path)
    (tmp_path / SPLIT / "train_list.txt").unlink()

    assert "nothing can be trained" in read(tmp_path).notes[0]


def test_for_a_ranking_only_the_lists_of_its_tasks_are_read_and_compared_with_the_release(tmp_path):
    write_vehicleid(tmp_path)
    (tmp_path / "attribute" / "model_attr.txt").write_text("nonsense\n")
    small, medium, large, *_ = VehicleId.tasks
    (tmp_path / SPLIT / "test_list_1600.txt").write_text("nonsense\n")
    first = int((tmp_path / SPLIT / "test_list_800.txt").read_text().split()[0])
    (tmp_path / "attribute" / "img2vid.txt").write_text(f"{first:07} 999999\n")

    part = VehicleId().load_tasks(tmp_path, [small.under("one-draw"), large])

    assert set(part.splits) == {"small"}
    assert "have another vehicle than in img2vid.txt" in part.departures["small"][0]
    assert list(part.unavailable) == ["large"]
    with pytest.raises(DataError, match="nonsense"):
        VehicleId().load_tasks(tmp_path, [medium])


def test_without_any_list_the_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"lists are not here(.|\n)*train_test_split/test_list_800.txt"):
        read(tmp_path)


def test_each_task_draws_ten_times_and_says_what_the_release_counts(tmp_path):
    dataset = read(write_vehicleid(tmp_path))
    small = VehicleId.tasks[0]

    assert len(relevance(small, dataset).draws) == 10
    assert small.released["queries"] == 6_493 - 800
    assert "queries: 3 instead of 5693" in differences(small, dataset)


def test_every_convention_in_circulation_can_be_asked(tmp_path):
    dataset = read(write_vehicleid(tmp_path))
    found = {}
    for task in with_conventions(VehicleId.tasks[:1], ["all"]):
        counted, draws = counts(task, dataset), relevance(task, dataset).draws
        found[task.name] = (len(draws), counted["queries"], counted["gallery units"], counted["positives"])

    assert found == {
        "small": (10, 3, 2, 3),
        "small+one-draw": (1, 3, 2, 3),
        "small+reversed": (10, 2, 3, 3),
        "small+all-against-all": (0, 5, 5, 8),
    }


def test_one_draw_is_the_first_of_the_ten(tmp_path):
    dataset = read(write_vehicleid(tmp_path))
    ten, one = (relevance(task, dataset).draws for task in with_conventions(VehicleId.tasks[:1], ["one-draw"]))

    assert one[0].units.tolist() == ten[0].units.tolist()


def test_a_vehicle_with_one_image_cannot_be_drawn_from(tmp_path):
    dataset = read(write_vehicleid(tmp_path, of_800=["1 11", "2 11", "3 12"]))
    with pytest.raises(DataError, match=r"1 vehicles have one image only(.|\n)*vehicles 12"):
        relevance(VehicleId.tasks[0], dataset)


@pytest.mark.parametrize("end", ["\r\n", "  \n"])
def test_other_line_ends_and_trailing_blanks_change_nothing(tmp_path, end):
    plain, other = read(write_vehicleid(tmp_path / "a")), read(write_vehicleid(tmp_path / "b", end=end))

    assert other.splits["small"].paths == plain.splits["small"].paths
    assert other.splits["train"].model.tolist() == plain.splits["train"].model.tolist()


def test_bad_lines_are_named(tmp_path):
    write_vehicleid(tmp_path, of_800=["0000011 11", "../0000012 11", "0000013", "0000014.jpg 3"], train=["x"])
    write_lines(tmp_path / "attribute" / "model_attr.txt", ["1 2", "1 3"])
    with pytest.raises(DataError) as raised:
        read(tmp_path)

    message = str(raised.value)
    assert "train_test_split/train_list.txt:1: 'x' is not like '0279029 23781'" in message
    assert "train_test_split/test_list_800.txt:2: '../0000012 11' is not a path inside" in message
    assert "test_list_800.txt:3: '0000013'" in message
    assert "test_list_800.txt:4: '0000014.jpg 3'" in message


def test_a_vehicle_of_two_models_is_named(tmp_path):
    write_vehicleid(tmp_path)
    write_lines(tmp_path / "attribute" / "model_attr.txt", ["1 2", "1 2", "1 3"])
    with pytest.raises(DataError, match=r"attribute/model_attr.txt:3: vehicle 1 has label 2 already"):
        read(tmp_path)


def test_duplicates_and_overlaps_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"test_list_800.txt:3: '2' is already in line 2"):
        read(write_vehicleid(tmp_path / "a", of_800=["1 11", "2 11", "2 11"]))
    with pytest.raises(DataError, match=r"1 vehicles are in the training and in the test lists(.|\n)*found: 11"):
        read(write_vehicleid(tmp_path / "b", train=["0000001 11"]))
    with pytest.raises(DataError, match=r"1 images are in 'train' and in 'small'(.|\n)*image/0000013.jpg"):
        read(write_vehicleid(tmp_path / "c", train=["0000013 1"]))


@given(
    st.lists(st.tuples(st.integers(0, 10**12 - 1), st.integers(0, 10**9 - 1)), unique_by=lambda row: row[0], min_size=1)
)
def test_any_numbers_are_read_as_written(tmp_path_factory, rows):
    lines = [f"{image:07} {vehicle}" for image, vehicle in rows]
    root = tmp_path_factory.mktemp("tree")
    write_lines(root / SPLIT / "test_list_800.txt", lines)
    table = read(root).splits["small"]

    assert table.paths == tuple(f"image/{image:07}.jpg" for image, _ in rows)
    assert table.vehicle.tolist() == [vehicle for _, vehicle in rows]
