import numpy as np
import pytest
from hypothesis import given, strategies as st

import harness
from harness.data.images import UNKNOWN
from harness.data.lists import Problems
from harness.describe.protocol import statements
from harness.errors import DataError
from harness.features import write_features
from harness.tasks.check import check_copy
from harness.tasks.conventions import serve, with_conventions
from harness.tasks.counts import counts, differences
from harness.tasks.fingerprint import fingerprint
from protocols.veriwild import VeriWild, read
from protocols.veriwild.info import read_cameras, read_info
from protocols.veriwild.reading import GENERATIONS
from tests.protocols.trees import SPLIT, WILD, write_wild_2019, write_wild_2020
from tests.protocols.veri_tree import write_lines

SMALL = VeriWild.tasks[0]


def test_the_lists_of_2019_take_cameras_and_labels_from_vehicle_info(tmp_path):
    dataset = read(write_wild_2019(tmp_path))
    query, train = dataset.splits["small-query"], dataset.splits["train"]

    assert query.paths == ("images/31388/321972.jpg", "images/31389/321980.jpg")
    assert query.vehicle.tolist() == [31388, 31389]
    assert query.camera.tolist() == [61, 5]
    assert query.names["model"] == {0: "Audi-A6", 1: "Kia"}
    assert query.model.tolist() == [0, 1]
    assert query.time[0] - train.time[0] == 1 - 7
    assert train.time[0] == int(np.datetime64("2018-03-11T17:00:07", "s").astype(int))
    assert dataset.notes == ()


def test_the_lists_of_2020_name_their_cameras_and_the_folder_names_the_vehicle(tmp_path):
    dataset = read(write_wild_2020(tmp_path))

    assert dataset.splits["train"].vehicle.tolist() == [1, 1, 2]
    assert dataset.splits["train"].camera.tolist() == [7, 8, 7]
    assert dataset.splits["large-gallery"].camera.tolist() == [61, 62, 6, 5]
    assert dataset.notes == ("vehicle_info.txt is missing: no image has a model, a type or a colour",)


def test_both_generations_name_the_same_images_and_have_one_fingerprint(tmp_path):
    one, other = read(write_wild_2019(tmp_path / "a")), read(write_wild_2020(tmp_path / "b"))

    for task in VeriWild.tasks:
        assert fingerprint(VeriWild, task, one) == fingerprint(VeriWild, task, other)


@pytest.mark.parametrize(("written", "years"), [(write_wild_2019, "2019 2020"), (write_wild_2020, "2020 2019")])
def test_lists_of_one_year_under_the_names_of_the_other_are_told(tmp_path, written, years):
    root = written(tmp_path)
    ours, theirs = GENERATIONS if written is write_wild_2019 else GENERATIONS[::-1]
    for one, other in zip(ours.files.values(), theirs.files.values(), strict=True):
        for path in [*root.rglob(one)]:
            path.rename(path.with_name(other))
    year, named = years.split()

    with pytest.raises(DataError) as refused:
        read(root)

    assert refused.value.what == f"this is one of the lists of {year} under the name of the lists of {named}"
    assert f"{theirs.files['train']} is {ours.files['train']}" in refused.value.next_step


@pytest.mark.parametrize("end", ["\r\n", " \n"])
@pytest.mark.parametrize("header", [True, False])
def test_line_ends_blanks_and_a_missing_line_of_titles_change_nothing(tmp_path, end, header):
    dataset = read(write_wild_2019(tmp_path, end=end, header=header))

    assert dataset.splits["small-gallery"].camera.tolist() == [61, 62, 6, 5]
    assert dataset.splits["small-gallery"].names["colour"] == {0: "white"}


