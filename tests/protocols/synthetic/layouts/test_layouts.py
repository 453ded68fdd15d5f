"""Every protocol on synthetic vehicles in its released layout: drawn, read back, checked, trained on and scored."""

import json

import pytest
from click.testing import CliRunner

from harness.boxes import read_boxes
from harness.cli import main
from harness.errors import DataError, UsageError
from harness.registry.registry import load
from harness.tasks.check import check_copy
from harness.tasks.conventions import serve, with_conventions
from tests.protocols.synthetic.drawn_sets import SMALL, content

MADE = {
    "carla-reid": {},
    "cityflow": {},
    "khoa": {},
    "roundabouthd": {},
    "vehicleid": {},
    "veri776": {},
    "veriwild": {"release": "2019"},
    "veriwild-2020": {"release": "2020"},
    "veriwild2": {},
    "vric": {},
    "vru": {},
}


OTHER = {
    "carla-reid": ["123 images, where the release's description says 55196"],
    "roundabouthd": ["123 images, where the release's description says 65522 of 512 vehicles"],
    "veriwild-2020": ["vehicle_info.txt is missing: no image has a model, a type or a colour"],
}
"""What a check of the drawn layout says besides other counts."""


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    """Return the folder of a drawn data set in each layout."""
    root = tmp_path_factory.mktemp("layouts")
    for name, choices in MADE.items():
        layout = load().layout(name.removesuffix("-2020"))
        line = layout.make(root / name, vehicles=12, cameras=2, image_size=32, seed=3, workers=1, **choices)
        assert line.startswith(f"{root / name}: ")
    return root


@pytest.mark.parametrize("name", MADE)
def test_a_drawn_layout_is_read_back_whole_by_the_protocol_itself(layouts, name):
    report = check_copy(load().protocol(name.removesuffix("-2020")), layouts / name, every_image=True)
    other = [finding for finding in report.findings if ", the release " not in finding]
    vehicles = {"cityflow": 6, "khoa": 6, "veriwild2": 4}

    assert other == OTHER.get(name, [])
    assert report.splits[0].found["vehicles"] == vehicles.get(name, 8)
    assert [task.task for task in report.tasks if not task.fingerprint] == ["test"] * (name == "cityflow")
    assert not any(task.task.endswith("+no-camera-rule") for task in report.tasks)


@pytest.mark.parametrize("name", MADE)
def test_every_task_and_convention_can_be_asked_of_a_drawn_layout(layouts, name):
    protocol = load().protocol(name.removesuffix("-2020"))

    lost = serve(with_conventions(protocol.tasks, ["all"]), protocol.load(layouts / name))[1]

    assert list(lost) == ["test"] * (name == "cityflow")


@pytest.mark.parametrize("name", MADE)
def test_boxes_follow_their_images(layouts, name):
    dataset = load().protocol(name.removesuffix("-2020")).load(layouts / name)
    boxes = read_boxes(dataset.boxes["parts"])

    assert set(boxes.of_image) >= set(dataset.splits["all-query" if name == "veriwild2" else "train"].paths)
    assert all((layouts / name / key).is_file() for key in boxes.of_image)
    assert sum(len(found) for found in boxes.of_image.values()) > len(boxes.of_image)


def test_labels_follow_their_images(layouts):
    veri, wild, ids = (load().protocol(name).load(layouts / name) for name in ("veri776", "veriwild", "vehicleid"))

    def models(dataset, label):
        table = dataset.splits["train"]
        return {
            int(vehicle): table.names[label][int(number)]
            for vehicle, number in zip(table.vehicle, table.label(label), strict=True)
        }

    assert models(wild, "colour") == models(veri, "colour") == models(ids, "colour")
    assert models(wild, "type") == models(veri, "type")
    assert models(wild, "model") == models(ids, "model")


def test_the_same_seed_draws_the_same_bytes_in_another_layout(layouts, tmp_path):
    load().layout("vric").make(tmp_path / "again", vehicles=12, cameras=2, image_size=32, seed=3, workers=1)
    files = [path for path in sorted((layouts / "vric").rglob("*")) if path.is_file()]

    assert [path.relative_to(layouts / "vric").as_posix() for path in files] == [
        path.relative_to(tmp_path / "again").as_posix()
        for path in sorted((tmp_path / "again").rglob("*"))
        if path.is_file()
    ]
    assert all(
        path.read_bytes() == (tmp_path / "again" / path.relative_to(layouts / "vric")).read_bytes() for path in files
    )


