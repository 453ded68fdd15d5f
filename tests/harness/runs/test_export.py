"""A finished run becomes a file for elsewhere, which gives the run's own features or is not written."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from harness.cli import main
from harness.errors import RunError
from harness.features import Provenance
from harness.runs.export import _compared
from tests.harness.runs.made import only_folder

OTHERS = """
from pathlib import Path

import torch
from torch import nn
import harness
from harness.errors import DataError


class Held:
    input_size = 32

    def __init__(self):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Conv2d(3, 8, 5, stride=4), nn.AdaptiveAvgPool2d(2), nn.Flatten())

    def embed(self, images):
        return self.net(images)


class Labelled(Held):
    test_needs = frozenset({"path"})

    def embed(self, images, path):
        return self.net(images)


class ByNumpy(Held):
    def embed(self, images):
        return torch.from_numpy(self.net(images).detach().numpy())


class FromFolder(Held):
    class Options(harness.Options):
        model: str = ""

    def __init__(self):
        super().__init__()
        path = Path(self.options.model) / "config.txt"
        self.read_files = {"config.txt": path}
        self.net[0].weight.data *= float(path.read_text())


@harness.hookimpl
def bench_register_methods(register):
    register("held", Held)
    register("labelled", Labelled)
    register("by-numpy", ByNumpy)
    register("from-folder", FromFolder)
