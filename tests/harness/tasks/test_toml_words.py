"""What a protocol's file says as people write it: words for nobody and nothing, paths, encodings, wrong forms."""

import numpy as np
import pytest
from PIL import Image

from harness.data.pictures import DEEP, TURNED
from harness.errors import DataError, UsageError
from harness.registry.registry import load
from harness.tasks.check import check_copy
from harness.tasks.counts import counts
from harness.tasks.opening import open_dataset
from harness.tasks.rules import ALL_RIGHT, all_right, relevance
from harness.tasks.task import Rule
from harness.tasks.toml_protocol import beside
from tests.harness.tasks.test_toml_protocol import SHORTEST, load_from, write

HEAD = "path,vehicle,split,camera\n"
DISTRACTORS = HEAD + "t,5,train,1\nq,7,query,1\ng,7,gallery,2\nx,-1,gallery,2\ny,-1,gallery,1\n"


def test_distractors_of_nobody_change_no_positive_and_are_counted_apart(tmp_path):
    protocol, dataset = load_from(write(tmp_path, 'nobody = ["-1"]\n' + SHORTEST, DISTRACTORS))

    assert counts(protocol.tasks[0], dataset)["positives"] == 1
    assert dataset.splits["gallery"].vehicle.tolist()[0] == 7
    assert dataset.notes == ()
    report = check_copy(protocol, tmp_path)
    gallery = next(one for one in report.splits if one.split == "gallery")
    assert gallery.found == {"images": 3, "vehicles": 1, "images of nobody known": 2, "cameras": 2}


def test_a_word_that_seems_to_mean_nobody_is_told_where_it_only_answers(tmp_path):
    notes = load_from(write(tmp_path, table=DISTRACTORS))[1].notes

    assert notes == (
        "the vehicle of 2 images is '-1', which counts as one vehicle; if it is unknown, write "
        'nobody = ["-1"] in the protocol\'s file, and nobody = [] otherwise',
    )
    assert load_from(write(tmp_path, "nobody = []\n" + SHORTEST, DISTRACTORS))[1].notes == ()


def test_one_query_of_an_unknown_vehicle_does_not_find_the_distractors(tmp_path):
    with pytest.raises(DataError, match=r"1 images of 'query' whose vehicle is \"-1\""):
        load_from(write(tmp_path, table=DISTRACTORS + "a,-1,query,3\n"))


@pytest.mark.parametrize("split", ["query", "train"])
def test_images_of_unknown_vehicles_do_not_ask_as_one_vehicle(tmp_path, split):
    table = DISTRACTORS + f"a,unknown,{split},1\nb,unknown,{split},2\n"
    with pytest.raises(DataError) as refused:
        load_from(write(tmp_path, table=table))
    assert refused.value.found == f"2 images of '{split}' whose vehicle is \"unknown\""
    assert 'write nobody = ["unknown"] in the protocol\'s file' in refused.value.next_step

    protocol, dataset = load_from(write(tmp_path, 'nobody = ["unknown", "-1"]\n' + SHORTEST, table))
    if split == "train":
        assert dataset.splits["train"].paths == ("t",)
        assert dataset.notes == ("2 images of 'train' show no known vehicle and are not trained on",)
    else:
        assert relevance(protocol.tasks[0], dataset).positives.sizes.tolist() == [1, 0, 0]
    assert load_from(write(tmp_path, "nobody = []\n" + SHORTEST, table))


def test_a_word_for_nobody_that_no_row_has_is_told(tmp_path):
    _, dataset = load_from(write(tmp_path, 'nobody = ["0000", "-1"]\n' + SHORTEST, DISTRACTORS))

    assert dataset.notes == ("no image's vehicle is '0000', which 'nobody' names",)


