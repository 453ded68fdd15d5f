import argparse
import json

import pytest
import torch
from click.testing import CliRunner

from harness.cli import main
from plugins.weights.command import weights
from tests.plugins.weights.malice import STATE, Runs

FAST_REID = {"backbone.conv1.weight": torch.ones(4, 3, 7, 7), "heads.weight": torch.ones(5, 4)}


@pytest.fixture
def bench(monkeypatch):
    """Return a function that runs ``bench weights`` as it would run once the distribution is installed."""
    monkeypatch.setitem(main.commands, "weights", weights)
    monkeypatch.setattr(type(main), "get_command", lambda self, ctx, name: self.commands.get(name))
    monkeypatch.setattr(type(main), "list_commands", lambda self, ctx: sorted(self.commands))
    return lambda *words: CliRunner().invoke(main, ["weights", *map(str, words)])


def test_show_tells_form_tensors_and_likely_format(tmp_path, bench):
    torch.save({"model": FAST_REID, "iteration": 3}, tmp_path / "w.pth")

    result = bench("show", tmp_path / "w.pth")

    assert result.exit_code == 0
    assert "w.pth: torch.save (archive), 2 tensors, 608 numbers" in result.stdout
    assert "looks like: fast-reid; use --method fast-reid --set weights=FILE" in result.stdout
    assert "| backbone.conv1.weight | 4 x 3 x 7 x 7 | float32   |" in result.stdout


def test_show_prints_json_of_a_file_that_holds_objects_and_executes_nothing(tmp_path, bench):
    torch.save({"model": STATE, "a": argparse.Namespace(), "b": Runs(tmp_path / "executed")}, tmp_path / "w.pth")

    result = bench("show", tmp_path / "w.pth", "--json")

    found = json.loads(result.stdout)
    assert found["left_out"] == ["argparse.Namespace", "posix.mkdir"]
    assert [one["name"] for one in found["tensors"]] == ["bias", "weight"]
    assert not (tmp_path / "executed").exists()


def test_show_lists_a_dozen_tensors_and_with_all_every_one(tmp_path, bench):
    torch.save({f"layer{number:02}.weight": torch.ones(1) for number in range(20)}, tmp_path / "w.pth")

    assert "... and 8 more: --all" in bench("show", tmp_path / "w.pth").stdout
    assert "layer19.weight" in bench("show", tmp_path / "w.pth", "--all").stdout


def test_convert_writes_a_file_that_show_traces_back(tmp_path, bench):
    torch.save({"model": FAST_REID, "a": argparse.Namespace()}, tmp_path / "w.pth")

    result = bench("convert", tmp_path / "w.pth", tmp_path / "w.safetensors")

    assert result.exit_code == 0
    assert "w.safetensors: 2 tensors, 608 numbers\nleft out: argparse.Namespace" in result.stdout
    assert "converted from: w.pth, sha256 " in bench("show", tmp_path / "w.safetensors").stdout


def test_convert_replaces_an_existing_file_only_if_it_is_told_to(tmp_path, bench):
    torch.save({"model": FAST_REID}, tmp_path / "w.pth")
    (tmp_path / "w.safetensors").write_bytes(b"mine")

    result = bench("convert", tmp_path / "w.pth", tmp_path / "w.safetensors")

    assert (result.exit_code, "the file exists already" in result.stderr) == (2, True)
    assert (tmp_path / "w.safetensors").read_bytes() == b"mine"
    assert bench("convert", tmp_path / "w.pth", tmp_path / "w.safetensors", "--force").exit_code == 0
    assert "2 tensors" in bench("show", tmp_path / "w.safetensors").stdout


@pytest.mark.parametrize("verb", ["show", "convert"])
def test_a_missing_file_ends_with_a_message(tmp_path, bench, verb):
    result = bench(verb, tmp_path / "no.pth", *([tmp_path / "o.safetensors"] if verb == "convert" else []))

    assert result.exit_code == 2
    assert "no such weights file" in result.stderr
