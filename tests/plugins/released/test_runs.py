"""Released weights through the command, as a user types it."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from harness.basics.digests import file_digest
from harness.cli import main
from harness.scoring.record import read_record
from tests.plugins.released.files import below, norm, resnet, saved


@pytest.fixture
def bench(tmp_path, monkeypatch, small_synthetic):
    """Return a function that scores a file of fast-reid on the drawn data set."""
    monkeypatch.chdir(tmp_path)

    def run(weights, *words, verb="run", status=0):
        where = ["--protocol", "synthetic/image-to-image", "--data", str(small_synthetic), "--device", "cpu"]
        options = ["--set", f"weights={weights}", "--set", "pool=avg", "--set", "input_size=32", "--workers", "0"]
        result = CliRunner().invoke(main, [verb, "--method", "fast-reid", *where, *options, *words])
        assert result.exit_code == status, result.output
        return result

    return run


@pytest.fixture
def weights(tmp_path):
    """Return the path of a file of fast-reid."""
    network = resnet()
    tensors = below("backbone.", network.state_dict()) | norm("heads.bottleneck.0", 128)
    (tmp_path / "mine").mkdir()
    return Path(saved(tmp_path / "mine" / "veri.pth", {"model": tensors}))


def the_record():
    (path,) = Path("runs").rglob("record-*.json")
    return read_record(path)


def test_a_record_says_which_weights_these_were_and_what_they_have_seen(bench, weights):
    result = bench(weights, "--trained-on", "synthetic,veri776")

    record = the_record()
    assert record.options["weights"] == "veri.pth"
    assert record.files == {"weights": file_digest(weights)}
    assert record.trained_on == ("synthetic", "veri776")
    assert record.run_name.startswith("fast-reid (input_size=32, pool=avg, weights=veri.pth)")
    assert record.parameters == sum(
        tensor.numel() for name, tensor in torch.load(weights)["model"].items() if name.endswith(("weight", "bias"))
    )
    assert (
        "Given weights; the data that they were trained on: synthetic, veri776 (this data set and more)."
        in result.stdout
    )


def test_no_path_of_a_person_stands_in_what_a_run_leaves(bench, weights, tmp_path):
    result = bench(weights)

    left = [path for path in Path("runs").rglob("*") if path.is_file() and path.name != "run.log"]
    assert any(path.name == "features.h5" for path in left)
    assert not [path for path in left if str(tmp_path).encode() in path.read_bytes()]
    assert "the data that they were trained on: not said" in result.stdout


def test_the_same_bytes_elsewhere_or_by_another_name_are_the_same_run_and_other_bytes_are_another(
    bench, weights, tmp_path
):
    first = bench(weights, verb="extract").stdout
    (tmp_path / "other").mkdir()

    for name in ("veri.pth", "renamed.pth"):
        assert bench(shutil.copy(weights, tmp_path / "other" / name), verb="extract").stdout == first

    content = torch.load(weights)
    content["model"]["heads.bottleneck.0.bias"] += 0.5
    torch.save(content, weights)
    assert bench(weights, verb="extract").stdout != first


def test_half_the_name_of_a_protocol_is_not_what_weights_have_seen(bench, weights):
    result = bench(weights, "--trained-on", "veri", status=2)

    assert "did you mean 'veri776'?" in result.stderr
    assert not Path("runs").exists()


def test_without_weights_a_run_says_how_to_give_them_and_leaves_nothing(bench):
    result = bench("", status=2)

    assert "no weights were given" in result.stderr
    assert not Path("runs").exists() or not any(Path("runs").iterdir())


def test_bench_methods_show_says_preprocessing_and_provenance():
    result = CliRunner().invoke(main, ["methods", "show", "fast-reid", "--json"])

    found = json.loads(result.stdout)
    assert found["preprocessing"].startswith("RGB from 0 to 255")
    assert "fast-reid (Apache-2.0)" in found["provenance"]
    assert found["feature"] == 2048
    assert "network.backbone.layer4" in [stage["stage"] for stage in found["stages"]]
