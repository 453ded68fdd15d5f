import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.data.csv_table import read_tables
from harness.data.images import UNKNOWN
from harness.data.values import Words
from harness.errors import DataError, UsageError
from harness.registry.registry import load
from harness.tasks.counts import counts, differences
from harness.tasks.task import Draws, Rule
from harness.tasks.toml_protocol import open_protocol

TABLE = """path,vehicle,split,camera,colour
a/1.jpg,7,train,north,red
a/2.jpg,7,train,south,
q/1.jpg,8,query,north,blue
g/1.jpg,8,gallery,north,blue
g/2.jpg,8,gallery,south,blue
g/3.jpg,9,gallery,south,red
"""
SHORTEST = 'table = "images.csv"\n[tasks.main]\n'


def write(folder, protocol=SHORTEST, table=TABLE, name="my_cars.toml"):
    (folder / "images.csv").write_text(table)
    (folder / name).write_text(protocol)
    return folder / name


def load_from(path):
    protocol = open_protocol(path)
    return protocol, protocol.load(protocol.default_root())


def test_the_shortest_file_is_a_protocol_named_like_it_with_the_fields_own_rule(tmp_path):
    protocol, dataset = load_from(write(tmp_path))

    assert (protocol.name, protocol.version, protocol.title) == ("my-cars", 1, "my-cars")
    assert protocol.tasks[0].rule == Rule(ignore=("same image", "same vehicle and camera"))
    assert protocol.default_root() == tmp_path
    assert counts(protocol.tasks[0], dataset) == {
        "queries": 1,
        "gallery images": 3,
        "gallery units": 3,
        "vehicles": 1,
        "positives": 1,
        "ignored": 1,
    }
    assert differences(protocol.tasks[0], dataset) == ("the task has no released counts to compare with",)


def test_everything_can_be_said(tmp_path):
    protocol = open_protocol(
        write(
            tmp_path,
            """
            table = "images.csv"
            root = "pictures"
            name = "cars"
            title = "Cars"
            version = 3
            delimiter = ";"
            encoding = "latin-1"
            formats = ["PNG"]
            [columns]
            vehicle = "plate"
            [tasks.tracks]
            query = "ask"
            unit = "track"
            reduce = "mean feature"
            ignore = ["same camera"]
            measures = ["hit@1"]
            about = "about"
            source = "me"
            [tasks.drawn]
            query = "ask"
            gallery = "ask"
            draws = { drawn = "query", count = 3, seed = 5 }
            """,
            "path;plate;split;track;camera\na.png;X;ask;1;2\nb.png;X;ask;1;2\nc.png;X;gallery;1;2\n",
        )
    )
    dataset = protocol.load(tmp_path / "elsewhere")
    tracks, drawn = protocol.tasks

    assert (protocol.name, protocol.title, protocol.version) == ("cars", "Cars", 3)
    assert protocol.default_root() == tmp_path / "pictures"
    assert tracks.rule == Rule("track", "mean feature", ("same camera",))
    assert (tracks.query, tracks.gallery, tracks.measures, tracks.about, tracks.source) == (
        "ask",
        "gallery",
        ("hit@1",),
        "about",
        "me",
    )
    assert drawn.rule == Rule(draws=Draws("query", 3, 5))
    assert (dataset.root, dataset.formats) == (tmp_path / "elsewhere", ("PNG",))


def test_numbers_stay_and_texts_get_a_number_that_no_other_row_moves(tmp_path):
    _, dataset = load_from(write(tmp_path))
    train, gallery = dataset.splits["train"], dataset.splits["gallery"]
    more = write(tmp_path, table=TABLE + "a/9.jpg,10,train,east,green\n")

    assert gallery.vehicle.tolist() == [8, 8, 9]
    assert train.names["camera"][int(train.camera[0])] == "north"
    assert train.colour[1] == UNKNOWN
    assert load_from(more)[1].splits["gallery"].camera.tolist() == gallery.camera.tolist()


def test_a_column_of_nothing_is_as_if_it_were_not_there(tmp_path):
    _, dataset = load_from(
        write(tmp_path, SHORTEST + "ignore = []\n", "path,vehicle,split,camera\nq,1,query,\ng,1,gallery,\n")
    )

    assert dataset.splits["query"].camera is None


