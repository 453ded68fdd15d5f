"""A size of height x width goes from the command line through training, checkpoint and record, and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.methods.checkpoint import load_checkpoint
from harness.scoring.record import read_record
from tests.harness.runs.made import PLUGIN

WATCHING = """
    def forward(self, images):
        with Path("shapes").open("a") as file:
            print(*images.shape[1:], self.training, file=file)
"""


@pytest.fixture
def bench(bench, tmp_path):
    """The command with a plugin that takes any size, and writes down the shapes of its images."""
    plugin = PLUGIN.replace("input_size: int = 32", "input_size: InputSize = 32")
    plugin = plugin.replace("\n    def forward(self, images):\n", WATCHING)
    (tmp_path / "plugin.py").write_text(f"from harness.methods.sizes import InputSize\n{plugin}")
    return bench


def shapes():
    found = set(Path("shapes").read_text().splitlines())
    Path("shapes").unlink()
    return found


def test_a_run_at_64_by_32_sees_such_images_and_says_so_everywhere(bench):
    done = bench("run", "--method", "tiny", "--set", "input_size=64x32", "--set", "epochs=1", "--validate", "none")

    assert shapes() == {"3 64 32 True", "3 64 32 False"}
    path = next(Path("runs").rglob("checkpoint.safetensors"))
    assert load_checkpoint(path)[1].options["input_size"] == [64, 32]
    record = read_record(next(Path("runs").rglob("record-synthetic-image-to-image-*.json")))
    assert (record.input_size, record.method_name) == ((64, 32), "tiny (epochs=1, input_size=64x32)")

    again = bench("run", "--method", "tiny", "--checkpoint", path, "--runs", "again")
    assert [row["measures"] for row in again] == [row["measures"] for row in done]
    assert shapes() == {"3 64 32 False"}
    other = ("--set", "input_size=32x64", "--set", "epochs=1")
    refused = bench("run", "--method", "tiny", *other, "--checkpoint", path, status=2)
    assert "another option: input_size" in refused.output


@pytest.mark.parametrize("words", [("--set", "input_size=64x32"), ("--input", "64x32")])
def test_bench_methods_show_takes_the_size_and_shows_it(bench, words):
    show = ["methods", "show", "tiny", "--plugin", "plugin.py", *words]
    described = json.loads(CliRunner().invoke(main, [*show, "--json"]).output)
    text = CliRunner().invoke(main, show).output

    assert described["input"] == [64, 32]
    (option,) = (option for option in described["options"] if option["option"] == "input_size")
    assert option["value"] == [64, 32]
    assert "64x32" in text


def test_bench_methods_show_says_what_a_size_is(bench):
    refused = CliRunner().invoke(
        main, ["methods", "show", "tiny", "--plugin", "plugin.py", "--set", "input_size=64*32"]
    )

    assert refused.exit_code == 2
    assert "expected: a side of 32 to 16384 pixels, or height x width such as 256x128" in refused.output
