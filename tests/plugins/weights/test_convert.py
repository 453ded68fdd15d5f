import argparse
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from harness.basics import child
from harness.basics.child import ChildFailedError
from harness.errors import CheckpointError, RunError, UsageError
from plugins.weights import convert as converting
from plugins.weights.convert import convert
from plugins.weights.reading import read_weights
from tests.plugins.weights.malice import STATE, Runs, archive, by_opcodes, described_tensor, saved


class Small(nn.Module):
    """A network that is pickled whole, as older files of some zoos are."""

    def __init__(self):
        super().__init__()
        self.base = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.classifier = nn.Linear(4, 2)
        self.register_buffer("mean", torch.ones(3), persistent=False)


def equal(found, wanted):
    return found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_the_tensors_come_out_of_a_file_that_holds_objects_besides(tmp_path):
    torch.save({"state_dict": STATE, "args": argparse.Namespace(lr=0.1), "epoch": 3}, tmp_path / "w.pth.tar")
    with pytest.raises(CheckpointError, match="only code could read it"):
        read_weights(tmp_path / "w.pth.tar")

    done = convert(tmp_path / "w.pth.tar", tmp_path / "w.safetensors")

    assert done == (2, 8, ("argparse.Namespace",))
    assert equal(load_file(tmp_path / "w.safetensors"), STATE)
    assert equal(read_weights(tmp_path / "w.safetensors"), STATE)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("key", [None, "model"])
def test_a_network_that_was_pickled_whole_becomes_its_state_dict(tmp_path, zipped, key):
    network = Small()
    (tmp_path / "w.pth").write_bytes(saved({key: network} if key else network, zipped=zipped))

    done = convert(tmp_path / "w.pth", tmp_path / "w.safetensors")

    assert equal(load_file(tmp_path / "w.safetensors"), network.state_dict())
    assert any(name.endswith("Small") for name in done.left_out)


def test_the_converted_file_says_what_it_was_made_from(tmp_path):
    torch.save({"net": STATE, "extra": argparse.Namespace()}, tmp_path / "w.pth")

    convert(tmp_path / "w.pth", tmp_path / "w.safetensors")

    with safe_open(tmp_path / "w.safetensors", framework="pt") as file:
        said = file.metadata()["converted"]
    assert '"from": "w.pth"' in said
    assert str(tmp_path) not in said


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int64, torch.bool])
def test_every_type_of_numbers_is_kept(tmp_path, dtype):
    state = {"turned": torch.arange(6).reshape(2, 3).T.to(dtype), "one": torch.ones(()).to(dtype)}
    torch.save({**state, "epoch": 3}, tmp_path / "w.pth")

    convert(tmp_path / "w.pth", tmp_path / "w.safetensors")

    assert equal(load_file(tmp_path / "w.safetensors"), state)


@pytest.mark.parametrize("form", ["archive", "sequence"])
def test_nothing_is_executed(tmp_path, form):
    folder = tmp_path / "executed"
    (tmp_path / "w.pth").write_bytes(saved({"model": STATE, "extra": Runs(folder)}, zipped=form == "archive"))

    done = convert(tmp_path / "w.pth", tmp_path / "w.safetensors")

    assert not folder.exists()
    assert done.left_out == ("posix.mkdir",)
    assert equal(load_file(tmp_path / "w.safetensors"), STATE)


@pytest.mark.slow
@pytest.mark.parametrize("operation", sorted(by_opcodes("x")))
def test_no_operation_of_a_pickle_reaches_code(tmp_path, operation):
    folder = tmp_path / "executed"
    (tmp_path / "w.pth").write_bytes(archive(by_opcodes(folder)[operation]))

    with pytest.raises(CheckpointError, match=r"no state dict|damaged"):
        convert(tmp_path / "w.pth", tmp_path / "w.safetensors")
    assert not folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["w.pth"]


def test_a_storage_that_declares_too_much_leaves_no_file(tmp_path):
    (tmp_path / "w.pth").write_bytes(archive(described_tensor(count=1 << 40), [("data/0", bytes(24))]))

    with pytest.raises(CheckpointError, match="the file is damaged"):
        convert(tmp_path / "w.pth", tmp_path / "w.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["w.pth"]


def test_an_output_is_one_of_safetensors(tmp_path):
    torch.save(STATE, tmp_path / "w.pth")

    with pytest.raises(UsageError, match="not named as one of safetensors"):
        convert(tmp_path / "w.pth", tmp_path / "w.bin")
    (tmp_path / "r.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(UsageError, match="is one of safetensors already"):
        convert(tmp_path / "r.safetensors", tmp_path / "x.safetensors")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.safetensors", "w.pth"]


def test_a_page_of_the_web_is_said_to_be_one(tmp_path):
    (tmp_path / "w.pth").write_text("<html><title>Sign in</title></html>")

    with pytest.raises(CheckpointError, match="is a page of the web: Sign in"):
        convert(tmp_path / "w.pth", tmp_path / "w.safetensors")


def test_a_conversion_ends_when_its_time_is_over(tmp_path, monkeypatch):
    torch.save(STATE, tmp_path / "w.pth")
    monkeypatch.setattr(converting, "SECONDS", 0)

    with pytest.raises(RunError, match="within its limits") as caught:
        convert(tmp_path / "w.pth", tmp_path / "w.safetensors")

    assert str(caught.value.found) == "it was not done within 0 seconds"
    assert [path.name for path in tmp_path.iterdir()] == ["w.pth"]


def test_a_conversion_that_is_killed_while_it_writes_leaves_nothing(tmp_path, monkeypatch):
    torch.save({"big": torch.zeros(1000, 1000)}, tmp_path / "w.pth")
    killed = []

    def call(_function, words, _limits):
        Path(words[1]).write_bytes(b"half a file")
        killed.append(words[1])
        raise ChildFailedError("its process ended with status -24")

    monkeypatch.setattr(converting, "call", call)
    with pytest.raises(RunError, match="within its limits"):
        convert(tmp_path / "w.pth", tmp_path / "w.safetensors")

    assert len(killed) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["w.pth"]


def test_modules_in_the_current_folder_are_not_imported(tmp_path, monkeypatch):
    for name in ("numpy.py", "json.py", "plugins/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"open({str(tmp_path / 'executed')!r}, 'w').close()")
    torch.save(STATE, tmp_path / "w.pth")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ".")

    convert(tmp_path / "w.pth", tmp_path / "w.safetensors")

    assert not (tmp_path / "executed").exists()


def test_a_conversion_ends_when_its_memory_is_over(tmp_path, monkeypatch):
    torch.save(STATE, tmp_path / "w.pth")
    monkeypatch.setattr(child, "SPARE", 1 << 26)

    with pytest.raises(RunError, match="within its limits"):
        convert(tmp_path / "w.pth", tmp_path / "w.safetensors")