def test_the_camera_rule_ignores_the_querys_vehicle_under_its_camera(tmp_path):
    dataset = read(write_wild_2019(tmp_path))
    found = {task.name: counts(task, dataset) for task in with_conventions([SMALL], ["all"])}

    assert {name: (count["positives"], count["ignored"]) for name, count in found.items()} == {
        "small": (2, 2),
        "small+no-camera-rule": (4, 0),
        "small+truncated-ap": (2, 2),
        "small+all-queries": (2, 2),
        "small+same-camera": (2, 2),
    }
    assert differences(SMALL, dataset)[0] == "queries: 2 instead of 3000"


def test_without_cameras_the_task_says_so_and_is_asked_by_a_name_that_marks_it(tmp_path):
    dataset = read(write_wild_2019(tmp_path, info=False))
    served, lost = serve([SMALL], dataset)

    assert "no list names the cameras: the camera rule cannot be applied" in dataset.notes
    assert [task.name for task in served] == ["small+no-camera-rule"]
    assert "cameras are unknown" in str(lost["small"])
    assert "convention 'no-camera-rule'" in differences(served[0], dataset)[0]


def test_of_both_generations_the_one_that_knows_the_cameras_is_read(tmp_path):
    write_wild_2019(tmp_path, info=False)
    dataset = read(write_wild_2020(tmp_path))

    assert dataset.splits["small-query"].camera.tolist() == [61, 5]


def test_labels_join_the_lists_of_2020_where_the_file_is_there_and_differences_are_counted(tmp_path):
    write_wild_2020(tmp_path)
    lines = ["31388/321972;60;2018-03-11 17:00:05;Kia;suv;red", "31389/321980;5;never;;suv;red"]
    write_lines(tmp_path / SPLIT / "vehicle_info.txt", lines)
    dataset = read(tmp_path)
    query = dataset.splits["small-query"]

    assert query.camera.tolist() == [61, 5]
    assert query.model.tolist() == [0, UNKNOWN]
    assert query.time[1] == UNKNOWN
    assert dataset.splits["small-gallery"].colour.tolist() == [UNKNOWN] * 4
    assert "test_3000_id_query.txt: 1 cameras differ from vehicle_info.txt; the list's were used" in dataset.notes


def test_images_that_vehicle_info_does_not_name_have_no_camera(tmp_path):
    write_wild_2019(tmp_path)
    write_lines(tmp_path / SPLIT / "vehicle_info.txt", ["31388/321972;61;2018-03-11 17:00:05;Kia;suv;red"])
    dataset = read(tmp_path)

    assert dataset.splits["small-query"].camera.tolist() == [61, UNKNOWN]
    assert "1 images of test_3000_query.txt are in no file of cameras" in dataset.notes
    assert "1 images of 'small-query' without a camera" in str(serve([SMALL], dataset)[1]["small"])


def test_the_lists_may_lie_beside_the_folder_and_one_folder_deeper(tmp_path):
    write_wild_2020(tmp_path / "VERI-Wild")
    for path in (tmp_path / "VERI-Wild" / SPLIT).iterdir():
        path.rename(tmp_path / "VERI-Wild" / path.name)

    assert read(tmp_path).root == tmp_path / "VERI-Wild"


def test_a_missing_list_stops_its_own_task_only(tmp_path):
    write_wild_2019(tmp_path)
    (tmp_path / SPLIT / "test_5000.txt").unlink()
    (tmp_path / SPLIT / "train_list.txt").unlink()
    dataset = read(tmp_path)

    assert list(dataset.unavailable) == ["medium"]
    assert "no test_5000.txt" in str(dataset.unavailable["medium"])
    assert "nothing can be trained" in dataset.notes[0]


def test_a_copy_with_the_training_list_alone_can_be_trained_on(tmp_path):
    write_lines(tmp_path / SPLIT / "train_list_start0.txt", ["00001/000001.jpg 0 7"])
    dataset = read(tmp_path)

    assert sorted(dataset.unavailable) == ["large", "medium", "small"]
    assert dataset.splits["train"].vehicle.tolist() == [1]


