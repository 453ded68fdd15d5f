"""Checkpoints keep every bit, describe their method, and execute nothing."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings, strategies as st
from safetensors.torch import save_file

from harness.errors import CheckpointError, RunError
from harness.methods.checkpoint import CheckpointInfo, check_belongs, check_known, load_checkpoint, save_checkpoint
from harness.methods.method import Method, Options

INFO = CheckpointInfo(
    method="ram", variant="bn", options={"epochs": 3, "milestones": [4, 5]}, classes={"vehicle": 5}, code="c" * 64
)


def state() -> dict[str, torch.Tensor]:
    weight = torch.arange(24, dtype=torch.float32).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
    return {"weight": weight, "half": torch.ones(3, dtype=torch.bfloat16), "seen": torch.tensor(7), "tied": weight}


def test_what_was_saved_is_loaded(tmp_path: Path):
    path = save_checkpoint(tmp_path / "deep" / "c.safetensors", state(), INFO)
    loaded, info = load_checkpoint(path)
    assert info == INFO
    assert loaded.keys() == state().keys()
    for name, tensor in state().items():
        assert torch.equal(loaded[name], tensor)
        assert loaded[name].dtype == tensor.dtype
    assert [file.name for file in path.parent.iterdir()] == ["c.safetensors"]


def test_the_same_state_gives_the_same_bytes_in_any_order_and_process(tmp_path: Path):
    first = save_checkpoint(tmp_path / "a", state(), INFO).read_bytes()
    second = save_checkpoint(tmp_path / "b", dict(reversed(state().items())), INFO).read_bytes()
    assert first == second
    program = (
        "import sys; from pathlib import Path; from tests.harness.methods.test_checkpoint import *;"
        "save_checkpoint(Path(sys.argv[1]), state(), INFO)"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "c"], check=True, cwd=Path(__file__).parents[3])  # noqa: S603
    assert (tmp_path / "c").read_bytes() == first


def test_a_failed_write_leaves_the_older_checkpoint(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="could not be written"):
        save_checkpoint(tmp_path / "file" / "c.safetensors", state(), INFO)
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_missing_checkpoint_is_named(tmp_path: Path):
    with pytest.raises(CheckpointError, match="checkpoint is missing") as caught:
        load_checkpoint(tmp_path / "none")
    assert caught.value.where == tmp_path / "none"


class Bomb:
    def __reduce__(self):
        return (Path("/nowhere/exploded").write_text, ("boom",))


def test_a_checkpoint_whose_header_has_a_length_that_begins_as_a_pickle_does_is_loaded(tmp_path: Path):
    """The lowest byte of the length is a multiple of eight, hence 0x80 for one length in 32."""
    firsts = set()
    for letters in range(0, 256, 8):
        path = save_checkpoint(tmp_path / "c", state(), INFO.model_copy(update={"options": {"x": "x" * letters}}))
        firsts.add(path.read_bytes()[0])
        assert load_checkpoint(path)[1].options == {"x": "x" * letters}
    assert 0x80 in firsts


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_refused_unopened(tmp_path: Path, protocol: int):
    (tmp_path / "c").write_bytes(pickle.dumps(Bomb(), protocol=protocol))
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "c")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_torch_file_is_refused_unopened(tmp_path: Path, zipped: bool):
    torch.save({"weight": torch.ones(2), "bomb": Bomb()}, tmp_path / "c", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="can execute code"):
        load_checkpoint(tmp_path / "c")


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_checkpoint_torn_anywhere_is_refused(tmp_path_factory, data):
    path = save_checkpoint(tmp_path_factory.mktemp("torn") / "c", state(), INFO)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


def test_weights_without_a_description_are_no_checkpoint(tmp_path: Path):
    for metadata in (None, {"format": "pt"}, {"bench": "no json"}, {"bench": "[1]"}):
        save_file({"weight": torch.ones(2)}, tmp_path / "c", metadata)
        with pytest.raises(CheckpointError, match="not a checkpoint of bench"):
            load_checkpoint(tmp_path / "c")


def test_a_newer_schema_and_a_damaged_description_are_refused(tmp_path: Path):
    save_file({"weight": torch.ones(2)}, tmp_path / "c", {"bench": '{"schema": 99}'})
    with pytest.raises(CheckpointError, match="another schema"):
        load_checkpoint(tmp_path / "c")
    save_file({"weight": torch.ones(2)}, tmp_path / "c", {"bench": '{"schema": 1, "info": {"method": 3}}'})
    with pytest.raises(CheckpointError, match="description is damaged"):
        load_checkpoint(tmp_path / "c")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "pgan"}, "another method"),
        ({"variant": ""}, "another variant"),
        ({"options": {"epochs": 4, "milestones": [4, 5]}}, "another option: epochs"),
        ({"options": {"epochs": 3}}, "another option: milestones"),
        ({"classes": {"vehicle": 6}}, "another number of classes: vehicle"),
    ],
)
def test_the_checkpoint_of_something_else_is_refused(tmp_path: Path, change: dict, words: str):
    with pytest.raises(CheckpointError, match=words):
        check_belongs(tmp_path / "c", INFO, INFO.model_copy(update=change))


def test_a_checkpoint_belongs_to_its_own_method_whatever_the_classes_not_named(tmp_path: Path):
    check_belongs(tmp_path / "c", INFO, INFO.model_copy(update={"classes": {}, "code": "d" * 64}))


def described(tmp_path: Path, **changes: object) -> Path:
    """Write a checkpoint whose description says something else, as a stranger may."""
    info = {**INFO.model_dump(mode="json"), **changes}
    save_file({"weight": torch.ones(2)}, tmp_path / "c", {"bench": json.dumps({"schema": 1, "info": info})})
    return tmp_path / "c"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "../outside"},
        {"method": ""},
        {"variant": "x/../../outside"},
        {"variant": "..\\outside"},
        {"variant": "/etc"},
        {"variant": "a\0b"},
        {"variant": "v" * 5000},
        {"aliases": ["../x"]},
        {"recipe": "../quick"},
        {"train_on": "../../veri776"},
        {"classes": {"../vehicle": 5}},
        {"classes": {"vehicle": 10**18}},
        {"classes": {"vehicle": 0}},
        {"boxes": {"../parts": "0"}},
        {"seed": 2**63},
    ],
    ids=str,
)
def test_a_description_whose_names_could_lead_elsewhere_is_refused_before_a_tensor_is_read(tmp_path, change):
    with pytest.raises(CheckpointError, match="description is damaged") as caught:
        load_checkpoint(described(tmp_path, **change))
    assert next(iter(change)) in str(caught.value.found)
    assert len(str(caught.value)) < 600


def test_a_description_with_a_number_of_thirty_digits_or_nested_deeply_is_refused(tmp_path: Path):
    for text in ('{"schema": 1, "info": {"seed": ' + "9" * 30 + "}}", '{"schema":' * 600 + "1" + "}" * 600):
        save_file({"weight": torch.ones(2)}, tmp_path / "c", {"bench": text})
        with pytest.raises(CheckpointError, match="not a checkpoint of bench") as caught:
            load_checkpoint(tmp_path / "c")
        assert "digits" in str(caught.value) or "deep" in str(caught.value)


def test_a_description_of_a_megabyte_is_not_read(tmp_path: Path):
    with pytest.raises(CheckpointError, match="description is too long"):
        load_checkpoint(described(tmp_path, options={"x": "x" * (1 << 20)}))


@pytest.mark.parametrize("schema", ["0", "-1", "true", "1.0", "99", '"1"', "null"])
def test_any_schema_but_the_own_is_refused(tmp_path: Path, schema: str):
    info = json.dumps(INFO.model_dump(mode="json"))
    save_file({"weight": torch.ones(2)}, tmp_path / "c", {"bench": f'{{"schema": {schema}, "info": {info}}}'})
    with pytest.raises(CheckpointError, match="another schema"):
        load_checkpoint(tmp_path / "c")


def test_more_classes_than_the_file_has_numbers_for_are_refused(tmp_path: Path):
    """A network is built for the classes before its numbers are compared with the file's."""
    assert load_checkpoint(described(tmp_path, classes={"vehicle": 100_000}))[1].classes == {"vehicle": 100_000}
    with pytest.raises(CheckpointError, match="description is damaged") as caught:
        load_checkpoint(described(tmp_path, classes={"vehicle": 10_000_000}))
    assert "10000000 classes of 'vehicle'" in str(caught.value)


class Known(Method):
    class Options(Options):
        epochs: int = 3

    variants = {"bn": {"epochs": 2}}  # noqa: RUF012 - as a plugin writes it


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variant": "bn-r"}, "a variant that method 'ram' does not have"),
        ({"aliases": ("other",)}, "a variant that method 'ram' does not have"),
        ({"options": {"epochs": 3, "wheels": 4}}, "an option that method 'ram' does not have"),
    ],
)
def test_a_word_that_the_method_does_not_have_is_refused_with_those_that_it_has(tmp_path, change, words):
    info = CheckpointInfo(method="ram", variant="bn", options={"epochs": 3})
    check_known(tmp_path / "c", info, Known)
    with pytest.raises(CheckpointError, match=words) as caught:
        check_known(tmp_path / "c", info.model_copy(update=change), Known)
    assert caught.value.expected in ("bn", "epochs")
