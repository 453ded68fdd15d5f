"""Measures that a plugin brings, and further measures that a user asks for."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.errors import PluginError, UsageError
from harness.measures import FAMILIES, heading, in_order, parse
from harness.measures.family import MeasureFamily
from harness.registry.kinds import MEASURE
from harness.scoring.record import read_record

PLUGIN = """
import harness
import numpy as np


def compute(ranks, k):
    first = np.full(len(ranks.asked), np.inf)
    answered = ranks.counts > 0
    first[answered] = ranks.ranks[ranks.starts[:-1][answered]]
    return 1 / np.maximum(first, 1)


FAMILY = harness.MeasureFamily("mrr", "MRR", "The mean of 1 over the first rank.", "Voorhees, TREC 1999", compute)


@harness.hookimpl
def bench_register_measures(register):
    register("mrr", FAMILY)
"""


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "mrr.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def features(small_synthetic, tmp_path):
    dataset = harness.load().protocol("synthetic").load(small_synthetic)
    keys = sorted({*dataset.split("query").paths, *dataset.split("gallery").paths})
    values = np.random.default_rng(0).normal(size=(len(keys), 8)).astype(np.float32)
    return harness.write_features(tmp_path / "f.h5", keys, values, dataset="synthetic", method="mine")


def bench_eval(features, data, *words):
    words = ["eval", features, "--protocol", "synthetic/image-to-image", "--data", data, *words]
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_third_partys_measure_works_from_a_file(features, plugin, small_synthetic):
    done = bench_eval(features, small_synthetic, "--plugin", plugin, "--measure", "mrr", "--json")

    assert done.exit_code == 0, done.output
    (shown,) = json.loads(done.stdout)
    scores = harness.evaluate(
        features, "synthetic/image-to-image", data=small_synthetic, registry=harness.load([plugin]), measures=["mrr"]
    )
    first = scores.first_hit[~np.isnan(scores.first_hit)]
    assert shown["further_measures"] == {"mrr": scores.mean["mrr"]}
    assert scores.mean["mrr"] == pytest.approx(np.mean(1 / first), abs=1e-12)
    assert scores.further == ("mrr",)
    assert "MRR" in bench_eval(features, small_synthetic, "--plugin", plugin, "--measure", "mrr").output


def test_further_measures_are_outside_of_the_fingerprint_and_of_the_run(features, small_synthetic, tmp_path):
    bench_eval(features, small_synthetic, "--record", tmp_path / "plain")
    done = bench_eval(features, small_synthetic, "--record", tmp_path / "more", "--measure", "cmc@3", "--measure", "ap")
    plain, more = (read_record(next((tmp_path / name).glob("*.json"))) for name in ("plain", "more"))

    assert done.exit_code == 0, done.output
    assert list(more.further) == ["cmc@3"]  # the task has its ap already
    assert more.fingerprint == plain.fingerprint
    assert more.run == plain.run
    assert more.measures == plain.measures
    assert "further" not in json.loads(next((tmp_path / "plain").glob("*.json")).read_text())


def test_an_existing_record_without_the_measure_is_not_reused(features, small_synthetic, tmp_path):
    bench_eval(features, small_synthetic, "--record", tmp_path / "r")
    bench_eval(features, small_synthetic, "--record", tmp_path / "r", "--measure", "cmc@3")
    (path,) = (tmp_path / "r").glob("*.json")
    assert list(read_record(path).further) == ["cmc@3"]

    written = path.stat().st_mtime_ns
    bench_eval(features, small_synthetic, "--record", tmp_path / "r")
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("cmc", "needs a cutoff"),
        ("minp@3", "takes no cutoff"),
        ("hti@1", "did you mean 'hit'"),
        ("cmc@0", "needs a cutoff"),
    ],
)
def test_a_word_that_is_no_measure_is_refused_by_name(word, message, features, small_synthetic):
    done = bench_eval(features, small_synthetic, "--measure", word)

    assert done.exit_code == 2
    assert message in done.output


@pytest.mark.parametrize("values", ["np.full(len(ranks.asked), 2.0)", "np.zeros(3)", "ranks.counts * -1.0"])
def test_values_that_cannot_be_scores_are_refused(values, features, plugin, small_synthetic):
    plugin.write_text(PLUGIN.replace("1 / np.maximum(first, 1)", values))

    done = bench_eval(features, small_synthetic, "--plugin", plugin, "--measure", "mrr")

    assert done.exit_code == 2
    assert "measure 'mrr' returned values that cannot be scores" in done.output


def test_a_measure_under_another_word_is_refused(tmp_path):
    path = tmp_path / "m.py"
    path.write_text(PLUGIN.replace('register("mrr"', 'register("rrm"'))

    with pytest.raises(PluginError, match="'rrm' has a different word"):
        harness.load([path]).measure("rrm")


def test_a_built_in_word_cannot_be_taken(tmp_path):
    path = tmp_path / "m.py"
    path.write_text(PLUGIN.replace('"mrr"', '"ap"'))

    with pytest.raises(PluginError, match="already registered"):
        harness.load([path])


def test_the_built_in_measures_are_registered_as_anybodys():
    registry = harness.load()

    assert registry.names(MEASURE) == sorted(FAMILIES)
    assert all(
        registry.measure(f"{word}@5" if family.cutoff else word).family is family for word, family in FAMILIES.items()
    )
    with pytest.raises(UsageError, match="unknown measure"):
        registry.measure("no-such")
    with pytest.raises(UsageError, match="unknown measure 'rank-5'; did you mean 'cmc@5'"):
        registry.measure("rank-5")


def test_a_measures_heading_and_order_come_from_its_file():
    assert [heading(word) for word in ("ap", "ap_trapezoid", "ap_truncated@10", "cmc@5", "hit@1", "minp", "mrr")] == [
        "mAP",
        "mAP (trapezoid)",
        "mAP (first 10)",
        "CMC@5",
        "HIT@1",
        "mINP",
        "mrr",
    ]
    assert in_order(["hit@5", "mrr", "cmc@10", "cmc@5", "minp", "ap"], "minp") == [
        "minp",
        "ap",
        "cmc@5",
        "cmc@10",
        "hit@5",
        "mrr",
    ]
    family = MeasureFamily("mrr", "MRR", "", "", lambda ranks, _k: ranks.counts * 1.0)
    assert family.measure("mrr").name == "MRR"
    assert [heading(word) for word in ("cmc@0", "cmc", "ap@1")] == ["cmc@0", "cmc", "ap@1"]
    assert parse("cmc@5") == FAMILIES["cmc"].measure("cmc@5")


def test_a_title_of_a_column_that_is_there_already_gives_way_to_the_word(features, plugin, small_synthetic):
    plugin.write_text(PLUGIN.replace('"MRR"', '"mAP"'))
    plain = bench_eval(features, small_synthetic).output.splitlines()

    done = bench_eval(features, small_synthetic, "--plugin", plugin, "--measure", "mrr").output.splitlines()

    assert done[2].split("|")[-2].strip() == "mrr"
    assert done[4].split("|")[:-2] == plain[4].split("|")[:-1]


@pytest.mark.parametrize("word", ["method", "vehicle", "first_hit", "key", "ap_low"])
def test_a_measure_cannot_be_called_like_a_column_of_the_results(word, plugin):
    plugin.write_text(PLUGIN.replace('"mrr"', f'"{word}"'))

    with pytest.raises(PluginError, match="cannot name a measure"):
        harness.load([plugin]).measure(word)


@pytest.mark.parametrize(("change", "message"), [('"M{beta}"', "cannot be shown"), ("5", "cannot be shown")])
def test_a_title_that_cannot_be_shown_is_refused_before_anything_is_ranked(change, message, plugin):
    plugin.write_text(PLUGIN.replace('"MRR"', change))

    with pytest.raises(PluginError, match=message):
        harness.load([plugin]).measure("mrr")


@pytest.mark.parametrize("values", ["np.array(['a'] * len(ranks.asked))", "np.zeros(len(ranks.asked), complex)"])
def test_values_that_are_no_numbers_are_refused(values, features, plugin, small_synthetic):
    plugin.write_text(PLUGIN.replace("1 / np.maximum(first, 1)", values))

    done = bench_eval(features, small_synthetic, "--plugin", plugin, "--measure", "mrr")

    assert done.exit_code == 2
    assert "did not return numbers" in done.output


def test_a_third_partys_measure_is_computed_again_and_the_built_in_ones_are_kept(
    features, plugin, small_synthetic, tmp_path
):
    words = ("--record", tmp_path / "r", "--plugin", plugin, "--measure")
    bench_eval(features, small_synthetic, *words, "cmc@3")
    bench_eval(features, small_synthetic, *words, "mrr")
    (path,) = (tmp_path / "r").glob("*.json")
    before = read_record(path)
    plugin.write_text(PLUGIN.replace("1 / np.maximum(first, 1)", "0 * np.minimum(first, 1)"))
    bench_eval(features, small_synthetic, *words, "mrr")

    assert set(before.further) == {"mrr", "cmc@3"}
    assert before.further["mrr"].value > 0
    assert read_record(path).further["mrr"].value == 0


def test_measures_beside_conventions_are_shown_as_json_only(features, small_synthetic):
    words = ("--conventions", "all", "--measure", "cmc@3")

    assert "only with --json" in bench_eval(features, small_synthetic, *words).output
    assert bench_eval(features, small_synthetic, *words, "--json").exit_code == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "cpu"}, "harness.Machine.here"),
        ({"metrik": "cosine"}, "did you mean 'metric'"),
        ({"measures": "minp"}, "a list of words"),
        ({"metric": "l2"}, "unknown metric"),
    ],
)
def test_a_wrong_setting_of_evaluate_is_named(settings, message, features, small_synthetic):
    with pytest.raises(UsageError) as caught:
        harness.evaluate(features, "synthetic/image-to-image", data=small_synthetic, **settings)
    assert message in str(caught.value)


def test_a_tasks_own_measures_are_looked_up_before_anything_is_done(tmp_path, plugin):
    plugin.write_text(
        PLUGIN
        + "\n\nclass Mine(harness.Protocol):\n    name = 'mine'\n"
        + "    tasks = (harness.Task('main', harness.Rule(), ('ap', 'mrr')),)\n\n    def load(self, root): ...\n\n\n"
        + "@harness.hookimpl\ndef bench_register_protocols(register):\n    register('mine', Mine)\n"
    )

    with pytest.raises(UsageError, match="unknown measure 'mrr'"):
        harness.load([plugin]).tasks("mine")