def test_the_default_rule_of_a_table_whose_cameras_are_all_empty_ignores_none(tmp_path):
    empty = "path,vehicle,split,camera\nq,1,query,\ng,1,gallery, \n"

    assert open_protocol(write(tmp_path, table=empty)).tasks[0].rule == Rule(ignore=("same image",))


def test_a_table_in_another_encoding_is_read_by_its_name_and_refused_without(tmp_path):
    text = "path,vehicle,split\nq,京A1,query\ng,京A1,gallery\nh,沪A1,gallery\n"
    path = write(tmp_path, 'encoding = "gb18030"\n' + SHORTEST)
    (tmp_path / "images.csv").write_bytes(text.encode("gbk"))

    protocol, dataset = load_from(path)
    assert counts(protocol.tasks[0], dataset)["positives"] == 1
    path.write_text(SHORTEST)
    with pytest.raises(DataError, match=r'not in UTF-8(.|\n)*write encoding = "gb18030"'):
        open_protocol(path)


def test_a_vehicle_in_train_and_test_is_shown_as_the_table_has_it(tmp_path):
    path = write(tmp_path, table="path,vehicle,split\na,X 1,train\nb,X 1,query\nc,X 1,gallery\n")

    with pytest.raises(DataError, match=r"1 vehicles are in the training(.|\n)*found: X 1\n(.|\n)*next: give every"):
        load_from(path)


def test_times_are_numbers_or_iso(tmp_path):
    table = "path,vehicle,split,time\nq,1,query,12\ng,1,gallery,2018-03-11T17:00:05\nh,1,gallery,\n"
    _, dataset = load_from(write(tmp_path, table=table))

    assert dataset.splits["query"].time.tolist() == [12]
    assert dataset.splits["gallery"].time.tolist() == [
        int(np.datetime64("2018-03-11T17:00:05", "s").astype(int)),
        UNKNOWN,
    ]


def test_without_a_camera_column_there_is_no_camera_rule(tmp_path):
    plain = "path,vehicle,split\nq,1,query\ng,1,gallery\n"

    assert open_protocol(write(tmp_path, table=plain)).tasks[0].rule == Rule(ignore=("same image",))
    with pytest.raises(DataError, match=r"needs a column 'camera'(.|\n)*do not invent camera numbers"):
        open_protocol(write(tmp_path, SHORTEST + 'ignore = ["same camera"]\n', plain))


def test_the_registry_opens_a_file_and_its_tasks(tmp_path):
    path = write(tmp_path, SHORTEST + "[tasks.other]\n")
    registry = load()
    protocol, tasks = registry.tasks(f"{path}/other")

    assert (protocol.name, [task.name for task in tasks]) == ("my-cars", ["other"])
    assert [task.name for task in registry.tasks(str(path))[1]] == ["main", "other"]
    with pytest.raises(UsageError, match="unknown task of my-cars 'otter'; did you mean 'other'"):
        registry.tasks(f"{path}/otter")
    with pytest.raises(UsageError, match="file is missing"):
        registry.tasks(f"{tmp_path}/nothing.toml")


def test_the_name_of_a_built_in_protocol_cannot_be_taken(tmp_path):
    named = write(tmp_path, f'name = "veri776"\n{SHORTEST}')
    with pytest.raises(UsageError, match="name 'veri776' is taken"):
        load().tasks(str(named))


