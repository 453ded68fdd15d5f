import os
import pickle
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from safetensors.torch import save as safetensors, save_file

from harness.errors import CheckpointError
from plugins.weights.reading import read_weights
from tests.plugins.weights.malice import STATE, Runs, archive, by_opcodes, described_tensor, saved


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


@pytest.mark.parametrize("form", ["archive", "sequence", "pickle"])
def test_a_file_that_would_execute_code_is_refused_and_not_executed(tmp_path, form):
    path, folder = tmp_path / "w.pth", tmp_path / "executed"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Runs(folder)))
    else:
        path.write_bytes(saved({**STATE, "extra": Runs(folder)}, zipped=form == "archive"))

    with pytest.raises(CheckpointError, match="only code could read it") as caught:
        read_weights(path)
    assert not folder.exists()
    assert str(caught.value.found) == "posix.mkdir"
    assert caught.value.next_step.startswith(f"'bench weights convert {path} OUT.safetensors'")
    assert "trust" not in str(caught.value)


@pytest.mark.parametrize("operation", sorted(by_opcodes("x")))
@pytest.mark.parametrize("zipped", [True, False])
def test_no_operation_of_a_pickle_reaches_code(tmp_path, operation, zipped):
    pickled = by_opcodes(tmp_path / "executed")[operation]
    (tmp_path / "w.pth").write_bytes(archive(pickled) if zipped else pickled)

    with pytest.raises(CheckpointError, match=r"only code could read it|damaged"):
        read_weights(tmp_path / "w.pth")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("described", "found"),
    [
        ({"count": 1 << 40}, "storage of 1,099,511,627,776 numbers, of which the file holds 24 bytes"),
        ({"count": 7}, "storage of 7 numbers, of which the file holds 24 bytes"),
        ({"size": (3, 3)}, "tensor of 3x3 in a storage of 6 numbers"),
        ({"offset": 1}, "tensor of 2x3 in a storage of 6 numbers"),
        ({"size": (1 << 40, 3), "strides": (0, 0)}, "in a storage of 6 numbers"),
        ({"size": (2,)}, "tensor without a shape"),
        ({"size": (-2, 3)}, "tensor without a shape"),
        ({"strides": (-3, 1)}, "tensor without a shape"),
    ],
)
def test_a_tensor_that_its_storage_cannot_hold_is_refused_before_it_is_read(tmp_path, described, found):
    content = archive(described_tensor(**described), [("data/0", bytes(24))])
    (tmp_path / "w.pth").write_bytes(content)

    with pytest.raises(CheckpointError, match="the weights file is damaged") as caught:
        read_weights(tmp_path / "w.pth")
    assert found in str(caught.value.found)


def test_more_operations_than_any_file_of_weights_has_are_refused(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"\x80\x02" + b"N0" * 1_000_001 + b"N.")

    with pytest.raises(CheckpointError, match="damaged") as caught:
        read_weights(tmp_path / "w.pth")
    assert str(caught.value.found) == "more than 2,000,000 operations"


def test_tensors_that_are_together_much_larger_than_their_file_are_refused(tmp_path):
    numbers = torch.ones(1 << 16)
    (tmp_path / "w.pth").write_bytes(saved({f"copy{number}": numbers for number in range(20)}))

    with pytest.raises(CheckpointError, match="damaged") as caught:
        read_weights(tmp_path / "w.pth")
    assert "much larger than the file" in str(caught.value.found)


def test_a_described_tensor_that_fits_is_read(tmp_path):
    numbers = torch.arange(6.0)
    content = archive(described_tensor(), [("data/0", numbers.numpy().tobytes())])
    (tmp_path / "w.pth").write_bytes(content)

    assert torch.equal(read_weights(tmp_path / "w.pth")["weight"], numbers.reshape(2, 3))


def test_a_bomb_of_zeros_is_refused_by_its_declared_size(tmp_path):
    content = archive(described_tensor(count=1 << 24), [("data/0", bytes(1 << 26))], compression=zipfile.ZIP_DEFLATED)
    (tmp_path / "w.pth").write_bytes(content)
    assert len(content) < 1 << 19

    with pytest.raises(CheckpointError, match="damaged") as caught:
        read_weights(tmp_path / "w.pth")
    assert "compressed" in str(caught.value.found)


def test_a_pickle_that_declares_a_huge_string_takes_no_memory(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"\x80\x04\x8e" + (1 << 45).to_bytes(8, "little") + b"abc.")

    with pytest.raises(CheckpointError, match="damaged"):
        read_weights(tmp_path / "w.pth")