def test_the_command_draws_a_release_that_there_is(tmp_path):
    words = ["--vehicles", "6", "--cameras", "2", "--image-size", "32", "--workers", "1"]
    wild = CliRunner().invoke(main, ["data", "make", "veriwild", str(tmp_path / "new"), "--release", "2020", *words])
    no_year = CliRunner().invoke(main, ["data", "make", "veriwild", str(tmp_path / "x"), "--release", "2021"])
    no_choice = CliRunner().invoke(main, ["data", "make", "vric", str(tmp_path / "x"), "--release", "2020"])

    assert (wild.exit_code, no_year.exit_code, no_choice.exit_code) == (0, 2, 2)
    assert (tmp_path / "new" / "train_test_split" / "test_3000_id.txt").is_file()
    assert "unknown release of veriwild '2021'" in no_year.stderr
    assert "expected: no release of vric is registered" in no_choice.stderr
    assert not (tmp_path / "x").exists()


def make(name, out, *words):
    return CliRunner().invoke(main, ["data", "make", name, str(out), *words])


def test_a_name_that_is_nearly_a_layout_s_gets_that_one_proposed(tmp_path):
    unknown = make("vehicelid", tmp_path / "out")

    assert unknown.exit_code == 2
    assert "unknown layout 'vehicelid'" in unknown.stderr
    assert "did you mean 'vehicleid'" in unknown.stderr
    assert not list(tmp_path.iterdir())


PLUGIN = """
from harness import Layout, Protocol, hookimpl

class Read(Protocol):
    name, tasks = "read", ()
    def load(self, root): ...

class Drawn(Layout):
    name = "drawn"
    def make(self, out, *, progress=None, **choices):
        return f"{out.name}: {sorted(choices.items())}"

@hookimpl
def bench_register_protocols(register):
    register("read", Read)

@hookimpl
def bench_register_layouts(register):
    register("drawn", Drawn)
    register("wrong", Read)
"""


def test_a_plugin_brings_a_layout_and_a_protocol_without_one_cannot_be_drawn(tmp_path):
    (tmp_path / "plugin.py").write_text(PLUGIN)
    words = ["--plugin", str(tmp_path / "plugin.py")]
    drawn = make("drawn", tmp_path / "out", "--vehicles", "9", *words)
    read, wrong = (make(name, tmp_path / "out", *words) for name in ("read", "wrong"))

    assert (drawn.exit_code, drawn.stdout) == (0, "out: [('vehicles', 9)]\n")
    assert (read.exit_code, wrong.exit_code) == (2, 2)
    assert "no data set can be drawn in the layout of 'read'" in read.stderr
    assert "or drawn or khoa or roundabouthd or synthetic or vehicleid or" in read.stderr
    assert "'wrong' is not a layout" in wrong.stderr


def test_the_layout_of_veri776_is_that_of_the_synthetic_set(small, tmp_path):
    for name in ("synthetic", "veri776"):
        told = load().layout(name).make(tmp_path / name, **SMALL, progress=None)

        assert told == str(small).replace(str(small.root), str(tmp_path / name))
        assert content(tmp_path / name) == content(small.root)


def test_a_folder_with_something_in_it_is_refused(layouts, tmp_path):
    with pytest.raises(DataError, match="is not empty"):
        load().layout("vru").make(layouts / "vru", vehicles=12)
    with pytest.raises(UsageError, match="vehicles is out of its range"):
        load().layout("vric").make(tmp_path / "new", vehicles=1)
    assert not list(tmp_path.iterdir())


SLOW = {"carla-reid", "roundabouthd", "veriwild-2020", "vru"}
"""Layouts that differ from another in their lists only; each run costs five seconds."""


TRAINED = [name for name in MADE if name != "veriwild2"]


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in TRAINED])
def test_the_strong_baseline_runs_end_to_end(layouts, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    words = ["run", "--method", "strong-baseline", "--protocol", name.removesuffix("-2020"), "--data", layouts / name]
    words += ["--recipe", "quick", "--validate", "none", "--workers", "0", "--json"]
    for change in ("epochs=1", "input_size=32", "p=4"):
        words += ["--set", change]
    done = CliRunner().invoke(main, list(map(str, words)), catch_exceptions=False)

    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    protocol = load().protocol(name.removesuffix("-2020"))
    tasks = [task for task in protocol.tasks if not task.withheld]
    assert [result["task"] for result in found] == [f"{protocol.name}/{task.name}" for task in tasks]
    for result, task in zip(found, tasks, strict=True):
        assert not result["official"]
        assert set(result["measures"]) == set(task.measures)
        assert all(0 <= value <= 1 for value in result["measures"].values())


def test_a_set_without_training_images_is_evaluated_by_weights_from_elsewhere(layouts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["run", "--method", "colour-histogram", "--protocol", "veriwild2", "--data", str(layouts / "veriwild2")]
    done = CliRunner().invoke(main, [*words, "--json", "--workers", "0"], catch_exceptions=False)
    refused = CliRunner().invoke(main, ["run", "--method", "strong-baseline", *words[3:], "--recipe", "quick"])

    assert done.exit_code == 0, done.stderr
    assert [result["task"] for result in json.loads(done.stdout)] == ["veriwild2/all", "veriwild2/a", "veriwild2/b"]
    assert refused.exit_code == 2
    assert "the data set has no images for the split 'train'" in refused.stderr