def test_a_file_called_like_a_built_in_protocol_gets_a_name_of_its_own(tmp_path):
    assert load().tasks(str(write(tmp_path, name="khoa.toml")))[0].name == "own-khoa"


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ("table = ", "is not valid TOML"),
        ('table = "images.csv"', r"the file defines no task\n  where: .*tasks\n  expected: \[tasks.main\]"),
        ('tabel = "images.csv"', r"unknown setting 'tabel'; did you mean 'table'"),
        (SHORTEST + "ignored = []", r"unknown setting 'ignored'; did you mean 'ignore'(.|\n)*tasks.main.ignored"),
        (SHORTEST + 'ignore = ["same car"]', r"tasks.main.ignore.0\n  found: same car\n  expected: .*'same image'"),
        (SHORTEST + 'measures = ["map"]', "unknown measure 'map'; did you mean 'ap'"),
        (SHORTEST + "draws = { count = 0 }", "tasks.main.draws.count"),
        (SHORTEST + "draws = { count = 2 }", "draws, which need single images of one split"),
        (SHORTEST + 'unit = "track"', "needs a column 'track'"),
        (SHORTEST + 'query = "probe"', r"unknown split of task 'main' 'probe'(.|\n)*expected: gallery, query, train"),
        ('name = "My Cars"\n' + SHORTEST, r'has an invalid name(.|\n)*write name = "my-cars"'),
        ('table = "images.csv"\n[task.main]', r"unknown setting 'task'; did you mean '\[tasks.main\]'"),
        ('table = "images.csv"\n[main]', r"unknown setting 'main'; did you mean '\[tasks.main\]'"),
        ('table = "images.csv"\n[tasks]\nquery = "x"', r"expected: a table, such as \[tasks.main\]"),
        ('query = "x"\n' + SHORTEST, r"'query' is not at its place(.|\n)*next: write it below \[tasks.main\]"),
        (SHORTEST + 'formats = ["PNG"]', r"'formats' is not at its place(.|\n)*above the first line in brackets"),
        (SHORTEST + "draws = { conut = 2 }", r"unknown setting 'conut'; did you mean 'count'"),
        (SHORTEST + 'ignore = "same image"', r'expected: a list: \["same image"\]'),
        (SHORTEST + 'ignore = ["same camera and vehicle"]', "did you mean 'same vehicle and camera'"),
        ("version = 1.5\n" + SHORTEST, r"found: 1.5\n  expected: a whole number"),
        ('formats = ["HEIF2"]\n' + SHORTEST, "unknown image format 'HEIF2'"),
        (SHORTEST + 'measures = ["rank-1"]', "unknown measure 'rank-1'; did you mean 'cmc@1'"),
        ('delimiter = ";"\n' + SHORTEST, r"not separated by ';'(.|\n)*next: write delimiter = \",\""),
        ('table = "image.csv"\n[tasks.main]', r"the table is missing(.|\n)*there is 'images.csv'"),
        ('table = "images.csv"\n[tasks."a b"]', "task 'a b' has an invalid name"),
        ('table = "images.csv"\n[columns]\nvehicle = "plate"\n[tasks.main]', "the table has no column 'plate'"),
        (
            'table = "images.csv"\n[columns]\nvehicel = "plate"\n[tasks.main]',
            "unknown column 'vehicel'; did you mean 'vehicle'",
        ),
        ('table = "nowhere.csv"\n[tasks.main]', r"the table is missing\n  where: .*nowhere.csv"),
    ],
)
def test_what_a_file_says_wrongly_is_named(tmp_path, protocol, message):
    with pytest.raises((DataError, UsageError), match=message):
        load_from(write(tmp_path, protocol))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("../a.jpg,8,gallery,n,", r"images.csv:8: '../a.jpg' is not a path inside"),
        ("a.jpg,8", r"images.csv:8: 2 fields, at least 5 expected"),
        ("a.jpg,,gallery,n,", r"images.csv:8: the vehicle is required"),
        ("a.jpg,8,,n,", r"images.csv:8: the split is required"),
        ("g/1.jpg,8,gallery,n,", r"images.csv:8: 'g/1.jpg' is already in line 5"),
        ('"a.jpg,8,gallery,n,', r"images.csv:8: unexpected end of data"),
        ("a.jpg,7,gallery,n,", r"1 vehicles are in the training and in the test lists"),
    ],
)
def test_what_a_row_says_wrongly_is_named_by_its_line(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        load_from(write(tmp_path, table=TABLE + row + "\n"))


def test_a_table_without_images_and_a_column_that_stands_twice_are_refused(tmp_path):
    with pytest.raises(DataError, match="the table has no images"):
        load_from(write(tmp_path, table="path,vehicle,split\n"))
    with pytest.raises(DataError, match=r"in the table twice(.|\n)*found: split"):
        load_from(write(tmp_path, table="path,vehicle,split,split\n"))
    with pytest.raises(DataError, match=r"images.csv:2: 'soon' is not a time"):
        load_from(write(tmp_path, table="path,vehicle,split,time\na,1,query,soon\n"))


def test_in_a_table_without_splits_every_image_asks_all_others(tmp_path):
    protocol, dataset = load_from(write(tmp_path, table="path,vehicle,camera\na,1,1\nb,1,2\nc,1,1\nd,2,1\n"))

    assert (protocol.tasks[0].query, protocol.tasks[0].gallery) == ("all", "all")
    found = counts(protocol.tasks[0], dataset)
    assert (found["queries"], found["gallery images"], found["positives"]) == (4, 4, 4)
    with pytest.raises(DataError, match=r"images.csv:3: the vehicle is required"):
        load_from(write(tmp_path, table="path,vehicle\na,1\nb,\n"))
    with pytest.raises(DataError, match=r"images.csv:3: 'a' is already in line 2"):
        load_from(write(tmp_path, table="path,vehicle\na,1\na,1\n"))


def test_a_column_that_looks_like_splits_is_not_passed_over(tmp_path):
    text = "path,vehicle,Set\na,1,train\nb,2,query\nc,2,gallery\n"
    with pytest.raises(DataError, match=r"no column 'split', but 'Set'(.|\n)*write split = \"Set\" under \[columns\]"):
        open_protocol(write(tmp_path, table=text))

    said = open_protocol(write(tmp_path, 'table = "images.csv"\n[columns]\nsplit = "Set"\n[tasks.main]\n', text))
    assert said.tasks[0].query == "query"
    asked = open_protocol(write(tmp_path, SHORTEST + 'query = "all"\ngallery = "all"\n', text))
    assert asked.tasks[0].query == "all"


def test_a_column_that_looks_like_one_of_ours_is_named(tmp_path):
    text = "path,plate,split\nq,1,query\ng,1,gallery\n"
    with pytest.raises(DataError, match=r"no column 'vehicle'(.|\n)*if 'plate' is it, write vehicle = \"plate\""):
        open_protocol(write(tmp_path, table=text))
    text = "path,vehicle,split,camID\nq,1,query,1\ng,1,gallery,2\n"
    _, dataset = load_from(write(tmp_path, table=text))
    assert dataset.notes == (
        "the column 'camID' is not used; if it has cameras, write camera = \"camID\" under [columns]",
    )


def test_cameras_that_some_images_lack_are_told_with_the_rule_that_does_without(tmp_path):
    path = write(tmp_path, table="path,vehicle,split,camera\nq,1,query,\ng,1,gallery,2\n")
    problem = load_from(path)[1].unavailable["main"]

    assert problem.found == "1 images of 'query' without a camera"
    assert 'write ignore = ["same image"] under [tasks.main]' in problem.next_step
    path.write_text(SHORTEST + 'ignore = ["same image"]\n')
    assert not load_from(path)[1].unavailable


def test_the_usual_words_for_formats_are_those_of_pillow(tmp_path):
    _, dataset = load_from(write(tmp_path, 'formats = ["jpg", "Png", "tif"]\n' + SHORTEST))

    assert dataset.formats == ("JPEG", "PNG", "TIFF")


def test_an_image_may_be_query_and_gallery_and_is_then_ignored(tmp_path):
    protocol, dataset = load_from(write(tmp_path, table="path,vehicle,split\na,1,query\na,1,gallery\nb,1,gallery\n"))

    assert counts(protocol.tasks[0], dataset)["ignored"] == 1


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6).map(str.strip) | st.sampled_from(["7", "07"])


@given(st.lists(st.tuples(CELL.filter(bool), CELL), min_size=1))
def test_any_labels_are_told_apart_as_they_are_written(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("own")
    quoted = [[value.replace('"', '""') for value in row] for row in rows]
    lines = [f'{number}.jpg,"{vehicle}",all,"{camera}"' for number, (vehicle, camera) in enumerate(quoted)]
    (folder / "images.csv").write_text("path,vehicle,split,camera\n" + "\n".join(lines) + "\n", encoding="utf-8")
    table = read_tables(folder / "images.csv", {})["all"]
    vehicles, cameras = zip(*((vehicle, Words().known(camera)) for vehicle, camera in rows), strict=True)

    same = np.equal.outer(table.vehicle, table.vehicle)
    assert same.tolist() == [[one == other for other in vehicles] for one in vehicles]
    if table.camera is None:
        assert not any(cameras)
    else:
        assert ((table.camera == UNKNOWN) == [not camera for camera in cameras]).all()
