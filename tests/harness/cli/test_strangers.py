"""Plugins as strangers write them: their number is right, or there is one message that names the fault."""

import importlib
import json
import subprocess
import sys
import textwrap

import pytest
import torch
from click.testing import CliRunner

from harness.cli import main

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
        self.{name} = {held}

    def embed(self, images):
        return self.{name}{part}(images - 0.5).flatten(1)
"""
MEAN = "images.mean((2, 3))"


def bench(*words):
    return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture
def words(small_synthetic, tmp_path):
    """Write a plugin, and return the words of the command that runs it."""

    def of(body, *more):
        (tmp_path / "plugin.py").write_text(HEADER + textwrap.dedent(body))
        about = ["--protocol", "synthetic", "--data", small_synthetic, "--runs", tmp_path / "runs"]
        return ["run", "--plugin", tmp_path / "plugin.py", "--method", "mine", *about, *more]

    return of


@pytest.fixture
def run(words):
    """Write a plugin, run it in this process, and return the result."""
    return lambda body, *more: bench(*words(body, *more))


def embedding(returned):
    return f"class Mine:\n    input_size = 16\n    def embed(self, images):\n        return {returned}\n"


def measures(done):
    assert done.exit_code == 0, done.output
    return [row["measures"] for row in json.loads(done.stdout)]


def refused(done):
    assert done.exit_code in (1, 2), done.output
    assert isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("name", "held", "part"),
    [
        ("net", "nn.Sequential(*layers)", ""),
        ("parts", "{'body': [(nn.Sequential(*layers),)]}", "['body'][0][0]"),
        ("holder", "type('Holder', (), {})(); self.holder.inner = nn.Sequential(*layers)", ".inner"),
    ],
)
def test_a_network_under_any_name_and_depth_is_embedded_in_evaluation_mode(run, name, held, part):
    usual = measures(run(NET.format(name="model", held="nn.Sequential(*layers)", part=""), "--json"))

    assert measures(run(NET.format(name=name, held=held, part=part), "--json")) == usual


@pytest.mark.parametrize("returned", ["f - f.mean(0)", "f / f.max()"])
def test_statistics_of_the_batch_are_refused(run, returned):
    body = f"class Mine:\n    def embed(self, images):\n        f = images.mean((2, 3))\n        return {returned}\n"

    assert "depend on the other images of its batch" in refused(run(body))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("metric = 'l2'", "names an unknown metric"),
        ("input_size = '64'", "input_size is no size"),
        ("input_size = (64, 0)", "input_size is no size"),
    ],
)
def test_a_wrong_value_on_the_class_is_named(run, line, said):
    assert said in refused(run(f"class Mine:\n    {line}\n    def embed(self, images):\n        return {MEAN}\n"))


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

    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("form", ["{}.double()", "{}.half()", "{}.numpy()", "{}.clone().requires_grad_()"])
def test_floats_of_another_kind_are_taken(run, form):
    assert measures(run(embedding(form.format(MEAN)), "--json"))[0]["ap"] > 0.1


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (f"{MEAN} * torch.nan", "not finite"),
        (f"{MEAN}.tolist()", "did not return a tensor"),
        (f"({MEAN}, {MEAN})", "did not return a tensor"),
        ("None", "did not return a tensor"),
        (f"{MEAN}.to('meta')", "Tensor of torch.float32 on meta"),
        (f"{MEAN}.numpy().astype(object)", "ndarray of object"),
        (f"{MEAN}[1:]", "one row for each of the 1 images"),
        (f"{MEAN}[:, 0]", "a wrong shape"),
        (f"({MEAN} * 255).long()", "did not return floats"),
    ],
)
def test_what_embed_must_not_return_is_named(run, returned, said):
    assert said in refused(run(embedding(returned)))


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
def test_an_error_of_the_plugin_names_its_line(run, where, body):
    said = refused(run(body))

    assert where in said
    assert "plugin.py, line 1" in said
    assert "ValueError: no such layer" in said


@pytest.mark.parametrize(
    "body",
    [
        "import sys\nclass Mine:\n    def embed(self, images):\n        sys.exit(0)\n",
        "import sys\nclass Mine:\n    def __init__(self):\n        sys.exit(0)\n    embed = print\n",
        "import sys\nsys.exit(0)\n",
    ],
)
def test_a_plugin_that_exits_does_not_end_in_success(run, body):
    assert "bench: " in refused(run(body))


PRINTING = """
print("imported")
class Mine:
    input_size = 16
    def __init__(self):
        print("set up")
    def embed(self, images):
        print("embedding")
        return images.mean((2, 3))
