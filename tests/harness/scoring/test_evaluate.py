"""``harness.evaluate`` takes files, arrays, functions, networks and methods, and says what the command says."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

import harness
from harness.cli import main
from harness.errors import BenchError, PluginError, UsageError

TASK = "synthetic/image-to-image"
PLUGIN = """
import harness

class Mine(harness.Method):
    metric = "euclidean"

    class Options(harness.Options):
        input_size: int = 32
        power: int = 1

    def embed(self, images):
        return images.mean(2).flatten(1) ** self.options.power

@harness.hookimpl
def bench_register_methods(register):
    register("mine", Mine)
"""


@pytest.fixture
def printed(small_synthetic, tmp_path):
    """Return the measures that a command prints."""

    def done(*words):
        where = ["--protocol", TASK, "--data", small_synthetic, "--json"]
        found = CliRunner().invoke(main, list(map(str, [*words, *where])))
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)[0]["measures"]

    return done


def embed(images):
    return images.mean(2).flatten(1)


def network():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3, stride=4), nn.BatchNorm2d(8), nn.Dropout(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
    return nn.Sequential(*layers)


def score(given, small_synthetic, **settings):
    return harness.evaluate(given, TASK, data=small_synthetic, **settings).mean


def test_a_method_gets_the_digits_of_the_command_under_its_own_metric(printed, small_synthetic, tmp_path):
    (tmp_path / "plugin.py").write_text(PLUGIN)
    method = harness.load(tmp_path / "plugin.py").method("mine")
    run = ["run", "--plugin", tmp_path / "plugin.py", "--method", "mine", "--runs", tmp_path / "runs"]

    expected = printed(*run)

    assert score(method, small_synthetic) == expected
    assert score(method(), small_synthetic) == expected
    assert score(embed, small_synthetic, options={"input_size": 32}, metric="euclidean") == expected
    assert score(embed, small_synthetic, options={"input_size": 32}) != expected
    assert score(method, small_synthetic, options={"power": 3}) == printed(*run, "--set", "power=3") != expected


def test_a_feature_file_is_compared_by_its_own_metric_as_on_the_command_line(printed, small_synthetic, tmp_path):
    dataset = harness.load().protocol("synthetic").load(small_synthetic)
    keys = list(dict.fromkeys([*dataset.split("query").paths, *dataset.split("gallery").paths]))
    values = np.random.default_rng(0).normal(size=(len(keys), 4)) * np.arange(1, len(keys) + 1)[:, None]
    file = harness.write_features(tmp_path / "f.h5", keys, values, dataset="synthetic", method="m", metric="euclidean")

    expected = printed("eval", file)

    assert score(file, small_synthetic) == expected
    assert score((keys, values), small_synthetic, metric="euclidean") == expected
    assert score((keys, values), small_synthetic) == score(file, small_synthetic, metric="cosine") != expected


def test_a_network_is_evaluated_in_evaluation_mode_and_left_as_it_was(small_synthetic):
    net = network()
    expected = score(net.eval(), small_synthetic)
    net.train()[1].eval()

    class Holder:
        def __init__(self):
            self.parts = {"body": [net]}

        def embed(self, images):
            return self.parts["body"][0](images)

        def through(self, images):
            return self.embed(images)

    def named(images):
        return net(images)

    ways = (net, named, partial(nn.Sequential.forward, net), Holder(), Holder().through)
    for given in ways:
        assert score(given, small_synthetic) == expected
        assert [part.training for part in net] == [True, False, True, True, True]


@pytest.mark.parametrize(
    ("given", "settings", "error", "said"),
    [
        (3, {}, UsageError, "nothing that computes any"),
        ((["a.jpg"],), {}, UsageError, "features in memory need their keys"),
        ((["a.jpg"], [[1.0], [2.0]]), {}, BenchError, "do not match the keys"),
        (lambda images: images, {}, PluginError, "features of a wrong shape"),
        (lambda images: [0.0], {}, PluginError, "did not return a tensor"),
        (lambda images: 1 / 0, {}, PluginError, "ZeroDivisionError"),
        (embed, {"options": {"size": 3}}, UsageError, "unknown option of embed 'size'"),
        ("f.h5", {"options": {"input_size": 3}}, UsageError, "options belong to a method"),
    ],
)
def test_what_cannot_be_evaluated_is_named(given, settings, error, said, small_synthetic):
    with pytest.raises(error, match=said):
        score(given, small_synthetic, **settings)


def test_a_method_that_is_to_be_trained_is_refused(small_synthetic):
    with pytest.raises(UsageError, match="StrongBaseline is to be trained first"):
        score(harness.load().method("strong-baseline"), small_synthetic)