def test_a_vehicle_that_differs_from_the_folder_is_counted(tmp_path):
    write_wild_2020(tmp_path)
    write_lines(tmp_path / SPLIT / "test_3000_id_query.txt", ["31388/321972.jpg 0 61"])

    assert any("1 lines name another vehicle than the image's folder" in note for note in read(tmp_path).notes)


def test_bad_lines_are_named(tmp_path):
    write_wild_2019(tmp_path)
    write_lines(tmp_path / SPLIT / "test_3000.txt", ["31388/321973", "../31388/321974", "31388"])
    write_lines(tmp_path / SPLIT / "vehicle_info.txt", ["31388/321973;x;;;;", *["31388/321974;1;a;b;c;d"] * 2])
    with pytest.raises(DataError) as raised:
        read(tmp_path)

    message = str(raised.value)
    assert "train_test_split/test_3000.txt:2: '../31388/321974' is not a path inside" in message
    assert "test_3000.txt:3: '31388' is not like '05638/058597'" in message
    assert "vehicle_info.txt:1: '31388/321973;x;;;;' is not like '05638/058597;12;" in message
    assert "vehicle_info.txt:3: '31388/321974' is already in an earlier line" in message


def test_duplicates_and_overlaps_are_refused(tmp_path):
    write_wild_2019(tmp_path / "a")
    write_lines(tmp_path / "a" / SPLIT / "test_3000.txt", ["31388/321973"] * 2)
    with pytest.raises(DataError, match=r"test_3000.txt:2: '31388/321973' is already in line 1"):
        read(tmp_path / "a")
    write_wild_2019(tmp_path / "b")
    write_lines(tmp_path / "b" / SPLIT / "test_3000.txt", [WILD["query"][0][0]])
    with pytest.raises(DataError, match="1 images are in 'small-query' and in 'small-gallery'"):
        read(tmp_path / "b")
    write_wild_2019(tmp_path / "c")
    write_lines(tmp_path / "c" / SPLIT / "train_list.txt", ["31388/000001"])
    with pytest.raises(DataError, match="1 vehicles are in the training and in the test lists"):
        read(tmp_path / "c")


@given(
    st.lists(
        st.tuples(st.integers(0, 99_999), st.integers(0, 999_999), st.integers(0, 999)),
        unique_by=lambda row: row[:2],
        min_size=1,
    )
)
def test_both_formats_of_any_numbers_are_read_as_written(tmp_path_factory, rows):
    images = [f"{vehicle:05}/{image:06}" for vehicle, image, _ in rows]
    old, new = tmp_path_factory.mktemp("2019"), tmp_path_factory.mktemp("2020")
    write_lines(old / SPLIT / "test_3000.txt", images)
    write_lines(
        old / SPLIT / "vehicle_info.txt", [f"{image};{row[2]};;a;b;c" for image, row in zip(images, rows, strict=True)]
    )
    lines = [f"{image}.jpg {row[0]} {row[2]}" for image, row in zip(images, rows, strict=True)]
    write_lines(new / SPLIT / "test_3000_id.txt", lines)
    for root in (old, new):
        table = read(root).splits["small-gallery"]

        assert table.paths == tuple(f"images/{image}.jpg" for image in images)
        assert table.vehicle.tolist() == [vehicle for vehicle, _, _ in rows]
        assert table.camera.tolist() == [camera for _, _, camera in rows]


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))
def test_whatever_stands_in_vehicle_info_is_read_or_named(tmp_path_factory, text):
    root = write_wild_2019(tmp_path_factory.mktemp("tree"), info=False)
    write_lines(root / SPLIT / "vehicle_info.txt", ["31388/321972;61;;;;", text])
    try:
        found = read(root).splits["small-query"].camera.tolist()
    except DataError as problem:
        found = str(problem)
    assert found[0] == 61 or "vehicle_info.txt:2: " in found


SHORT = ["31388/321973;61;Kia;suv;red", "31388/321974;62;Kia;suv;red", "31389/321981;6;Audi-A6;sedan;white"]


