"""Runs under the name of their options, through the command as a user types it."""

import json
import logging
from pathlib import Path

import pytest
import torch

import harness
from harness.methods.checkpoint import load_checkpoint, save_checkpoint
from harness.scoring.record import read_record
from tests.harness.runs.made import PLUGIN, only_folder

OWN = 'variants = {"longer": {"epochs": 3}, "short": {"epochs": 1}}; recipes = {"quick": {"epochs": 1}}'


@pytest.fixture
def bench(bench, tmp_path):
    """The command with a plugin of a user: under its recipe ``quick``, the variant ``short`` changes nothing."""
    (tmp_path / "plugin.py").write_text(PLUGIN.replace('variants = {"longer": {"epochs": 3}}', OWN))
    return bench


def a_record():
    """Return a record of the only run."""
    return read_record(next(only_folder().rglob("record-synthetic-image-to-image-cosine.json")))


def trained():
    """Return the only checkpoint."""
    return next(Path("runs").rglob("checkpoint.safetensors"))


def test_what_was_set_is_in_the_name_of_the_table_the_record_and_the_leaderboard(bench):
    shown = bench("run", "--method", "tiny", "--set", "vehicles=5", "--set", "input_size=48", json_wanted=False)

    assert "| tiny (input_size=48, vehicles=5) " in shown.stdout
    record = a_record()
    assert (record.method, record.variant, record.recipe) == ("tiny", "", "quick")
    assert record.changes == {"input_size": "48", "vehicles": "5"}
    assert record.method_name == "tiny (input_size=48, vehicles=5)"
    row = harness.results("runs").iloc[0]
    assert (row["method"], row["changes"]) == ("tiny", "input_size=48, vehicles=5")
    assert harness.leaderboard("runs")["method"].tolist().count("tiny (input_size=48, vehicles=5)") == 2
    assert json.loads((only_folder() / "config.json").read_text())["changes"] == record.changes


def test_options_that_equal_a_variants_give_its_name(bench):
    assert {row["variant"] for row in bench("run", "--method", "tiny", "--set", "epochs=3")} == {"longer"}

    assert a_record().method_name == "tiny/longer"
    assert only_folder().name.startswith("tiny-longer-synthetic-")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--method", "tiny/short"), "tiny/short changes nothing under the recipe quick: it is tiny"),
        (("--method", "tiny/longer", "--set", "epochs=1"), "tiny/longer with these options is tiny"),
        (("--method", "tiny", "--set", "epochs=1"), ""),
    ],
)
def test_equal_options_find_the_run_that_is_there_and_say_so(bench, words, sentence):
    first = bench("run", "--method", "tiny")

    again = bench("run", *words)

    assert again == first
    log = (only_folder() / "run.log").read_text()
    assert sentence in log
    assert ("it is" in log or "with these options" in log) == bool(sentence)


def test_a_variant_with_another_value_is_shown_as_what_it_is(bench, caplog):
    caplog.set_level(logging.INFO, "bench")

    bench("run", "--method", "tiny/longer", "--set", "epochs=4")

    assert "tiny/longer with these options is tiny (epochs=4)" in caplog.messages
    assert a_record().method_name == "tiny (epochs=4)"


def test_without_a_recipe_the_default_options_are_named(bench, tmp_path, caplog):
    (tmp_path / "plugin.py").write_text(PLUGIN.replace('{"longer": {"epochs": 3}}', '{"same": {"epochs": 2}}'))
    caplog.set_level(logging.INFO, "bench")

    bench("train", "--method", "tiny/same")

    assert "tiny/same changes nothing under the default options: it is tiny" in caplog.messages


def renamed(path, **fields):
    """Return a copy of a checkpoint with another description, as an older version wrote it."""
    state, info = load_checkpoint(path)
    return save_checkpoint(Path("older.safetensors"), state, info.model_copy(update=fields))


@pytest.mark.parametrize("method", ["tiny", "tiny/short"])
def test_an_older_checkpoint_named_after_a_variant_of_equal_options_serves(bench, method):
    first = bench("run", "--method", "tiny", "--runs", "first")
    older = renamed(next(Path("first").rglob("checkpoint.safetensors")), variant="short", threads=None)

    again = bench("run", "--method", method, "--checkpoint", older)

    assert [row["measures"] for row in again] == [row["measures"] for row in first]
    assert {row["variant"] for row in again} == {""}
    assert a_record().threads is None


def test_a_checkpoint_of_changed_options_keeps_its_name_and_what_differs(bench):
    bench("train", "--method", "tiny/longer", "--set", "vehicles=5", "--runs", "first")
    checkpoint = next(Path("first").rglob("checkpoint.safetensors"))

    both = ("tiny", "--set", "epochs=3", "--set", "vehicles=5")
    for words in (("tiny",), ("tiny/longer",), ("tiny/longer", "--set", "vehicles=5"), both):
        bench("run", "--method", *words, "--checkpoint", checkpoint)
        assert a_record().method_name == "tiny/longer (vehicles=5)"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tiny/short",), "belongs to another variant"),
        (("tiny/longest",), "did you mean 'longer'"),
        (("tiny", "--set", "vehicles=4"), "another option: vehicles"),
        (("tiny/short", "--set", "vehicles=5"), "another option: epochs"),
        (("no-label",), "belongs to another method"),
    ],
)
def test_the_checkpoint_of_something_else_is_refused(bench, words, message):
    bench("train", "--method", "tiny/longer", "--set", "vehicles=5")

    refused = bench("run", "--method", *words, "--checkpoint", trained(), status=2)

    assert message in refused.output


def test_a_checkpoint_of_a_recipe_that_its_method_has_lost_keeps_its_name(bench):
    bench("train", "--method", "tiny", "--runs", "first")
    older = renamed(next(Path("first").rglob("checkpoint.safetensors")), recipe="slow", variant="gone")

    bench("run", "--method", "tiny", "--checkpoint", older)

    assert (a_record().method_name, a_record().recipe) == ("tiny/gone", "slow")


def test_the_record_says_on_how_many_threads_the_network_was_trained(bench):
    threads = torch.get_num_threads()
    bench("run", "--method", "tiny")

    assert load_checkpoint(trained())[1].threads == a_record().threads == threads
    assert "threads" not in json.loads((only_folder() / "config.json").read_text())


def test_another_number_of_threads_is_the_same_run(bench):
    threads = torch.get_num_threads()
    first = bench("run", "--method", "tiny")
    try:
        torch.set_num_threads(threads + 1)
        again = bench("run", "--method", "tiny")
    finally:
        torch.set_num_threads(threads)

    assert again == first
    assert a_record().threads == threads


def test_a_method_that_does_not_train_has_no_threads(bench):
    bench("run", "--method", "random", "--set", "input_size=48")

    assert (a_record().method_name, a_record().threads) == ("random (input_size=48)", None)