"""


@pytest.fixture
def export(bench, small_synthetic):
    """Export the only run of the folder; return what was printed as JSON, or the whole result."""

    def done(*words, status=0):
        made = ["export", str(only_folder()), "--data", str(small_synthetic), "--plugin", "plugin.py", "--json"]
        result = CliRunner().invoke(main, [*made, *map(str, words)])
        assert result.exit_code == status, f"{result.output}\n{result.exception!r}"
        assert "Traceback" not in result.output
        return json.loads(result.stdout) if status == 0 else result

    return done


def measures(rows):
    return [row["measures"] for row in rows]


@pytest.mark.parametrize(("to", "name"), [("onnx", "n.onnx"), ("torchscript", "n.pt")])
def test_the_exported_file_is_scored_as_the_run_was(bench, export, to, name):
    if to == "onnx":
        pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
        pytest.importorskip("onnx", reason="the extra onnx is not installed")
    # ONNX has no pooling from 7 x 7 cells to 2 x 2, and 32 pixels give 7 cells.
    run = bench("run", "--method", "tiny", "--set", "input_size=33")

    done = export("--to", to, "--out", name)

    assert done["input_size"] == [33, 33]
    assert done["images"] == 16
    assert done["largest_difference"] < 1e-4
    assert done["least_cosine"] > 0.9999
    again = bench("run", "--method", to, "--set", f"weights={name}", "--runs", "exported")
    assert measures(again) == measures(run)


def test_the_tensors_alone_have_the_names_of_the_network(bench, export):
    bench("run", "--method", "tiny")

    export("--to", "safetensors", "--out", "n.safetensors")
    assert "the file exists already" in export("--to", "safetensors", "--out", "n.safetensors", status=2).stderr
    export("--to", "safetensors", "--out", "n.safetensors", "--force")

    assert {"body.0.weight", "body.0.bias", "classifier.weight"} <= load_file("n.safetensors").keys()


def test_the_tensors_alone_are_scored_as_the_run_was_in_the_same_network(bench, export):
    network = ["--method", "torch", "--set", "network=torchvision:shufflenet_v2_x0_5"]
    more = ["input_size=40x36", "interpolation=bicubic", "mean=half", "deviation=0.3", "weights=none"]
    run = bench("run", *network, *[word for one in more for word in ("--set", one)])

    done = export("--to", "safetensors", "--out", "n.safetensors")

    again = bench("run", *network, "--set", "weights=n.safetensors", "--runs", "exported")
    assert measures(again) == measures(run)
    assert done["least_cosine"] > 0.9999


def test_a_network_that_the_method_holds_itself_is_exported_too(bench, export):
    Path("plugin.py").write_text(OTHERS)
    run = bench("run", "--method", "held")

    export("--to", "torchscript", "--out", "held.pt")

    again = bench("run", "--method", "torchscript", "--set", "weights=held.pt", "--runs", "exported")
    assert measures(again) == measures(run)


def test_what_onnx_cannot_express_is_one_message(bench, export, capfd):
    pytest.importorskip("onnx", reason="the extra onnx is not installed")
    bench("run", "--method", "tiny")

    done = export("--to", "onnx", "--out", "n.onnx", status=1)

    assert "the network of Tiny cannot be exported" in done.stderr
    assert "try another format with --to" in done.stderr
    assert len(done.stderr.splitlines()) == 3
    assert "graph(" not in capfd.readouterr().out
    assert not Path("n.onnx").exists()


def test_what_torch_cannot_trace_is_not_written(bench, export):
    Path("plugin.py").write_text(OTHERS)
    bench("run", "--method", "by-numpy")

    done = export("--to", "torchscript", "--out", "n.pt", status=1)

    assert "than the run; nothing was written" in done.stderr
    assert not Path("n.pt").exists()


@pytest.mark.parametrize(
    ("method", "said"),
    [("labelled", "labelled needs more than images"), ("colour-histogram", "has no network of torch to export")],
)
def test_what_cannot_be_exported_gets_one_message(bench, export, method, said):
    Path("plugin.py").write_text(OTHERS)
    bench("run", "--method", method)

    assert said in export("--to", "onnx", "--out", "n.onnx", status=2).stderr


def test_a_folder_without_a_run_is_named(bench, export, tmp_path):
    (tmp_path / "runs" / "empty").mkdir(parents=True)

    assert "holds no finished run" in export("--to", "safetensors", "--out", "n", status=2).stderr


def test_the_checkpoint_must_be_the_run_s_own(bench, export):
    bench("run", "--method", "tiny")
    (checkpoint,) = only_folder().glob("*.safetensors")
    checkpoint.rename("kept.safetensors")
    assert "checkpoint is missing" in export("--to", "safetensors", "--out", "n", status=2).stderr

    export("--to", "safetensors", "--out", "n", "--checkpoint", "kept.safetensors")

    Path("kept.safetensors").write_bytes(Path("kept.safetensors").read_bytes() + b" ")
    done = export("--to", "safetensors", "--out", "m", "--checkpoint", "kept.safetensors", status=2)
    assert "not the one that the run's features come from" in done.stderr


def test_weights_that_a_run_was_given_are_named_again_and_must_be_the_same(bench, export, tmp_path):
    from torchvision.models import shufflenet_v2_x0_5

    torch.save(shufflenet_v2_x0_5().state_dict(), tmp_path / "w.pth")
    words = ["--set", "network=torchvision:shufflenet_v2_x0_5", "--set", "input_size=32"]
    run = bench("run", "--method", "torch", *words, "--set", "weights=w.pth")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "w.pth").rename(tmp_path / "elsewhere" / "w.pth")
    assert "say where it is with --set weights=FILE" in export("--to", "torchscript", "--out", "n", status=2).stderr

    export("--to", "torchscript", "--out", "n.pt", "--set", "weights=elsewhere/w.pth")

    again = bench("run", "--method", "torchscript", "--set", "weights=n.pt", "--runs", "exported")
    assert measures(again) == measures(run)
    torch.save(shufflenet_v2_x0_5().state_dict(), tmp_path / "other.pth")
    done = export("--to", "torchscript", "--out", "m", "--set", "weights=other.pth", status=2)
    assert "not the one that the run read" in done.stderr
    assert "takes the options of its run" in export("--to", "onnx", "--out", "m", "--set", "head=keep", status=2).stderr


def test_an_export_of_other_lengths_is_refused():
    run = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    about = Provenance(method="mine", dataset="synthetic", metric="euclidean")

    assert _compared(run, run, about) == (0.0, pytest.approx(1.0))
    with pytest.raises(RunError, match="gives other features than the run"):
        _compared(2 * run, run, about)


def test_a_folder_that_a_run_was_given_is_named_again_and_must_hold_the_same(bench, export, tmp_path):
    Path("plugin.py").write_text(OTHERS)
    for folder, number in (("there", 2), ("here", 2), ("changed", 3)):
        (tmp_path / folder / "small").mkdir(parents=True)
        (tmp_path / folder / "small" / "config.txt").write_text(str(number))
    run = bench("run", "--method", "from-folder", "--set", "model=there/small")

    export("--to", "torchscript", "--out", "n.pt", "--set", "model=here/small")

    again = bench("run", "--method", "torchscript", "--set", "weights=n.pt", "--runs", "exported")
    assert measures(again) == measures(run)
    done = export("--to", "torchscript", "--out", "m", "--set", "model=changed/small", status=2)
    assert "not the one that the run read" in done.stderr
    done = export("--to", "torchscript", "--out", "m", "--set", "model=here", status=2)
    assert "a folder of the same name" in done.stderr
