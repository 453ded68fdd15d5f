"""Plugins as strangers write them: their number is right, or there is one message that names the fault."""

import json
import subprocess
import sys
import textwrap

import pytest

HEADER = """
import torch
from torch import nn
import harness

@harness.hookimpl
def bench_register_methods(register):
    register("mine", Mine)
"""
NET = """
class Mine:
    input_size = 32

    def __init__(self):
        torch.manual_seed(0)
        layers = nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=4)
        self.{name} = nn.Sequential(*layers)

    def embed(self, images):
        return self.{name}(images - 0.5).flatten(1)
"""


def bench(*words, cwd=None):
    return subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-m", "harness", *map(str, words)], capture_output=True, text=True, check=False, cwd=cwd
    )


@pytest.fixture
def run(small_synthetic, tmp_path):
    """Write a plugin, run it, and return the finished process."""

    def done(body, *words, name="plugin.py", header=HEADER):
        (tmp_path / name).write_text(header + textwrap.dedent(body))
        about = ["--protocol", "synthetic", "--data", small_synthetic, "--runs", tmp_path / "runs"]
        return bench("run", "--plugin", tmp_path / name, "--method", "mine", *about, *words)

    return done


def measures(done):
    assert done.returncode == 0, done.stderr
    return [row["measures"] for row in json.loads(done.stdout)]


def test_a_network_under_any_name_is_embedded_in_evaluation_mode(run):
    usual = measures(run(NET.format(name="model"), "--json"))

    for name in ("net", "backbone"):
        assert measures(run(NET.format(name=name), "--json")) == usual


def test_statistics_of_the_batch_are_refused(run):
    done = run(
        """
        class Mine:
            def embed(self, images):
                features = images.mean((2, 3))
                return features - features.mean(0)
        """
    )

    assert done.returncode == 2
    assert "depend on the other images of its batch" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("metric = 'l2'", "names an unknown metric"),
        ("input_size = '64'", "input_size is no size"),
        ("input_size = (64, 0)", "input_size is no size"),
    ],
)
def test_a_wrong_value_on_the_class_is_named(run, line, said):
    done = run(f"class Mine:\n    {line}\n    def embed(self, images):\n        return images.mean((2, 3))\n")

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("size", ["48", "(48, 48)", "[48, 48]"])
def test_an_input_size_on_the_class_is_taken(run, size):
    done = run(
        f"""
        class Mine:
            input_size = {size}
            def embed(self, images):
                assert images.shape[2:] == (48, 48)
                return images.mean((2, 3))
        """
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("where", "body"),
    [
        ("embed", "class Mine:\n    def embed(self, images):\n        raise ValueError('no such layer')\n"),
        (
            "set up",
            "class Mine:\n    def __init__(self):\n        raise ValueError('no such layer')\n    embed = print\n",
        ),
    ],
)
def test_an_error_of_the_plugin_names_its_line_and_debug_shows_all(run, where, body):
    done = run(body)

    assert done.returncode == 2
    assert where in done.stderr
    assert "plugin.py, line 1" in done.stderr
    assert "ValueError: no such layer" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plugin_that_exits_does_not_end_in_success(run):
    for body in (
        "import sys\nclass Mine:\n    def embed(self, images):\n        sys.exit(0)\n",
        "import sys\nclass Mine:\n    def __init__(self):\n        sys.exit(0)\n    embed = print\n",
        "import sys\nsys.exit(0)\n",
    ):
        done = run(body)
        assert done.returncode == 2
        assert done.stderr.startswith("bench:") or "\nbench:" in done.stderr


def test_what_a_plugin_prints_stays_out_of_the_answer(run):
    done = run(
        """
        print("imported")
        class Mine:
            def __init__(self):
                print("set up")
            def embed(self, images):
                print("embedding")
                return images.mean((2, 3))
        """,
        "--json",
    )

    assert len(measures(done)) > 0
    for word in ("imported", "set up", "embedding"):
        assert word in done.stderr


def test_a_module_beside_the_plugin_is_found_and_part_of_its_code(run, tmp_path):
    body = "import helper\nclass Mine:\n    def embed(self, images):\n        return helper.features(images)\n"
    (tmp_path / "helper.py").write_text("def features(images):\n    return images.mean((2, 3))\n")
    first = measures(run(body, "--json"))
    (tmp_path / "helper.py").write_text("def features(images):\n    return images.amax((2, 3)) * 0 + 1\n")

    assert measures(run(body, "--json")) != first


def test_weights_that_the_plugin_loads_itself_are_part_of_the_run(run, tmp_path):
    import torch

    body = f"""
        class Mine:
            def __init__(self):
                self.net = nn.Conv2d(3, 4, 5)
                self.net.load_state_dict(torch.load({str(tmp_path / "weights.pt")!r}, weights_only=True))
            def embed(self, images):
                return self.net(images).flatten(1)[:, ::97]
        """
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        torch.save(torch.nn.Conv2d(3, 4, 5).state_dict(), tmp_path / "weights.pt")
        found.append(measures(run(body, "--json")))

    assert found[0] != found[1]


def test_the_same_plugin_twice_counts_once(tmp_path):
    (tmp_path / "plugin.py").write_text(HEADER + "class Mine:\n    def embed(self, images):\n        return images\n")

    done = bench("plugins", "--plugin", tmp_path / "plugin.py", "--plugin", tmp_path / "." / "plugin.py", "--json")

    assert done.returncode == 0, done.stderr
    assert [row["plugin"] for row in json.loads(done.stdout)].count("plugin.py") == 1


def test_bench_plugins_knows_a_class_that_cannot_be_imported(tmp_path):
    text = HEADER.replace('register("mine", Mine)', 'register("mine", "nowhere.at_all:Mine")')
    (tmp_path / "plugin.py").write_text(text)

    done = bench("plugins", "--plugin", tmp_path / "plugin.py", "--json")

    [row] = [row for row in json.loads(done.stdout) if row["plugin"] == "plugin.py"]
    assert "No module named 'nowhere'" in row["problem"]