def test_the_default_rule_of_a_table_whose_cameras_are_words_for_nothing_ignores_none(tmp_path):
    table = HEAD + "q,7,query,nan\ng,7,gallery,None\n"

    assert load_from(write(tmp_path, table=table))[0].tasks[0].rule == Rule(ignore=("same image",))
    kept = load_from(write(tmp_path, "unknown = []\n" + SHORTEST, table))[0]
    assert kept.tasks[0].rule == Rule(ignore=("same image", "same vehicle and camera"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_names_the_encoding(tmp_path, encoding):
    path = write(tmp_path)
    path.write_text(SHORTEST, encoding=encoding)

    assert load_from(path)[0].name == "my-cars"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('table = "images.csv"\nroot = "C:\\data"\n[tasks.main]', 'write paths with forward slashes: root = "C:/data'),
        ("table: images.csv\ntasks:\n  main: {}", "not as YAML"),
        ("table = images.csv\n", "see docs/own-data.md"),
    ],
)
def test_a_file_that_is_not_toml_is_told_what_to_write(tmp_path, content, message):
    with pytest.raises(DataError, match="not valid TOML") as refused:
        load_from(write(tmp_path, content))
    assert message in refused.value.next_step


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path):
    path = write(tmp_path)
    path.write_bytes(b'table = "images.csv"\ntitle = "\xbe\xa9\xc6\xd6"\n[tasks.main]\n')
    with pytest.raises(DataError, match=r"protocol's file is not in UTF-8\n  where: .*my_cars.toml:2(.|\n)*convert"):
        load_from(path)


def test_paths_are_relative_to_the_file_with_any_slashes_and_a_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    file = tmp_path / "cars.toml"

    assert beside(file, "tables\\images.csv") == tmp_path / "tables" / "images.csv"
    assert beside(file, "~/cars") == tmp_path / "home" / "cars"
    assert beside(file, "../cars") == tmp_path / ".." / "cars"


@pytest.mark.parametrize("ending", ["yaml", "yml", "json"])
def test_a_protocol_in_another_form_is_refused(ending):
    with pytest.raises(UsageError, match="a protocol's file is TOML"):
        load().tasks(f"folder/cars.{ending}")


@pytest.mark.parametrize("cameras", [True, False])
def test_data_in_which_everything_is_right_are_told(tmp_path, cameras):
    """A test set without labels, whose vehicles are all given the same number."""
    rows = "".join(f"g{n},2,gallery{',2' if cameras else ''}\n" for n in range(3))
    table = f"path,vehicle,split{',camera' if cameras else ''}\nq,2,query{',1' if cameras else ''}\n{rows}"
    protocol, dataset = load_from(write(tmp_path, table=table))

    assert all_right(relevance(protocol.tasks[0], dataset))
    assert f"'main': {ALL_RIGHT}" in check_copy(protocol, tmp_path).findings
    protocol, dataset = load_from(write(tmp_path, table=table + f"w,3,gallery{',2' if cameras else ''}\n"))
    assert not all_right(relevance(protocol.tasks[0], dataset))


def test_what_was_read_otherwise_than_written_is_told_where_numbers_are_made(tmp_path, caplog):
    protocol, _ = load_from(write(tmp_path, table=HEAD + "q,7,query,1\ng,7,gallery,2\nh,8,gallery,nan\n"))
    open_dataset(protocol, None, protocol.tasks)

    assert [record.message[:50] for record in caplog.records] == ["my-cars: the camera of 1 images is 'nan', which is"]


def test_where_one_camera_took_all_images_the_rule_without_cameras_is_named(tmp_path):
    rows = "q,7,query,1\ng,7,gallery,1\nh,8,gallery,1\n"
    protocol, _ = load_from(write(tmp_path, table=HEAD + rows))
    [finding] = [one for one in check_copy(protocol, tmp_path).findings if "no positive" in one]

    assert finding.endswith('which the rule ignores: ignore = ["same image"] under [tasks.main]')
    protocol, _ = load_from(write(tmp_path, table=HEAD + rows.replace("8,gallery,1", "8,gallery,2")))
    assert not any("one camera" in one for one in check_copy(protocol, tmp_path).findings)


def test_pictures_that_are_read_otherwise_than_viewers_show_them_are_counted(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 4)).save(tmp_path / "q.jpg", exif=exif)
    Image.fromarray(np.full((4, 4), 20_000, np.uint16)).save(tmp_path / "g.png")
    protocol, _ = load_from(write(tmp_path, table=HEAD + "q.jpg,7,query,1\ng.png,7,gallery,2\n"))

    findings = check_copy(protocol, tmp_path).findings

    assert f"1 of 2 decoded images are {DEEP}" in findings
    assert f"1 of 2 decoded images are {TURNED}" in findings
