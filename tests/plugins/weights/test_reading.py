import io
import os
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings, strategies as st
from safetensors.torch import save as safetensors, save_file

from harness.errors import CheckpointError
from plugins.weights.reading import read_weights


class Runs:
    """A pickle of it would make a folder when it is read."""

    def __reduce__(self):
        return (os.mkdir, ("executed",))


STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


def saved(content, *, zipped):
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def read_or_refused(path):
    try:
        return read_weights(path)
    except CheckpointError as problem:
        return problem


@pytest.fixture
def state():
    return dict(STATE)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_state_dict_comes_back_as_it_was_saved(tmp_path, state, name):
    path = tmp_path / name
    save_file(state, path) if name.endswith("safetensors") else torch.save(state, path)

    found = read_weights(path)

    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)


def test_a_state_dict_inside_a_training_state_and_under_module_is_found(tmp_path, state):
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "w.pth"
    )

    assert read_weights(tmp_path / "w.pth").keys() == state.keys()


@pytest.mark.parametrize("protocol", ["torch", "pickle"])
def test_a_file_that_would_execute_code_is_refused_and_not_executed(tmp_path, monkeypatch, state, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.pth"
    if protocol == "torch":
        torch.save({**state, "extra": Runs()}, path)
    else:
        path.write_bytes(pickle.dumps(Runs()))

    with pytest.raises(CheckpointError, match="only code could read it"):
        read_weights(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_torn_file_is_damaged(tmp_path, state, name):
    path = tmp_path / name
    save_file(state, path) if name.endswith("safetensors") else torch.save(state, path)
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(CheckpointError, match="damaged"):
        read_weights(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x80\x02.", "damaged"),
        (b"PK\x03\x04", "damaged"),
        (b"hello", 'is a text that begins with "hello"'),
        (b"<html><title>Quota exceeded</title></html>", "is a page of the web, not a file of weights: Quota exceeded"),
        (b"404: Not Found", "is an answer that says 404"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "is a pointer of Git LFS"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "is a .mat file of MATLAB"),
        (b"\x93NUMPY\x01\x00", "is a .npy array"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        (b"\x1f\x8b\x08\x00", "is an archive of gzip"),
        (b"\x08\x07\x12\x07pytorch", "is an ONNX file"),
        (b"\xff\xfe\x00\x01", "is none of torch.save or safetensors"),
        (b"Qme?", 'is a text that begins with "Qme\\?"'),
    ],
)
@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_file_that_holds_no_weights_is_said_to_be_what_it_is(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(CheckpointError, match=message) as caught:
        read_weights(tmp_path / name)
    assert caught.value.next_step is not None
    assert "execute" not in str(caught.value)


@given(
    form=st.sampled_from(["safetensors", "zip", "pickle"]), bit=st.floats(0, 1, exclude_max=True), torn=st.booleans()
)
@settings(max_examples=100)
def test_a_file_with_a_flipped_bit_or_without_its_end_is_read_or_refused_and_nothing_else(form, bit, torn):
    whole = safetensors(STATE) if form == "safetensors" else saved(STATE, zipped=form == "zip")
    place = int(bit * len(whole) * 8)
    cut, flipped = whole[: place // 8], bytearray(whole)
    flipped[place // 8] ^= 1 << place % 8
    with TemporaryDirectory() as folder:
        path = Path(folder) / ("w.safetensors" if form == "safetensors" else "w.pth")
        path.write_bytes(cut if torn else flipped)
        found = read_or_refused(path)
    assert isinstance(found, CheckpointError) or all(isinstance(tensor, torch.Tensor) for tensor in found.values())


def test_a_file_without_tensors_is_no_state_dict(tmp_path):
    torch.save([1, 2], tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match="no state dict"):
        read_weights(tmp_path / "w.pth")
