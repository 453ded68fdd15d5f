"""The command ``bench data init`` writes a protocol that works at once, and never over a file."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

import harness
from harness.cli import main
from harness.cli.verbs import data as verb

REAL = Path(__file__).parents[4] / "shared" / "real" / "khoa"


def bench(*words, **settings):
    return CliRunner().invoke(main, list(map(str, words)), **settings)


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Four vehicles under two cameras, two for training, in a folder below the current one."""
    monkeypatch.chdir(tmp_path)
    for split, vehicles in (("train", (1, 2)), ("test", (3, 4))):
        (tmp_path / "My photographs" / split).mkdir(parents=True)
        for vehicle in vehicles:
            for camera in (1, 2):
                colour = (60 * vehicle, 30 * camera, 100)
                Image.new("RGB", (24, 24), colour).save(
                    tmp_path / "My photographs" / split / f"car_{vehicle:04}_cam{camera}.jpg"
                )
    return tmp_path / "My photographs"


def test_what_is_written_is_a_protocol_that_runs(photographs, tmp_path):
    done = bench("data", "init", photographs)

    assert done.exit_code == 0, done.output
    for line in (
        "  asks     camera 1 asks, camera 2 answers",
        "Written: my-photographs.toml, my-photographs.csv",
        "train: 4 images, 2 vehicles, 2 cameras",
        "query: 2 images, 2 vehicles, 1 cameras",
        "gallery: 2 images, 2 vehicles, 1 cameras",
        "Next: bench run --method colour-histogram --protocol my-photographs.toml",
    ):
        assert line in done.output
    text = (tmp_path / "my-photographs.toml").read_text()
    assert "# names: {type}_{vehicle}_cam{camera}\n" in text
    assert 'table = "my-photographs.csv"\nroot = "My photographs"\n\n[tasks.main]\n' in text
    ran = bench(*done.output.rpartition("Next: bench ")[2].split(), "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)[0]["queries"] == 2


def test_own_data_with_nothing_wrong_pass_the_check_and_those_with_a_flaw_do_not(photographs):
    bench("data", "init", photographs)

    whole = bench("data", "check", "my-photographs.toml")
    next((photographs / "test").iterdir()).unlink()
    flawed = bench("data", "check", "my-photographs.toml")

    assert whole.exit_code == 0, whole.output
    assert whole.output.splitlines()[-1].startswith("nothing is wrong; results will not be official")
    assert flawed.exit_code == 1
    assert "1 of 8 images are missing" in flawed.output


def test_the_answer_as_json_holds_what_the_text_shows(photographs):
    shown = json.loads(bench("data", "init", photographs, "--json").stdout)

    assert shown["files"] == ["my-photographs.toml", "my-photographs.csv"]
    assert {"what": "camera", "from": "{camera} in the names: 1, 2"} in shown["taken"]
    assert shown["open"][0].startswith("Which images of 'test' ask?")
    assert [split["found"]["images"] for split in shown["check"]["splits"]] == [4, 2, 2]
    assert shown["next"] == "bench run --method colour-histogram --protocol my-photographs.toml"


def test_no_file_is_written_over_without_force(photographs, tmp_path):
    (tmp_path / "my-photographs.csv").write_text("mine")

    done = bench("data", "init", photographs)

    assert done.exit_code == 2
    assert "the file exists already\n  where: my-photographs.csv" in done.output
    assert (tmp_path / "my-photographs.csv").read_text() == "mine"
    assert not (tmp_path / "my-photographs.toml").exists()
    assert bench("data", "init", photographs, "--force").exit_code == 0
    assert "where: my-photographs.toml" in bench("data", "init", photographs).output


def test_the_users_own_table_is_never_written_over(photographs, tmp_path):
    own = "path,vehicle,camera\nMy photographs\\train\\car_0001_cam1.jpg,1,1\n"
    (tmp_path / "list.csv").write_text(own)

    done = bench("data", "init", "--table", "list.csv", "--force")

    assert "Written: list.toml, list-images.csv" in done.output
    assert (tmp_path / "list.csv").read_text() == own


def test_what_is_uncertain_is_asked_in_a_terminal(photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(verb, "_in_terminal", lambda: True)

    done = bench("data", "init", photographs, input="2\n")

    assert done.exit_code == 0, done.output
    assert (
        "Which images of 'test' ask?\n  1  camera 1 asks, camera 2 answers\n  2  every image asks all others"
        in done.output
    )
    assert "Not certain" not in done.output
    assert 'query = "test"\ngallery = "test"\n' in (tmp_path / "my-photographs.toml").read_text()
    again = bench("data", "init", photographs, "--out", "other.toml", "--yes")
    assert "Taken: camera 1 asks, camera 2 answers. Else: every image asks all others." in again.output


def test_a_table_that_cannot_serve_a_task_is_written_and_told_with_2(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text("path,vehicle,split\na,1,train\nb,1,query\nc,1,gallery\n")

    done = bench("data", "init", "--table", "list.csv")

    assert done.exit_code == 2
    assert "1 vehicles are in the training and in the test lists" in done.output
    assert "This cannot be used yet" in done.output
    assert "Next:" not in done.output


def test_a_copy_of_a_released_data_set_is_told(small_synthetic, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    shown = json.loads(bench("data", "init", small_synthetic, "--out", "mine.toml", "--json").stdout)

    asked = f"for its official tasks use --protocol synthetic --data {small_synthetic}."
    assert f"This folder has the lists of synthetic; {asked}" in shown["open"]


def test_the_name_of_a_protocol_of_the_harness_is_not_taken(photographs, tmp_path):
    photographs.rename(tmp_path / "VeRi776")

    assert "Written: my-veri776.toml" in bench("data", "init", "VeRi776").output
    assert bench("data", "init", "VeRi776", "--out", "veri776.toml").exit_code == 0
    assert 'name = "my-veri776"' in (tmp_path / "veri776.toml").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "neither a folder nor a table is given"),
        (["nowhere"], "the folder is missing"),
        (["--table", "gone.csv"], "the table is missing"),
        ([".", "--out", "x.json"], "a protocol's file must end in .toml"),
        ([".", "--names", "{car}"], "the pattern of the names cannot be used"),
    ],
)
def test_what_cannot_be_described_is_refused_and_leaves_nothing(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)

    done = bench("data", "init", *words)

    assert done.exit_code == 2
    assert message in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["list.csv", "pictures"])
def test_a_table_or_folder_in_place_of_a_protocol_names_the_command(tmp_path, monkeypatch, word):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()

    with pytest.raises(harness.UsageError) as refused:
        harness.load().tasks(word)

    option = "--table " if word.endswith(".csv") else ""
    assert refused.value.next_step == f"let bench write that file: bench data init {option}{word}"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real photographs are not beside the project")
def test_real_photographs_are_described_from_their_names_or_their_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in ([], ["--table", "test.txt"]):
        shown = json.loads(bench("data", "init", REAL, *words, "--out", "khoa.toml", "--force", "--json").stdout)
        found = {split["split"]: split["found"] for split in shown["check"]["splits"]}
        assert found["query"] == found["gallery"] == {"images": 60, "vehicles": 60, "cameras": 1}
        assert found.get("train", {}).get("vehicles") == (None if words else 507)
        rows = (tmp_path / "khoa.csv").read_text().splitlines()
        assert "images/test/car_0001_cam1.jpg,car_0001,query,1,car" in rows
        assert "images/test/car_0001_cam2.jpg,car_0001,gallery,2,car" in rows
