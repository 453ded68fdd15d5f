"""What a method holds decides which run it is, and stands in its record."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.scoring.record import read_record

PLUGIN = """
from pathlib import Path
import numpy as np
import torch
from torch import nn
import harness


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(float(Path("scale.txt").read_text())))

    def forward(self, images):
        return self.scale * images.mean(2)[:, :, ::8].flatten(1)


class Extractor:
    def __init__(self):
        self.net = Net()

    def __call__(self, images):
        return self.net(images)


class Called:
    input_size = 32

    def __init__(self):
        self.extract = Extractor()
        self.source = "https://example.org/net.pth"

    def embed(self, images):
        return self.extract(images).detach()


class Whitened:
    def __init__(self):
        self.whitening = np.float32([float(Path("scale.txt").read_text())])
        self.size = int(Path("size.txt").read_text())

    @property
    def input_size(self):
        return self.size, 32

    def embed(self, images):
        return images.mean(2)[:, :, ::8].flatten(1) * torch.from_numpy(self.whitening)


@harness.hookimpl
def bench_register_methods(register):
    register("called", Called)
    register("whitened", Whitened)
"""


@pytest.fixture
def run(tmp_path, monkeypatch, small_synthetic):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(PLUGIN)
    Path("size.txt").write_text("32")

    def done(method, *words, scale="1"):
        Path("scale.txt").write_text(scale)
        about = ["--protocol", "synthetic/image-to-image", "--data", small_synthetic, "--plugin", "mine.py"]
        result = CliRunner().invoke(
            main, list(map(str, ["run", "--method", method, *about, "--device", "cpu", *words]))
        )
        assert result.exit_code == 0, result.output
        return result.stdout

    return done


def records():
    return [read_record(path) for path in sorted(Path("runs").rglob("record-*.json"))]


@pytest.mark.parametrize("method", ["called", "whitened"])
def test_replaced_weights_are_another_run_wherever_a_method_keeps_them(run, method):
    run(method)
    run(method)
    assert len(records()) == 1

    run(method, scale="2")
    assert len(records()) == 2


def test_an_input_size_that_no_option_names_is_part_of_the_run(run):
    run("whitened")
    Path("size.txt").write_text("64")
    run("whitened")

    assert sorted(record.input_size for record in records()) == [(32, 32), (64, 32)]


def test_a_record_has_the_digest_and_the_source_of_weights_that_a_method_brought_along(run):
    shown = run("called", "--trained-on", "ImageNet,veri776")

    (record,) = records()
    assert record.weights
    assert record.source == "https://example.org/net.pth"
    assert record.trained_on == ("imagenet", "veri776")
    assert "trained on: imagenet, veri776 (other data)." in shown


def test_weights_that_a_method_brought_along_are_marked_if_nobody_says_what_they_have_seen(run):
    assert "the data that they were trained on: not said" in run("called")
    assert "trained on" not in run("whitened")


BESIDE = """
from pathlib import Path
import harness


class Mine:
    class Options(harness.Options):
        weights: str = "w.bin"
        input_size: int = 32

    def __init__(self):
        self.read_files = {"weights": Path("beside.bin")}

    def embed(self, images):
        return images.mean(2)[:, :, ::8].flatten(1)


@harness.hookimpl
def bench_register_methods(register):
    register("reads", Mine)
"""


def test_a_file_beside_the_weights_may_be_called_as_an_option(run):
    Path("mine.py").write_text(BESIDE)
    for name in ("w.bin", "beside.bin"):
        Path(name).write_text(name)
    run("reads")
    for name in ("w.bin", "beside.bin"):
        Path(name).write_text("changed")
        run("reads")

    assert len(records()) == 3
    assert all(record.files.keys() == {"weights", "beside:weights"} for record in records())