"""


def test_what_a_plugin_prints_stays_out_of_the_answer(run):
    done = run(PRINTING, "--json")

    assert len(measures(done)) == 2
    assert all(word in done.stderr for word in ("imported", "set up", "embedding"))


def test_what_a_plugin_prints_stays_out_of_the_answer_of_a_process(words):
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-m", "harness", *map(str, words(PRINTING, "--json"))],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 2


def test_a_module_beside_the_plugin_is_found_and_part_of_its_code(run, tmp_path):
    name = "stranger_beside"
    body = f"import {name}\n" + embedding(f"{name}.f(images)")
    found = []
    for returned in ("images.mean((2, 3))", "images.amax((2, 3)) * 0 + 1"):
        (tmp_path / f"{name}.py").write_text(f"def f(images):\n    return {returned}\n")
        sys.modules.pop(name, None)  # as in a new process
        importlib.invalidate_caches()
        found.append(measures(run(body, "--json")))

    assert found[0] != found[1]
    assert len([path for path in (tmp_path / "runs").iterdir() if path.is_dir()]) == 2


def test_weights_that_the_plugin_loads_itself_are_part_of_the_run(run, tmp_path):
    body = f"""
        class Mine:
            input_size = 32
            def __init__(self):
                self.net = nn.Conv2d(3, 4, 5)
                self.net.load_state_dict(torch.load({str(tmp_path / "weights.pt")!r}, weights_only=True))
            def embed(self, images):
                return self.net(images).flatten(1)[:, ::97]
        """
    found = []
    for _ in range(2):
        torch.save(nn_with(len(found)), tmp_path / "weights.pt")
        found.append(measures(run(body, "--json")))

    assert found[0] != found[1]
    assert len(list((tmp_path / "runs").iterdir())) == 2


def nn_with(seed):
    """Return the weights of a convolution, drawn from a seed."""
    generator = torch.Generator().manual_seed(seed)
    return {"weight": torch.randn(4, 3, 5, 5, generator=generator), "bias": torch.randn(4, generator=generator)}


RANDOM = """
import random
import numpy

class Mine:
    input_size = 16

    def __init__(self):
        self.net = nn.Linear(768, 8)
        self.scale = 1 + random.random() + numpy.random.rand()

    def embed(self, images):
        return self.net(images.flatten(1)) * self.scale
"""


def test_the_seed_of_the_run_decides_random_weights(run, tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = measures(run(RANDOM, "--json"))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    again = measures(run(RANDOM, "--json", "--runs", tmp_path / "again"))
    other = measures(run(RANDOM, "--json", "--seed", 1))

    assert first == again != other
    assert len(list((tmp_path / "runs").iterdir())) == 2
    names = {path.name for path in (tmp_path / "runs").iterdir()}
    assert {path.name for path in (tmp_path / "again").iterdir()} < names


def test_the_same_plugin_twice_counts_once(tmp_path):
    (tmp_path / "plugin.py").write_text(HEADER + "class Mine:\n    def embed(self, images):\n        return images\n")

    done = bench("plugins", "--plugin", tmp_path / "plugin.py", "--plugin", tmp_path / "." / "plugin.py", "--json")

    assert done.exit_code == 0, done.output
    assert [row["plugin"] for row in json.loads(done.stdout)].count("plugin.py") == 1


def test_bench_plugins_knows_a_class_that_cannot_be_imported(tmp_path):
    text = HEADER.replace('register("mine", Mine)', 'register("mine", "nowhere.at_all:Mine")')
    (tmp_path / "plugin.py").write_text(text)

    done = bench("plugins", "--plugin", tmp_path / "plugin.py", "--json")

    [row] = [row for row in json.loads(done.stdout) if row["plugin"] == "plugin.py"]
    assert "No module named 'nowhere'" in row["problem"]
