"""What a plugin file hears of a run, through the command as a user types it."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.harness.runs.made import PLUGIN, files_of, only_folder

HEARING = """
import json

def heard(*what):
    with open("heard.jsonl", "a") as file:
        file.write(json.dumps(what) + "\\n")

@harness.hookimpl
def bench_started(run):
    heard("started", run.name, run.seed, run.options["epochs"], run.folder.is_dir())

@harness.hookimpl
def bench_epoch(run, number, row):
    print("on standard output")
    heard("epoch", number, sorted(row))
    row.clear()

@harness.hookimpl
def bench_extracted(features):
    heard("extracted", harness.FeatureFile.open(features).shape[0] > 0)

@harness.hookimpl
def bench_scored(records):
    heard("scored", [record.name for record in records])

@harness.hookimpl
def bench_finished(run):
    heard("finished")

@harness.hookimpl
def bench_failed(error):
    heard("failed", str(error).splitlines()[0])
"""
ROW = ["ap", "cmc@1", "epoch", "learning_rate", "loss", "stage", "vehicle"]
TASKS = ["synthetic/image-to-track", "synthetic/image-to-image"]

PAGE = (Path(__file__).parents[3] / "docs" / "your-hooks.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def heard(bench, tmp_path):
    """Return what the plugin heard since the last call."""
    (tmp_path / "plugin.py").write_text(PLUGIN + HEARING)

    def told():
        file = tmp_path / "heard.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    return told


def test_a_run_tells_of_its_start_epochs_features_records_and_end(bench, heard):
    bench("run", "--method", "tiny")

    assert heard() == [
        ["started", "tiny", 0, 2, True],
        ["epoch", 1, ROW],
        ["epoch", 2, ROW],
        ["extracted", True],
        ["scored", TASKS],
        ["finished"],
    ]


def test_a_run_that_stands_tells_everything_but_the_epochs(bench, heard):
    bench("run", "--method", "tiny", "--set", "epochs=1")
    stood = files_of(only_folder())
    heard()

    bench("run", "--method", "tiny", "--set", "epochs=1")

    assert [word for word, *_ in heard()] == ["started", "extracted", "scored", "finished"]
    assert files_of(only_folder()) == stood


def test_a_training_alone_ends_without_features(bench, heard):
    bench("train", "--method", "tiny", "--set", "epochs=1", "--validate", "none")

    assert [word for word, *_ in heard()] == ["started", "epoch", "finished"]


def test_a_failed_run_tells_its_error_and_a_trial_tells_nothing(bench, heard):
    bench("run", "--method", "no-label", status=2)
    assert heard() == [
        ["started", "no-label", 0, 2, True],
        ["failed", "no image has the label 'wheels'"],
    ]

    bench("run", "--method", "tiny", "--smoke")
    assert heard() == []


def test_an_observer_is_no_part_of_the_identity_and_its_error_loses_nothing(bench, tmp_path):
    first = bench("run", "--method", "tiny", "--set", "epochs=1")
    stood = files_of(only_folder())
    other = tmp_path / "observer.py"
    other.write_text(
        "import harness\n@harness.hookimpl\ndef bench_started(run):\n    raise OSError('the net is down')\n"
    )

    again = bench("run", "--method", "tiny", "--set", "epochs=1", "--plugin", "observer.py", "--observe", "tensorboard")

    assert again == first
    changed = {name for name, time in files_of(only_folder()).items() if stood.get(name) != time}
    assert {Path(name).parts[0] for name in changed} == {"tensorboard"}
    assert "bench_started of observer.py failed: OSError: the net is down" in (only_folder() / "run.log").read_text()


def test_a_missing_package_is_one_message_before_the_run_begins(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)

    done = bench("run", "--method", "random", "--observe", "wandb", status=2)

    assert done.stderr.splitlines() == [
        "bench: observer 'wandb' needs the package wandb, which is not installed",
        "  next: python -m pip install 'vehicle-reid-bench[wandb]'",
    ]
    assert not Path("runs").exists()


def test_the_observers_of_the_page_do_what_it_says(bench, tmp_path):
    for name, block in zip(("results.py", "bell.py"), BLOCKS, strict=False):
        (tmp_path / name).write_text(block)

    run = ["run", "--method", "random", "--protocol", "synthetic/image-to-image", "--plugin", "results.py"]
    (record,) = bench(*run, "--plugin", "bell.py", "--observe", "bell")

    written = (tmp_path / "results.txt").read_text()
    assert written == f"synthetic/image-to-image random 0 {record['measures']['ap']}\n"


def test_the_page_names_every_hook_with_its_arguments():
    from harness.registry import hookspecs

    for name, hook in vars(hookspecs).items():
        if name.startswith("bench_") and not name.startswith("bench_register_"):
            arguments = ", ".join(word for word in hook.__annotations__ if word != "return")
            assert f"| `{name}({arguments})` |" in PAGE
