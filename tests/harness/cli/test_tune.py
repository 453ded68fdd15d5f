"""``bench tune`` and ``--post-from`` as a user types them, on a tiny trained network."""

import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.data.images import ImageTable
from harness.features import write_features
from harness.scoring.record import read_record
from tests.harness.runs.made import PLUGIN

STEPS = ("--steps", "alpha-qe,rerank", "--settings", 6)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, small_synthetic):
    """The folder of a run whose training has held vehicles out, with the plugin of its method."""
    folder = tmp_path_factory.mktemp("tune")
    (folder / "plugin.py").write_text(PLUGIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = ["run", "--method", "tiny", "--protocol", "synthetic", "--set", "epochs=1", "--hold-out", "0.3"]
        done = CliRunner().invoke(main, [*words, "--data", str(small_synthetic), "--plugin", "plugin.py"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def bench(trained, tmp_path, monkeypatch, small_synthetic):
    """Run a verb in a folder of its own, on the run and the small drawn data set; return its JSON or its result."""
    shutil.copytree(trained, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    run = next(Path("runs").iterdir())

    def invoke(verb, *words, source=run, status=0):
        given = [verb, source, *words, "--data", small_synthetic, "--plugin", "plugin.py", "--json"]
        done = CliRunner().invoke(main, [str(word) for word in given])
        assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
        assert "Traceback" not in done.output
        return json.loads(done.stdout) if status == 0 else done.output

    invoke.run = run
    return invoke


def test_settings_chosen_on_held_out_vehicles_are_used_and_recorded_as_that(bench):
    found = bench("tune", *STEPS, "--save", "tuned.toml", "--test", bench.run)

    assert [row["chosen"] for row in found["rows"]] == ["none", "paper", "held-out", "test"]
    assert found["held_out"]["seen"] == "no"
    assert found["gain"] >= 0
    assert found["tried"] == 6 == len(tomllib.loads(Path("tuned.toml").read_text())["tried"])
    first, *_ = bench("eval", "--protocol", "synthetic", "--post-from", "tuned.toml", "--record", "records")
    assert first["chosen"] == "held-out"
    assert first["measures"]["ap"] == pytest.approx(found["rows"][2]["test"])
    record = read_record(next(Path("records").glob("record-*.json")))
    assert (record.chosen, record.tuned) == ("held-out", found["digest"])
    by_hand, *_ = bench("eval", "--protocol", "synthetic", "--post", "alpha-qe:k=3", "--post", "rerank")
    assert by_hand["chosen"] == "test"


def test_the_same_vehicles_are_held_out_again_and_the_same_file_is_written(bench):
    bench("tune", *STEPS, "--save", "one.toml")
    bench("tune", *STEPS, "--save", "other.toml")
    assert Path("one.toml").read_bytes() == Path("other.toml").read_bytes()
    assert "--force" in bench("tune", *STEPS, "--save", "one.toml", status=2)
    assert not list(Path().rglob("*.partial"))


def test_a_chosen_file_is_refused_for_another_model_metric_or_data_set(bench, small_synthetic):
    bench("tune", *STEPS, "--save", "tuned.toml")
    with harness.FeatureFile.open(next(bench.run.glob("*/features.h5"))) as file:
        keys, values = list(file.keys), file.read()
    write_features("other.h5", keys, values, dataset="synthetic", method="tiny (epochs=1)")
    task = ("--protocol", "synthetic", "--post-from", "tuned.toml")

    assert "chosen for other weights" in bench("eval", *task, source="other.h5", status=2)
    assert "chosen for another metric" in bench("eval", *task, "--metric", "euclidean", status=2)
    assert "given twice" in bench("eval", *task, "--rerank", status=2)
    assert "chosen for other weights" in bench("tune", *STEPS, "--test", "other.h5", status=2)
    Path("tuned.toml").write_text(Path("tuned.toml").read_text().replace('"synthetic"', '"veri776"', 1))
    assert "changed after it was written" in bench("eval", *task, status=2)


def test_a_run_that_has_trained_on_all_vehicles_says_how_to_hold_some_out(bench):
    config = bench.run / "config.json"
    about = json.loads(config.read_text())
    config.write_text(json.dumps({**about, "validate": "none", "hold_out": 0.0}))
    output = bench("tune", *STEPS, status=2)
    assert "trained on all training vehicles" in output
    assert "--hold-out 0.1" in output
    config.write_text("[" * 100_000)
    assert "description is damaged" in bench("tune", *STEPS, status=2)


def test_a_run_that_was_trained_on_other_lists_is_refused(bench):
    config = bench.run / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "train_data": "0" * 64}))
    assert "trained on other lists" in bench("tune", *STEPS, status=2)


def test_features_of_training_images_serve_with_a_share_of_the_vehicles(bench, small_synthetic):
    table: ImageTable = harness.registry.registry.load().protocol("synthetic").load(small_synthetic).split("train")
    rng = np.random.default_rng(0)
    values = rng.standard_normal((1 << 12, 16))[table.vehicle] + rng.standard_normal((len(table), 16))
    write_features("train.h5", list(table.paths), values.astype(np.float32), dataset="synthetic", method="mine")
    words = ("--protocol", "synthetic/image-to-image", "--hold-out", 0.5)

    found = bench("tune", *STEPS, *words, source="train.h5")

    assert found["held_out"]["seen"] == "unknown"
    assert "0.5 of the vehicles of 'train'" in found["held_out"]["how"]
    assert "images of the test" in bench("tune", *STEPS, *words, "--split", "query", source="train.h5", status=2)
    assert "data set is not given" in bench("tune", *STEPS, source="train.h5", status=2)


def test_the_table_names_the_ways_to_choose_and_what_the_test_would_have_gained(bench, small_synthetic):
    words = ["tune", bench.run, *STEPS, "--test", bench.run, "--data", small_synthetic, "--plugin", "plugin.py"]
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0
    for text in ("no post-processing", "the sources' parameters", "chosen on held-out vehicles", "chosen on the test"):
        assert text in done.stdout
    assert "Choosing on the test would have gained" in done.stdout