def test_the_info_files_of_single_lists_name_cameras_where_vehicle_info_is_missing(tmp_path):
    write_wild_2019(tmp_path, info=False)
    write_lines(tmp_path / SPLIT / "test_3000_info.txt", [*SHORT, "31389/321982;5;Kia;suv;red"])
    write_lines(
        tmp_path / SPLIT / "test_3000_query_info.txt", ["31388/321972;61;Kia;suv;red", "31389/321980;5;Kia;suv;red"]
    )
    dataset = read(tmp_path)
    query, gallery = dataset.splits["small-query"], dataset.splits["small-gallery"]

    assert query.camera.tolist() == [61, 5]
    assert gallery.camera.tolist() == [61, 62, 6, 5]
    assert [gallery.names["model"][number] for number in gallery.model] == ["Kia", "Kia", "Audi-A6", "Kia"]
    assert gallery.time.tolist() == [UNKNOWN] * 4
    assert dataset.notes[-1].startswith(
        "vehicle_info.txt is missing: cameras and labels are those of test_3000_query_i"
    )
    assert [task.name for task in serve([SMALL], dataset)[0]] == ["small"]


def test_beside_vehicle_info_the_info_files_change_nothing_and_a_differing_camera_is_noted(tmp_path):
    plain = read(write_wild_2019(tmp_path / "a"))
    write_lines(write_wild_2019(tmp_path / "b") / SPLIT / "test_3000_info.txt", [*SHORT, "31389/321982;9;Kia;suv;red"])
    beside = read(tmp_path / "b")

    assert fingerprint(VeriWild, SMALL, plain) == fingerprint(VeriWild, SMALL, beside)
    assert beside.notes == ("test_3000_info.txt: 1 cameras differ from another file; the first one's were used",)


def test_a_line_of_an_info_file_with_a_field_too_few_is_refused(tmp_path):
    line = "31388/321973;61;Kia;suv"
    write_lines(write_wild_2019(tmp_path) / SPLIT / "test_3000_info.txt", [line])
    with pytest.raises(DataError, match=r"test_3000_info.txt:1: .* is not like '05638/058597;12;Audi-A6;sedan;white'"):
        read(tmp_path)


def test_the_mean_over_all_queries_counts_one_without_a_right_answer_as_zero(tmp_path):
    root = write_wild_2019(tmp_path)
    write_lines(root / SPLIT / "test_3000.txt", ["31388/321973", "31388/321974", "31389/321982"])
    dataset = read(root)
    keys = [*dataset.splits["small-query"].paths, *dataset.splits["small-gallery"].paths]
    write_features(tmp_path / "f.h5", keys, np.eye(5, 3, dtype=np.float32) + 1, dataset="veriwild", method="m")

    def scored(task):
        return harness.evaluate(tmp_path / "f.h5", f"veriwild/{task}", data=root)

    usual, whole = scored("small"), scored("small+all-queries")
    assert (usual.ignored_queries, whole.ignored_queries) == (1, 0)
    assert whole.mean["ap"] == usual.mean["ap"] / 2
    assert whole.per_query["ap"].tolist() == [usual.mean["ap"], 0.0]
    assert usual.fingerprint != whole.fingerprint
    assert not whole.official


def test_the_queries_without_a_right_answer_are_those_of_the_release(tmp_path):
    said = {
        task.name: [s.says for s in statements(task) if s.what.startswith("queries without")] for task in VeriWild.tasks
    }
    found = check_copy(VeriWild(), write_wild_2019(tmp_path)).findings

    assert said["small"] == ["counted and reported, but excluded from every mean; the released lists have 12"]
    assert said["medium"][0].endswith("the released lists have 21")
    assert said["large"] == ["counted and reported, but excluded from every mean"]
    assert "0 queries of 'small' have no positive, the release 12" in found
    assert not any("'large' have no positive" in finding for finding in found)


