"""A run of a library's network, from the command to the record."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.features import FeatureFile
from harness.scoring.record import read_record


@pytest.fixture
def run(tmp_path, monkeypatch, small_synthetic):
    monkeypatch.chdir(tmp_path)

    def done(*words, status=0):
        about = ["--protocol", "synthetic/image-to-image", "--data", small_synthetic, "--json"]
        result = CliRunner().invoke(main, list(map(str, ["run", *words, *about])))
        assert result.exit_code == status, result.output
        assert "Traceback" not in result.output
        return json.loads(result.stdout) if status == 0 else result

    return done


def test_the_record_says_how_pictures_were_resized(run):
    pytest.importorskip("timm", reason="the extra timm is not installed")
    words = ["--method", "timm", "--set", "model=test_resnet", "--set", "weights=none", "--set", "input_size=32"]

    run(*words)
    run(*words, "--set", "fit=stretch", "--set", "interpolation=bilinear")

    paths = sorted(Path("runs").rglob("record-*.json"))
    assert sorted(read_record(path).resizing for path in paths) == ["", "bilinear, shape kept, the middle 0.95"]
    with FeatureFile.open(next(Path("runs").rglob("features.h5"))) as file:
        assert file.provenance.input_size == (32, 32)


def test_seeds_of_random_weights_are_runs_of_their_own(run):
    words = ["--method", "torch", "--set", "network=torchvision:shufflenet_v2_x0_5", "--set", "weights=none"]
    one = run(*words, "--set", "input_size=32", "--seed", 1)
    two = run(*words, "--set", "input_size=32", "--seed", 2)

    assert len(list(Path("runs").iterdir())) == 2
    assert one[0]["measures"] != two[0]["measures"]


def test_a_network_without_a_name_is_one_message(run):
    assert "no network was named" in run("--method", "timm", status=2).stderr
    assert "no weights were given" in run("--method", "onnx", status=2).stderr
    assert not Path("runs").exists()
