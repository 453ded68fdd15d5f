import numpy as np
import pytest
from click.testing import CliRunner

from harness import write_features
from harness.cli import main
from leaderboard import record_files
from tests.records import write_result


def bench(*words):
    return CliRunner().invoke(main, ["compare", *map(str, words)])


@pytest.fixture
def values():
    return np.random.default_rng(0).beta(2, 1, 90)


@pytest.fixture
def named(tmp_path, monkeypatch, values):
    """Compare by name among runs, with nothing filed."""
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    write_result(tmp_path / "runs" / "a", "mine", values)
    write_result(tmp_path / "runs" / "b", "theirs", np.clip(values + 0.1, 0, 1), options={"D": 5}, changes={"D": "5"})
    return lambda *words: bench(*words, "--runs", tmp_path / "runs")


def test_results_are_compared_by_the_names_in_the_tables(named):
    for name in ("theirs (D=5)", "theirs"):
        done = named("mine", name)
        assert done.exit_code == 0, done.output
        assert "A: mine |   B: theirs (D=5) |" in done.output


def test_a_name_is_found_among_the_filed_records_too(named, tmp_path, monkeypatch, values):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "filed")
    write_result(tmp_path / "filed" / "c", "filed-one", values)

    assert "B: filed-one |" in named("mine", "filed-one").output


def test_a_name_of_several_results_lists_them_and_is_taken_over_seeds(named, tmp_path, values):
    write_result(tmp_path / "runs" / "c", "mine", values[::-1], seed=1)

    done = named("mine", "theirs")

    assert done.exit_code == 2
    assert "'mine' is the name of 2 results of synthetic/image-to-image" in done.output
    assert f"mine, seed 1: {tmp_path / 'runs' / 'c' / 'record-image-to-image.json'}" in done.output
    assert "--over-seeds" in done.output
    assert "A: mine (2 seeds)" in named("mine", "theirs", "--over-seeds").output


def test_an_unknown_name_proposes_the_nearest_result(named):
    done = named("mine", "Their")

    assert done.exit_code == 2
    assert "unknown result 'Their'; did you mean 'theirs (D=5)'" in done.output


def test_a_path_that_is_missing_is_not_taken_for_an_unknown_name(named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    for path in ("runs/nope", tmp_path / "nope", "../some/where"):
        done = named("mine", path)
        assert done.exit_code == 2
        assert "there is no such file or folder" in done.output
        assert str(path) in done.output
    assert "unknown result 'nope/variant'" in named("mine", "nope/variant").output


def test_a_folder_of_source_code_does_not_hide_the_method_of_its_name(named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "network.py").write_text("")

    assert named("mine", "theirs").output == named("mine", "theirs (D=5)").output != ""
    assert named("mine", "theirs").exit_code == 0


def test_features_in_place_of_a_record_are_told_by_their_content(tmp_path, values):
    a = write_result(tmp_path / "a", "one", values)
    write_features(tmp_path / "b.h5", ["q/1.jpg"], np.ones((1, 2), dtype=np.float32), dataset="synthetic", method="two")
    np.save(tmp_path / "c.npy", np.ones((1, 2)))

    for name, kind in (("b.h5", "an HDF5 file"), ("c.npy", "a NumPy array")):
        done = bench(a, tmp_path / name)
        assert done.exit_code == 2
        assert "the file is not a record" in done.output
        assert kind in done.output
        assert f"bench eval {tmp_path / name} --protocol NAME --record DIR" in done.output


def test_runs_of_two_recipes_are_told_apart_by_their_recipe(tmp_path, values):
    paths = [write_result(tmp_path / word, "one", values, recipe=word) for word in ("quick", "paper")]

    assert "A: one (recipe quick) |   B: one (recipe paper)" in bench(*paths).output


def test_a_terminal_shows_the_names_of_results_as_they_are(tmp_path, values):
    paths = [write_result(tmp_path / str(n), name, values) for n, name in enumerate(("a|b & <c>", "d_*"))]

    assert "A: a|b & <c> |   B: d_* |" in bench(*paths).output
