"""Changed files end in a message or in features, never in a traceback, and nothing of them is executed."""

import os
import subprocess
from contextlib import suppress

import pytest
import torch
from safetensors.torch import save as safetensors

from harness.errors import BenchError, CheckpointError
from plugins.released.fast_reid import FastReID
from plugins.released.torchreid import Torchreid
from plugins.weights.reading import read_weights
from plugins.weights.showing import described
from tests.plugins.released.files import below, images, made, norm, osnet, resnet
from tests.plugins.weights.malice import Runs, saved
from tests.plugins.weights.mutations import mutated


@pytest.fixture
def originals(tmp_path):
    """Return a method, its options and the bytes of a file, for each form of file."""
    fast = below("backbone.", resnet().state_dict()) | norm("heads.bottleneck.0", 128)
    small = osnet(channels=(4, 8, 12, 16), width=8)
    return {
        "archive": (FastReID, {"pool": "avg"}, saved({"model": fast, "iteration": 3})),
        "sequence": (Torchreid, {}, saved({"state_dict": small, "epoch": 3}, zipped=False)),
        "safetensors": (Torchreid, {}, safetensors(small)),
        "malicious": (Torchreid, {}, saved({"state_dict": small, "extra": Runs(tmp_path / "executed")})),
    }


@pytest.fixture
def nothing_runs(monkeypatch, originals):
    """Fail if a file reaches one of the functions that its pickle might name."""

    def refuse(*given, **_words):
        raise AssertionError(f"executed with {given}")

    for module, names in ((os, ("system", "mkdir", "popen")), (subprocess, ("Popen", "run"))):
        for name in names:
            monkeypatch.setattr(module, name, refuse)


def outcome(path, method, options):
    """Return the features of a changed file, or the message that refuses it."""
    try:
        features = made(method, weights=str(path), **options).embed(images(count=1))
    except BenchError as error:
        return error
    assert features.ndim == 2
    return features


def many(tmp_path, files, count):
    path = tmp_path / "w.pth"
    made_of = {
        name: outcome(_write(path, content), method, options) for name, (method, options, content) in files.items()
    }
    refused = 0
    for seed in range(count):
        form = sorted(files)[seed % len(files)]
        method, options, content = files[form]
        path.write_bytes(mutated(content, seed))
        found = outcome(path, method, options)
        refused += isinstance(found, BenchError)
        if form == "archive" and not isinstance(found, BenchError):  # the members of an archive are checksummed
            assert torch.equal(found, made_of[form])
        if form == "malicious":
            assert isinstance(found, CheckpointError)
    assert not (tmp_path / "executed").exists()
    return refused


def _write(path, content):
    path.write_bytes(content)
    return path


def test_a_hundred_changed_files_are_refused_or_read_and_nothing_is_executed(tmp_path, originals, nothing_runs):
    assert many(tmp_path, originals, 100) > 60


@pytest.mark.slow
def test_a_thousand_changed_files_are_refused_or_read_and_nothing_is_executed(tmp_path, originals, nothing_runs):
    assert many(tmp_path, originals, 1000) > 600


@pytest.mark.parametrize("form", ["archive", "sequence", "safetensors", "malicious"])
def test_bench_weights_show_of_a_changed_file_tells_it_or_refuses_it(tmp_path, form, originals, nothing_runs):
    _, _, content = originals[form]
    path = tmp_path / "w.pth"
    for seed in range(40):
        path.write_bytes(mutated(content, seed))
        with suppress(BenchError):
            assert described(path)["tensors"]
    assert not (tmp_path / "executed").exists()


def test_reading_an_unchanged_file_needs_none_of_the_functions_that_are_watched(tmp_path, originals, nothing_runs):
    (tmp_path / "w.pth").write_bytes(originals["archive"][2])

    assert read_weights(tmp_path / "w.pth")