def test_a_key_of_nested_tuples_does_not_take_forever(tmp_path):
    doubled = b"\x80\x02}K\x01" + b"2\x86" * 60 + b"K\x01s."  # DUP and TUPLE2, sixty times

    (tmp_path / "w.pth").write_bytes(doubled)
    with pytest.raises(CheckpointError, match="damaged"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("key", ["model", "state_dict", "net", "network", "model_state_dict"])
def test_a_state_dict_under_a_usual_name_is_found_beside_plain_values(tmp_path, key):
    others = {"epoch": 3, "rank1": np.float64(0.9), "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}
    torch.save({key: {f"module.{name}": tensor for name, tensor in STATE.items()}, **others}, tmp_path / "w.pth.tar")

    found = read_weights(tmp_path / "w.pth.tar")

    assert {name: tensor.tolist() for name, tensor in found.items()} == {
        name: tensor.tolist() for name, tensor in STATE.items()
    }


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool])
@pytest.mark.parametrize("zipped", [True, False])
def test_every_type_of_numbers_comes_back(tmp_path, dtype, zipped):
    state = {name: tensor.to(dtype) for name, tensor in STATE.items()}
    (tmp_path / "w.pth").write_bytes(saved(state, zipped=zipped))

    found = read_weights(tmp_path / "w.pth")

    assert all(found[name].dtype == dtype and torch.equal(found[name], state[name]) for name in state)


@pytest.mark.parametrize("zipped", [True, False])
def test_views_and_tied_tensors_come_back(tmp_path, zipped):
    whole = torch.arange(24.0).reshape(2, 3, 4)
    state = {"whole": whole, "part": whole[1, :, 1:3], "turned": whole.permute(2, 0, 1), "one": torch.tensor(7.0)}
    (tmp_path / "w.pth").write_bytes(saved(state, zipped=zipped))

    found = read_weights(tmp_path / "w.pth")

    assert all(torch.equal(found[name], state[name]) for name in state)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_numpy_in_a_plain_pickle_are_read(tmp_path, protocol):
    arrays = {name: tensor.numpy() for name, tensor in STATE.items()}
    (tmp_path / "w.pkl").write_bytes(pickle.dumps({"model": arrays, "__author__": "somebody"}, protocol=protocol))

    found = read_weights(tmp_path / "w.pkl")

    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused_by_the_tensors_name(tmp_path, bad):
    torch.save({**STATE, "bias": torch.tensor([1.0, bad])}, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match="not all finite") as caught:
        read_weights(tmp_path / "w.pth")
    assert caught.value.found == "NaN or infinity in bias"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")
def test_a_folder_and_a_pipe_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(CheckpointError, match="the weights are no file") as caught:
        read_weights(tmp_path)
    assert caught.value.found == "a folder"
    with pytest.raises(CheckpointError, match="the weights are no file") as caught:
        read_weights(tmp_path / "pipe")
    assert caught.value.found == "no regular file"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"n/data.pkl": b"", "n/constants.pkl": b"", "n/code/n.py": b""}, "is a TorchScript archive"),
        ({"features.npy": b"", "names.npy": b""}, r"is an .npz file of numpy"),
        ({"config.json": b"", "metadata.json": b"", "model.weights.h5": b""}, "is a file of Keras"),
        ({"weights/net_last.pth": b""}, "is a zip archive without a state dict"),
    ],
)
def test_an_archive_of_another_kind_is_said_to_be_what_it_is(tmp_path, members, message):
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive_file:
        for name, content in members.items():
            archive_file.writestr(name, content)

    with pytest.raises(CheckpointError, match=message):
        read_weights(tmp_path / "w.pth")


def test_two_state_dicts_are_named(tmp_path):
    torch.save({"teacher": STATE, "student": STATE}, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match="no state dict") as caught:
        read_weights(tmp_path / "w.pth")
    assert caught.value.found == "several state dicts: teacher, student"


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
        (b"<html><title>Quota exceeded</title></html>", "is a page of the web: Quota exceeded"),
        (b"404: Not Found", "is an answer that says 404"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "is a pointer of Git LFS"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", r"is a MATLAB file \(.mat\)"),
        (b"\x93NUMPY\x01\x00", r"is a NumPy array \(.npy\)"),
        (b"PAR1\x15\x04", "is a Parquet table"),
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
