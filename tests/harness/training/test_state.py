"""The state of an interrupted training is restored bit for bit or refused, and never executes code."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings, strategies as st

from harness.errors import CheckpointError
from harness.training.state import NAME, State, load_state, save_state, state_bytes


def state() -> State:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [2, 2, 5])
    network(torch.rand(2, 3, 8, 8)).sum().backward()
    optimiser.step()
    schedule.step()
    return State(
        identity="a" * 64,
        stage=1,
        epoch=3,
        network=network.state_dict(),
        optimisers=[optimiser.state_dict(), torch.optim.SGD(network.parameters(), 0.5).state_dict()],
        schedule=schedule.state_dict(),
        rows=[{"stage": "one", "epoch": 1, "loss": 0.1}],
    )


def test_a_state_comes_back_bit_for_bit(tmp_path: Path):
    saved = state()
    save_state(tmp_path, saved)
    loaded = load_state(tmp_path, "a" * 64)
    assert (loaded.stage, loaded.epoch, loaded.rows) == (1, 3, saved.rows)
    assert loaded.schedule["milestones"] == Counter([2, 2, 5])
    assert all(torch.equal(loaded.network[name], tensor) for name, tensor in saved.network.items())
    adam, sgd = (optimiser["state"] for optimiser in loaded.optimisers)
    assert sgd == {}
    for number, moments in saved.optimisers[0]["state"].items():
        assert all(torch.equal(adam[number][name], moment) for name, moment in moments.items())
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_the_size_of_a_state_is_that_of_its_weights_and_of_all_its_optimisers_moments():
    weights, moments = {"weight": torch.zeros(5)}, {"state": {0: {"momentum": torch.zeros(7)}}}

    assert state_bytes(State("a" * 64, network=weights, optimisers=[moments, moments])) == 4 * (5 + 7 + 7)


def test_where_there_is_none_there_is_none(tmp_path: Path):
    assert load_state(tmp_path, "a") is None


def test_the_state_of_another_configuration_is_refused_and_kept(tmp_path: Path):
    save_state(tmp_path, state())
    with pytest.raises(CheckpointError, match="another configuration"):
        load_state(tmp_path, "b" * 64)
    assert load_state(tmp_path, "a" * 64) is not None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_torn_state_is_refused(tmp_path: Path, share: float):
    save_state(tmp_path, state())
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match="damaged"):
        load_state(tmp_path, "a" * 64)


@pytest.mark.parametrize("content", [b"hello", b"\x80\x02."])
def test_bytes_that_are_no_state_are_refused(tmp_path: Path, content: bytes):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load_state(tmp_path, "a" * 64)


def saved(*, zipped: bool) -> bytes:
    buffer = io.BytesIO()
    content = {"identity": "a" * 64, "network": {"weight": torch.arange(6.0)}}
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def loaded_or_refused(folder: Path) -> State | CheckpointError | None:
    try:
        return load_state(folder, "a" * 64)
    except CheckpointError as problem:
        return problem


@given(zipped=st.booleans(), bit=st.floats(0, 1, exclude_max=True), torn=st.booleans())
@settings(max_examples=100)
def test_a_state_with_a_flipped_bit_or_without_its_end_is_loaded_or_refused_and_nothing_else(
    zipped: bool, bit: float, torn: bool
):
    whole = saved(zipped=zipped)
    place = int(bit * len(whole) * 8)
    flipped = bytearray(whole)
    flipped[place // 8] ^= 1 << place % 8
    with TemporaryDirectory() as folder:
        (Path(folder) / NAME).write_bytes(whole[: place // 8] if torn else flipped)
        found = loaded_or_refused(Path(folder))
    assert isinstance(found, State | CheckpointError)


class Bomb:
    def __init__(self, fuse: Path) -> None:
        self.fuse = fuse

    def __reduce__(self):
        return (Path.touch, (self.fuse,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_state_that_would_execute_is_refused(tmp_path: Path, zipped: bool):
    content = {"identity": "a" * 64, "rows": [Bomb(tmp_path / "exploded")]}
    torch.save(content, tmp_path / NAME, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="damaged"):
        load_state(tmp_path, "a" * 64)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("content", [[1, 2], {"identity": "a" * 64, "colour": "red"}, {}])
def test_a_torch_file_of_something_else_is_refused(tmp_path: Path, content: object):
    torch.save(content, tmp_path / NAME)
    with pytest.raises(CheckpointError, match="damaged"):
        load_state(tmp_path, "a" * 64)
