"""The command as a user types it, on a small drawn data set."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.errors import BenchError, DataError, FeatureError, PluginError, UsageError
from harness.features import FeatureFile
from harness.registry.registry import load
from harness.scoring.evaluation import evaluate, refuse_corrupted
from leaderboard.commands.corrupt import corrupt
from leaderboard.robustness.result import read_result
from tests.harness.runs.made import PLUGIN as METHODS

PLUGIN = """
import harness

class Invert(harness.Corruption):
    "Turned colours."
    levels = tuple({"n": n} for n in range(5))
    source = "made up"

    def corrupt(self, scene, level, chance):
        return 255 - scene.pixels

class Sometimes(Invert):
    def corrupt(self, scene, level, chance):
        if scene.pixels.shape[0] != 96 and chance.between(0, 2) == 0:
            raise ValueError("no dice")
        return scene.pixels.copy()

class Half(Invert):
    def corrupt(self, scene, level, chance):
        return scene.pixels[::2]

@harness.hookimpl
def bench_register_corruptions(register):
    register("invert", Invert, about="turned colours")
    register("sometimes", Sometimes)
    register("half", Half)
"""
TASK = "synthetic/image-to-image"


@pytest.fixture
def run(tmp_path, monkeypatch, small_synthetic):
    """Run the command in an empty folder; return its JSON, or raise its error."""
    monkeypatch.chdir(tmp_path)
    Path("plugin.py").write_text(PLUGIN)

    def command(*words):
        given = ["--data", str(small_synthetic), "--plugin", "plugin.py", "--workers", "0", "--json"]
        done = CliRunner().invoke(corrupt, [*map(str, words), *given], catch_exceptions=True)
        if isinstance(done.exception, BenchError):
            raise done.exception
        assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
        return json.loads(done.stdout)

    command.data = small_synthetic
    return command


COLOURS = ("--method", "colour-histogram", "--protocol", TASK)


def folder():
    return next(Path("runs").glob("*/*/corrupted"))


def test_a_spoilt_side_is_extracted_and_the_clean_one_used_again(run):
    found = run(*COLOURS, "--corruptions", "invert,rain", "--severities", "1,5")

    task = found["tasks"][0]
    names = [one["name"] for one in task["corruptions"]]
    assert (found["kind"], found["on"], found["severities"], names) == (
        "corruptions",
        "query",
        [1, 5],
        ["invert", "rain"],
    )
    assert task["clean"]["ap"]["value"] == evaluate(clean_features(), TASK, data=run.data).mean["ap"]
    assert all(set(level["measures"]) == set(task["clean"]) for one in task["corruptions"] for level in one["levels"])
    inverted = task["corruptions"][0]
    assert inverted["measures"]["ap"]["mean"]["value"] < task["clean"]["ap"]["value"]
    splits = sorted({path.name.split("-")[2] for path in folder().glob("*.h5")})
    assert splits == ["query"]


def clean_features():
    return next(Path("runs").glob("*/*/features.h5"))


def test_both_sides_spoilt_alike_are_scored_as_their_own_data_set(run):
    """Turning the colours of all pictures reorders the bins of a histogram, and moves no rank."""
    both = run(*COLOURS, "--corruptions", "invert", "--severities", "2", "--on", "both")["tasks"][0]

    assert both["corruptions"][0]["measures"]["ap"]["mean"]["value"] == pytest.approx(
        both["clean"]["ap"]["value"], abs=0.02
    )
    gallery = run(*COLOURS, "--corruptions", "invert", "--severities", "2", "--on", "gallery")["tasks"][0]
    assert gallery["corruptions"][0]["measures"]["ap"]["drop"]["value"] > 0.1
    assert len(list(folder().glob("*.h5"))) == 2  # the gallery's features were used again


def test_the_result_is_a_file_of_its_own_with_a_page_and_enters_no_record(run):
    found = run(*COLOURS, "--corruptions", "invert", "--severities", "3")

    path = next(folder().glob("*.json"))
    assert read_result(path).model_dump(mode="json") == found
    assert "invert" in path.with_suffix(".md").read_text()
    assert list(Path("runs").rglob("record-*.json")) == []


def test_no_score_of_a_task_is_made_of_spoilt_features(run):
    run(*COLOURS, "--corruptions", "invert", "--severities", "3", "--on", "both")
    gallery = next(folder().glob("*gallery*.h5"))

    with FeatureFile.open(gallery) as file:
        assert file.provenance.corruption.startswith("invert 3, seed 0, ")
        with pytest.raises(FeatureError, match="spoilt on purpose"):
            refuse_corrupted(file)
    with pytest.raises(FeatureError, match="have no feature"):
        evaluate(gallery, TASK, data=run.data)


def test_kept_features_are_used_again_and_discarded_ones_are_gone(run):
    words = (*COLOURS, "--corruptions", "invert", "--severities", "1,2")
    first = run(*words)
    kept = {path: path.stat().st_mtime_ns for path in folder().glob("*.h5")}
    assert run(*words) == first
    assert {path: path.stat().st_mtime_ns for path in folder().glob("*.h5")} == kept

    for path in kept:
        path.unlink()
    assert run(*words, "--discard") == first
    assert list(folder().glob("*.h5*")) == []


def test_features_do_not_depend_on_the_processes_that_decode(run):
    words = (*COLOURS, "--corruptions", "rain", "--severities", "4")
    first = run(*words, "--discard")

    assert run(*words, "--workers", "2") == first


def test_another_seed_spoils_otherwise_and_lies_beside(run):
    words = (*COLOURS, "--corruptions", "rain", "--severities", "5")

    assert run(*words)["tasks"] != run(*words, "--seed", "1")["tasks"]
    assert len(list(folder().glob("*.json"))) == 2


def test_a_plugin_that_breaks_its_contract_ends_in_one_message(run):
    with pytest.raises(PluginError, match="'half' returned another kind of picture"):
        run(*COLOURS, "--corruptions", "half")
    Path("plugin.py").write_text(PLUGIN + '    register("nothing", dict)\n')
    with pytest.raises(PluginError, match="'nothing' is not a corruption"):
        run(*COLOURS, "--corruptions", "nothing")
    assert not Path("runs").exists()
    Path("plugin.py").write_text(PLUGIN)
    with pytest.raises(PluginError) as refused:
        run(*COLOURS, "--corruptions", "sometimes")
    assert len(str(refused.value).splitlines()) == 4
    assert refused.value.found == "ValueError: no dice"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name one run"),
        (("somewhere", "--method", "random"), "name one run"),
        (("--method", "random"), "the protocol is not given"),
        (("somewhere",), "the run is missing"),
        (("somewhere", "--set", "a=1"), "a run's folder holds its options"),
        ((".",), "the folder is no run's"),
        ((*COLOURS, "--severities", "0"), "a severity is out of range"),
        ((*COLOURS, "--corruptions", "ran"), "unknown corruption 'ran'; did you mean 'rain'"),
        ((*COLOURS, "--corruptions", "rain", "--plates", "x.json"), "none of these corruptions looks at boxes"),
        ((*COLOURS, "--boxes", "x.json"), "this run does not use --boxes"),
    ],
)
def test_bad_words_are_refused_before_anything_is_read(run, words, message):
    with pytest.raises(UsageError, match=message):
        run(*words)

    assert not Path("runs").exists()


def test_a_run_is_named_by_its_folder(run):
    words = ("--corruptions", "invert", "--severities", "2")
    by_method = run(*COLOURS, *words)
    made = next(Path("runs").iterdir())

    assert run(made, *words, "--protocol", TASK) == by_method
    assert run(made, *words)["tasks"][0]["task"] == "image-to-track"  # all tasks of the only protocol
    assert len(list(made.glob("*/features.h5"))) == 1


def test_a_trained_run_is_used_as_it_is(run, small_synthetic):
    Path("methods.py").write_text(METHODS)
    words = ("--corruptions", "fog", "--severities", "5", "--plugin", "methods.py", "--protocol", TASK)
    by_method = run("--method", "tiny", *words)
    made = next(Path("runs").iterdir())
    before = sorted(path.name for path in made.iterdir())

    by_folder = run(made, *words)
    assert by_folder == by_method
    assert by_folder["trained_on"] == ["synthetic"]
    assert sorted(path.name for path in made.iterdir()) == before

    (made / "checkpoint.safetensors").unlink()
    with pytest.raises(UsageError, match="the run has no checkpoint"):
        run(made, *words)


def test_a_run_of_changed_code_is_refused(run):
    run(*COLOURS, "--corruptions", "invert", "--severities", "2")
    made = next(Path("runs").iterdir())
    config = made / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "code": "0" * 64}))

    with pytest.raises(UsageError, match="code has changed since the run"):
        run(made, "--corruptions", "invert")
    config.write_text(json.dumps({**json.loads(config.read_text()), "seed": "0"}))
    with pytest.raises(UsageError, match="the folder is no run's") as refused:
        run(made, "--corruptions", "invert")
    assert "'seed' is str" in refused.value.found


def test_the_corruptions_are_listed_with_their_parameters(run):
    rows = run("--list", "--corruptions", "jpeg,invert")

    assert len(rows) == 10
    assert {row["about"] for row in rows} == {"turned colours", "a picture stored at a low quality"}
    assert "quality 7" in {row["parameters"] for row in rows}


def test_a_corruption_is_found_by_its_name():
    assert load().corruption("jpeg").levels[0] == {"quality": 25}


WITH_BOXES = """
import torch
import harness

class Boxed(harness.Method):
    test_needs = frozenset({"boxes.parts"})

    def embed(self, images, boxes_parts):
        counts = torch.tensor([[float(len(boxes))] for boxes in boxes_parts])
        return torch.cat([images.mean((2, 3)), counts], 1)

@harness.hookimpl
def bench_register_methods(register):
    register("boxed", Boxed)
"""


def test_a_method_keeps_the_boxes_of_the_clean_pictures_and_plates_are_found_by_them(run):
    Path("boxed.py").write_text(WITH_BOXES)
    words = ("--corruptions", "plates-hidden", "--severities", "1", "--plugin", "boxed.py", "--protocol", TASK)
    found = run("--method", "boxed", *words)

    assert (found["boxes"], found["plates"]) == (True, "boxes of parts")
    made = next(Path("runs").iterdir())
    assert run(made, *words) == found  # by the boxes that the run has stored

    with pytest.raises(DataError, match="the file of boxes is missing"):
        run(made, *words, "--plates", "nothing.json")
