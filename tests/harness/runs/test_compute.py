"""What a run computes with: threads for idle processors, and the precision of its recipe."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.compute.compute import PROPOSED, Compute
from harness.features import FeatureFile
from harness.methods.checkpoint import load_checkpoint
from harness.registry.registry import load
from harness.runs.plan import plan_run
from harness.runs.request import Request
from harness.scoring.record import read_record
from tests.harness.runs.made import PLUGIN, only_folder

OWN = """recipes = {"quick": {"epochs": 1}, "slow": {"epochs": 4}, "half": {}}
    precisions = {"quick": "bf16-mixed", "half": "16-mixed"}

    def begin(self, network, stage):
        Path("threads").write_text(f"{torch.get_num_threads()} in training")
"""


@pytest.fixture
def bench(bench, tmp_path):
    """The command with a plugin whose recipe ``quick`` proposes bfloat16."""
    (tmp_path / "plugin.py").write_text(PLUGIN.replace('variants = {"longer": {"epochs": 3}}', OWN))
    return bench


def has_bfloat16(monkeypatch, *, found=True):
    monkeypatch.setattr("harness.compute.devices.multiplies_bfloat16", lambda: found)


def a_record(runs="runs"):
    return read_record(next(Path(runs).rglob("record-synthetic-image-to-image-cosine.json")))


def configured(runs):
    return [json.loads(path.read_text())["precision"] for path in Path(runs).rglob("config.json")]


@pytest.mark.parametrize(
    ("recipe", "asked", "processor", "expected"),
    [
        (None, "auto", True, "bf16-mixed"),  # quick, which synthetic proposes
        ("quick", "auto", True, "bf16-mixed"),
        ("quick", "auto", False, "32-true"),
        ("quick", "32-true", True, "32-true"),
        ("quick", "bf16-mixed", False, "bf16-mixed"),
        ("slow", "auto", True, "32-true"),
        ("slow", "bf16-true", True, "bf16-true"),
        ("", "auto", True, "32-true"),
        ("half", "auto", False, "16-mixed"),
    ],
)
def test_the_users_precision_stands_above_the_recipes_and_that_needs_a_processor_for_it(
    bench, monkeypatch, recipe, asked, processor, expected
):
    has_bfloat16(monkeypatch, found=processor)
    compute = Compute(device="cpu", workers=2, batch=5, precision=asked)

    plan = plan_run(Request("tiny", "synthetic", recipe=recipe, compute=compute), load([Path("plugin.py")]))

    assert plan.request.compute == replace(compute, precision=expected)


def test_a_request_that_names_no_precision_is_one_for_float32():
    assert (Compute().precision, PROPOSED) == ("32-true", "auto")


@pytest.mark.parametrize("recipe", ["quick", "paper"])
@pytest.mark.parametrize("method", ["strong-baseline", "pgan", "ram", "rnn-ha", "pr-reid"])
def test_of_the_five_methods_the_quick_recipes_alone_propose_bfloat16(monkeypatch, method, recipe):
    has_bfloat16(monkeypatch)
    request = Request(method, "synthetic", recipe=recipe, compute=Compute(device="cpu", precision=PROPOSED))

    precision = plan_run(request, load()).request.compute.precision

    assert precision == {"quick": "bf16-mixed", "paper": "32-true"}[recipe]


def test_the_precision_is_part_of_the_run_and_stands_in_its_features_and_its_record(bench, monkeypatch):
    has_bfloat16(monkeypatch)
    bench("run", "--method", "tiny", "--validate", "none")

    assert configured("runs") == ["bf16-mixed"]
    assert a_record().precision == "bf16-mixed"
    with FeatureFile.open(next(Path("runs").rglob("features.h5"))) as file:
        assert file.provenance.precision == "bf16-mixed"


def test_in_full_precision_it_is_another_run_and_the_one_of_a_processor_without_bfloat16(bench, monkeypatch):
    has_bfloat16(monkeypatch)
    words = ("train", "--method", "tiny", "--validate", "none")
    half = bench(*words).stdout
    full = bench(*words, "--precision", "32-true").stdout
    has_bfloat16(monkeypatch, found=False)
    elsewhere = bench(*words).stdout

    assert sorted(configured("runs")) == ["32-true", "bf16-mixed"]
    assert half != full == elsewhere
    first, second = (load_checkpoint(Path(path.strip()))[0] for path in (half, full))
    assert any(not torch.equal(first[name], tensor) for name, tensor in second.items())


@pytest.mark.parametrize(("recipe", "expected"), [("quick", "bf16-mixed"), ("slow", "32-true")])
def test_a_checkpoint_is_embedded_in_the_precision_of_its_own_recipe(bench, monkeypatch, recipe, expected):
    has_bfloat16(monkeypatch)
    words = ("--method", "tiny", "--recipe", recipe, "--set", "epochs=0", "--precision", "32-true")
    checkpoint = bench("train", *words, "--runs", "made").stdout.strip()

    bench("run", "--method", "tiny", "--checkpoint", checkpoint)

    assert configured("runs") == [expected]
    assert (a_record().precision, a_record().recipe) == (expected, recipe)


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("idle", "threads"), [(1, 1), (2, 2)])
def test_the_threads_that_were_chosen_train_and_stand_in_the_checkpoint_and_the_record(
    bench, monkeypatch, two_threads, idle, threads
):
    monkeypatch.setattr("harness.compute.threads.idle_processors", lambda: idle)
    bench("run", "--method", "tiny", "--validate", "none")

    info = load_checkpoint(next(Path("runs").rglob("checkpoint.safetensors")))[1]
    assert Path("threads").read_text() == f"{threads} in training"
    assert info.threads == a_record().threads == threads
    assert torch.get_num_threads() == 2
    said = f"training with {threads} of 2 threads" in (only_folder() / "run.log").read_text()
    assert said == (threads < 2)