@pytest.mark.parametrize("written", [write_wild_2019, write_wild_2020])
def test_for_a_ranking_only_the_lists_of_its_tasks_are_read(tmp_path, written):
    root = written(tmp_path)
    whole = read(root)
    for path in root.rglob("*.txt"):
        if "3000" not in path.name and "info" not in path.name:
            path.write_text("nonsense\n")

    part = VeriWild().load_tasks(root, [SMALL.under("no-camera-rule")])

    assert set(part.splits) == {"small-query", "small-gallery"}
    assert fingerprint(VeriWild, SMALL, part) == fingerprint(VeriWild, SMALL, whole)
    assert differences(SMALL, part) == differences(SMALL, whole)
    for split, table in part.splits.items():
        assert table.camera.tolist() == whole.splits[split].camera.tolist()
        assert table.model is None
    with pytest.raises(DataError):
        read(root)


def test_a_task_whose_lists_are_missing_is_unavailable_for_a_ranking_too(tmp_path):
    root = write_wild_2019(tmp_path)
    (root / SPLIT / "test_3000.txt").unlink()

    part = VeriWild().load_tasks(root, VeriWild.tasks)

    assert str(part.unavailable["small"]) == str(read(root).unavailable["small"])
    assert set(VeriWild().load_tasks(root, VeriWild.tasks[1:]).splits) == {
        f"{size}-{side}" for size in ("medium", "large") for side in ("query", "gallery")
    }


@pytest.mark.parametrize("line", ["nonsense", "31388/321972;5;2018-03-11 17:00:05;Kia;sedan;white", "1/2;x;;;;"])
def test_the_cameras_of_a_ranking_are_refused_where_those_of_the_whole_copy_are(tmp_path, line):
    root = write_wild_2019(tmp_path)
    info = next(root.rglob("vehicle_info.txt"))
    info.write_text(info.read_text() + line + "\n")
    with pytest.raises(DataError) as whole:
        read(root)

    with pytest.raises(DataError) as part:
        VeriWild().load_tasks(root, [SMALL])

    assert str(part.value) == str(whole.value)


@given(st.lists(st.text("01/;.jpg \n\r\x85id", max_size=30), max_size=4))
def test_cameras_read_at_once_are_those_read_line_by_line(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("info") / "vehicle_info.txt"
    path.write_text("id/image;\n" + "".join(f"0/{row};1;{line};;;\n" for row, line in enumerate(lines)), newline="")
    slow, quick = Problems(path.parent), Problems(path.parent)

    whole = read_info(path, [], slow, [])
    part = read_cameras(path, [], quick)

    assert quick.found == slow.found
    assert dict(part.row) == dict(whole.row)
    assert part.camera.tolist() == whole.camera.tolist()


def test_the_first_of_several_files_has_the_camera_of_an_image(tmp_path):
    first = write_lines(tmp_path / "vehicle_info.txt", ["1/1;5;2018-03-11 17:00:05;Kia;sedan;white"])
    second = write_lines(tmp_path / "test_3000_info.txt", ["1/2;7;Kia;sedan;white", "1/1;6;Kia;sedan;white"])
    third = write_lines(tmp_path / "test_5000_info.txt", ["1/3;8;Kia;sedan;white", "", "1/2;9;Kia;sedan;white"])
    problems = Problems(tmp_path)

    for path, lists in ((first, [second, third]), (None, [second, third]), (first, [])):
        whole, part = read_info(path, lists, problems, []), read_cameras(path, lists, problems)
        for info in (whole, part):
            assert (
                info.camera[info.rows(["1/1", "1/2", "1/3", "1/4"])].tolist()
                == {
                    (True, True): [5, 7, 8, UNKNOWN],
                    (False, True): [6, 7, 8, UNKNOWN],
                    (True, False): [5, UNKNOWN, UNKNOWN, UNKNOWN],
                }[path is not None, bool(lists)]
            )
    assert problems.found == []
