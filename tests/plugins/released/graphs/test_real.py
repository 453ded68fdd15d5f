"""Real pictures and a real network: the files' own figures are reached, through khoa and through a user's protocol."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from harness.cli import main

REAL = Path(__file__).resolve().parents[4].parent / "shared" / "real"
FILES = {"onnx": "mobilenetv2-imagenet-128.onnx", "torchscript": "mobilenetv2-imagenet-128.torchscript.pt"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not REAL.is_dir(), reason="../shared/real, which holds pictures and weights, is not here"),
]


@pytest.fixture
def score(tmp_path):
    """Write the table and the protocol of the 60 test vehicles, and return a run's measures in percent."""

    def done(word, images, *, suffix=".jpg"):
        if word == "onnx":
            pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
        with (tmp_path / "khoa.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["path", "vehicle", "split", "camera"])
            for name in (REAL / "khoa" / "test.txt").read_text().split():
                kind, number, camera = Path(name).stem.split("_")
                split = "query" if camera == "cam1" else "gallery"
                table.writerow([f"{Path(name).stem}{suffix}", f"{kind}_{number}", split, camera])
        (tmp_path / "khoa.toml").write_text('table = "khoa.csv"\n[tasks.main]\nmeasures = ["ap", "cmc@1", "cmc@5"]\n')
        about = ["--protocol", tmp_path / "khoa.toml", "--data", images, "--runs", tmp_path / "runs", "--json"]
        options = ["--set", f"weights={REAL / 'weights' / FILES[word]}", "--set", "input_size=128"]
        result = CliRunner().invoke(main, list(map(str, ["run", "--method", word, *options, *about])))
        assert result.exit_code == 0, result.output
        return {name: round(100 * value, 1) for name, value in json.loads(result.stdout)[0]["measures"].items()}

    return done


def resized(path):
    """Return a picture at 128 x 128, bilinear with antialiasing, computed in floats and rounded at the end."""
    with Image.open(path) as image:
        pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].float()
    small = torch.nn.functional.interpolate(pixels, (128, 128), mode="bilinear", antialias=True)
    return Image.fromarray(small[0].round().clamp(0, 255).byte().permute(1, 2, 0).numpy())


@pytest.mark.parametrize("word", FILES)
def test_on_pictures_resized_once_in_floats_the_figures_of_the_files_are_reached(score, tmp_path, word):
    """The README's figures: bilinear with antialiasing, computed in floats and rounded at the end."""
    (tmp_path / "resized").mkdir()
    for name in (REAL / "khoa" / "test.txt").read_text().split():
        resized(REAL / "khoa" / "images" / "test" / name).save(tmp_path / "resized" / f"{Path(name).stem}.png")

    assert score(word, tmp_path / "resized", suffix=".png") == {"ap": 70.4, "cmc@1": 53.3, "cmc@5": 93.3}


@pytest.mark.parametrize("word", FILES)
def test_on_the_photographs_themselves_the_harness_s_own_resizing_gives_its_own_figures(score, word):
    """Pillow rounds after each axis: of 60 queries, one more finds its vehicle first."""
    assert score(word, REAL / "khoa" / "images" / "test") == {"ap": 71.2, "cmc@1": 55.0, "cmc@5": 93.3}


@pytest.mark.parametrize("word", FILES)
def test_the_protocol_khoa_gives_the_figures_of_the_table(score, tmp_path, word):
    """The photographs as they are, and resized in floats, under the names of the release."""
    if word == "onnx":
        pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    for folder, files in {"test": "test.txt"}.items():
        (tmp_path / "khoa" / "images" / folder).mkdir(parents=True)
        (tmp_path / "khoa" / files).write_bytes((REAL / "khoa" / files).read_bytes())
        for name in (REAL / "khoa" / files).read_text().split():
            small = resized(REAL / "khoa" / "images" / folder / name)
            # A PNG under the name of the release, which the protocol allows: JPEG would round again.
            small.save(tmp_path / "khoa" / "images" / folder / name, format="PNG")

    def run(data):
        about = ["--protocol", "khoa/test", "--data", data, "--runs", tmp_path / "runs", "--json"]
        options = ["--set", f"weights={REAL / 'weights' / FILES[word]}", "--set", "input_size=128"]
        result = CliRunner().invoke(main, list(map(str, ["run", "--method", word, *options, *about])))
        assert result.exit_code == 0, result.output
        (record,) = json.loads(result.stdout)
        assert record["official"]
        return {name: round(100 * value, 1) for name, value in record["measures"].items()}

    assert run(tmp_path / "khoa") == {"cmc@1": 53.3, "cmc@5": 93.3, "ap": 70.4}
    assert run(REAL / "khoa") == {"cmc@1": 55.0, "cmc@5": 93.3, "ap": 71.2}
