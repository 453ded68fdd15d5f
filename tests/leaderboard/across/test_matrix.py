"""The verb as a user types it; its runs are computed in this very process, by an engine from a plugin file."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from tests.harness.runs.made import PLUGIN
from tests.harness.sweeps.made import ENGINE

QUICK = ("--method", "tiny", "--set", "epochs=1", "--set", "vehicles=2")


@pytest.fixture
def matrix(tmp_path, monkeypatch, small_synthetic):
    """Start the verb in a folder of two data sets, ``A`` and ``B``; return the JSON that it prints, or its result."""
    monkeypatch.chdir(tmp_path)
    Path("plugin.py").write_text(PLUGIN)
    Path("engine.py").write_text(ENGINE)
    for name in ("A", "B"):
        Path(name).symlink_to(small_synthetic)

    def run(*words, status=0, json_wanted=True):
        plugins = [] if words[0].endswith(".toml") else ["--plugin", "plugin.py", "--plugin", "engine.py"]
        flags = ["--json"] if json_wanted and not status else []
        done = CliRunner().invoke(main, ["matrix", *words, *plugins, "--engine", "here", *flags])
        assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
        assert "Traceback" not in done.output
        return json.loads(done.stdout) if flags else done

    return run


def commands():
    return Path("commands.txt").read_text().splitlines() if Path("commands.txt").exists() else []


def cells(found, row):
    return found["rows"][row]["cells"]


ON = ("--on", "synthetic/image-to-image=A,veri776/image-to-image=B")


@pytest.mark.slow
def test_a_matrix_trains_each_tests_all_and_does_nothing_the_second_time(matrix):
    first = matrix(*QUICK, *ON, "--leave-one-out", "--out", "across.md")

    assert [row["training"] for row in first["rows"]] == ["synthetic", "veri776", "all others"]
    assert {cell["state"] for row in first["rows"] for cell in row["cells"]} == {"done"}
    assert [cell["train_on"] for cell in cells(first, 2)] == [["veri776"], ["synthetic"]]
    assert [[cell["seen"] for cell in cells(first, row)] for row in (0, 1, 2)] == [
        ["this data set", "others"],
        ["others", "this data set"],
        ["others", "others"],
    ]
    assert cells(first, 2)[0]["measures"] == cells(first, 1)[0]["measures"], "left out of two, one is left"
    assert len(commands()) == 4
    assert sum("--train-on" in command for command in commands()) == 2, "on its own set a method trains as ever"

    page = Path("across.md").read_text()
    assert matrix(*QUICK, *ON, "--leave-one-out", "--out", "across.md") == first
    assert len(commands()) == 4
    assert Path("across.md").read_text() == page
    assert json.loads(Path("across.json").read_text()) == first
    assert "| tiny (epochs=1, vehicles=2) | synthetic " in page.replace("  ", " ")
    assert "\\* The weights have seen training images of this data set." in page


def test_a_cell_is_the_mean_of_its_seeds_and_lies_in_its_interval(matrix):
    found = matrix(*QUICK, "--on", "synthetic/image-to-image=A", "--seeds", "0,1")

    (cell,) = cells(found, 0)
    records = [json.loads(path.read_text()) for path in Path("runs").rglob("record-*.json")]
    ap = [record["measures"]["ap"] for record in records]
    assert cell["seeds"] == [0, 1]
    assert sorted(cell["records"]) == sorted(record["digest"] for record in records)
    assert cell["measures"]["ap"]["mean"] == pytest.approx(sum(ap) / 2)
    assert cell["measures"]["ap"]["low"] < min(ap) < max(ap) < cell["measures"]["ap"]["high"]


def test_a_run_that_an_ordinary_command_computed_already_is_a_cell(matrix):
    words = ["run", *QUICK, "--protocol", "synthetic/image-to-image", "--data", "A", "--plugin", "plugin.py"]
    assert CliRunner().invoke(main, words).exit_code == 0

    found = matrix(*QUICK, "--on", "synthetic/image-to-image=A")

    assert cells(found, 0)[0]["state"] == "done"
    assert commands() == []


@pytest.mark.slow
def test_checkpoints_runs_and_methods_without_training_have_a_row_each(matrix):
    trained = ("train", *QUICK, "--protocol", "synthetic", "--data", "A", "--plugin", "plugin.py")
    assert CliRunner().invoke(main, trained).exit_code == 0
    (folder,) = Path("runs").iterdir()

    found = matrix("--checkpoint", str(folder / "checkpoint.safetensors"), "--method", "colour-histogram", *ON)
    same = matrix("--run", str(folder), "--method", "tiny", *ON)

    assert [row["training"] for row in found["rows"]] == ["", f"synthetic ({folder.name})"]
    assert [cell["seen"] for cell in cells(found, 1)] == ["this data set", "others"]
    assert cells(same, 0) == cells(found, 1)


def test_recipe_and_options_are_those_of_the_methods_that_train_if_any_does(matrix):
    both = matrix(*QUICK, "--method", "random", *ON, "--check")
    alone = matrix("--method", "random", "--set", "width=3", *ON, "--check", status=2)

    assert [row["method"] for row in both["rows"]] == 2 * ["tiny (epochs=1, vehicles=2)"] + ["random"]
    assert "unknown option of random 'width'" in alone.stderr


def test_links_that_the_user_allows_are_followed_in_every_run(matrix):
    matrix("--method", "random", "--on", "synthetic/image-to-image=A", "--follow-links")

    assert "--follow-links" in commands()[0]


def test_what_fails_and_what_cannot_be_done_stop_nothing_and_say_why(matrix):
    Path("matrix.toml").write_text(
        """
        on = ["synthetic/image-to-image", "cityflow/test"]
        train-on = ["synthetic", "veri776+synthetic"]
        plugin = ["plugin.py", "engine.py"]
        data = { synthetic = "A", veri776 = "B", cityflow = "C" }

        [[row]]
        method = "no-label"

        [[row]]
        method = "random"
        """
    )
    made = CliRunner().invoke(main, ["data", "make", "cityflow", "C", "--vehicles", "8", "--image-size", "32"])
    assert made.exit_code == 0, made.output

    done = matrix("matrix.toml", status=1)

    assert "2 of 3 runs failed" in done.stderr
    lines = done.stdout.splitlines()
    assert [line.split("|")[2].strip() for line in lines[2:5]] == ["synthetic", "synthetic+veri776", ""]
    assert ["failed (1)" in line for line in lines[2:5]] == [True, True, False]
    assert all("- (2)" in line for line in lines[2:5])
    assert "- (1) synthetic/image-to-image: no image has the label 'wheels'" in lines
    assert any(line.startswith("- (2) cityflow/test: the vehicles of this test are withheld") for line in lines)


def test_a_check_shows_what_there_is_to_do_and_computes_nothing(matrix):
    found = matrix(*QUICK, *ON, "--check")

    assert {cell["state"] for row in found["rows"] for cell in row["cells"]} == {"waiting"}
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*ON, "--on", "synthetic=A,synthetic=A"), "'synthetic' is named twice to test on"),
        (("--on", "synthetic=A,synthetic/image-to-track=A,synthetic"), "is named twice to test on"),
        (("--on", "synthetic=A,synthetic=B"), "'synthetic' has two folders"),
        (("--on", "sinthetic=A"), "did you mean 'synthetic'?"),
        (("--on", "synthetic/image-to-imag=A"), "did you mean 'image-to-image'?"),
        (("--on", "synthetic=nowhere"), "give the right one with --on synthetic=DIR"),
        (("--on", "synthetic=A,vric"), "give it with --on vric=DIR"),
        (("--on", "synthetic=A,,vric"), "a data set has no name"),
        (("--on", "synthetic="), "the folder of 'synthetic' is missing"),
        (("--on", "synthetic=A", "--train-on", "veri776=B,veri776"), "'veri776' is named twice to train on"),
        (("--on", "synthetic=A", "--train-on", "synthetic,veri776=nowhere"), "next: give the right one with"),
        (("--on", "synthetic=A", "--leave-one-out"), "leaving one out takes two data sets or more"),
        (("--on", "synthetic=A,veriwild2=W"), "next: say what to train on: --train-on synthetic"),
        (("--on", "synthetic=A", "--set", "epoch=2"), "did you mean 'epochs'?"),
        (("--on", "synthetic=A", "--method", "tinny"), "did you mean 'tiny'?"),
        (("--on", "synthetic=A", "--recipe", "papr"), "papr"),
        (("--on", "synthetic=A", "--seeds", "0,one"), "a seed is no number"),
        (("--on", "synthetic=A", "--checkpoint", "none.safetensors"), "the checkpoint is missing"),
        (("--on", "synthetic=A", "--run", "A"), "the run has no checkpoint"),
        (("--on", "synthetic=A", "--run", "nowhere"), "the run's folder is missing"),
        (("--on", "synthetic=A", "--out", "table.csv"), "a file that ends in .md"),
        ((), "the matrix has no data set"),
    ],
)
def test_a_mistake_is_one_message_before_the_first_training_begins(matrix, words, message):
    lists = Path("W", "test_split")
    lists.mkdir(parents=True)
    (lists / "All_query.txt").write_text("00001/000001.jpg 1 1\n")
    (lists / "All_gallery.txt").write_text("00001/000002.jpg 1 2\n")

    done = matrix(*QUICK, *words, status=2)

    assert message in done.stderr
    assert done.stderr.count("bench: ") == 1
    assert commands() == []
    assert not Path("runs").exists()


@pytest.mark.slow
def test_the_checkpoint_of_another_method_is_refused(matrix):
    trained = ("train", *QUICK, "--protocol", "synthetic", "--data", "A", "--plugin", "plugin.py")
    assert CliRunner().invoke(main, trained).exit_code == 0
    (folder,) = Path("runs").iterdir()

    other = matrix("--method", "strong-baseline", "--run", str(folder), "--on", "synthetic=A", status=2)
    none = matrix("--run", str(folder), "--on", "synthetic=A", "--method", "tiny", "--method", "no-label", status=2)

    assert "the checkpoint belongs to another method" in other.stderr
    assert "found: tiny" in other.stderr
    assert "several methods that could be theirs" in none.stderr
