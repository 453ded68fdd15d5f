"""A program of TorchScript is scored if it only computes; one that could touch files is refused before it is loaded."""

import zipfile

import pytest
import torch
from torch import nn

from harness.errors import CheckpointError, UsageError
from harness.methods.method import create, resolve_options
from plugins.released.graphs.torchscript import TorchScript

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning", "ignore:.*torch.jit.*:FutureWarning")


class Means(nn.Module):
    def forward(self, images):
        return images.mean((2, 3))


class Pair(nn.Module):
    def forward(self, images):
        return images.mean((2, 3)), images.amax((2, 3))


class Doubles(nn.Module):
    def forward(self, images):
        return images.mean((2, 3)).double()


class Maps(nn.Module):
    def forward(self, images):
        return images.mean(3)


class ReadsFiles(nn.Module):
    def forward(self, images):
        return images.mean((2, 3)) + torch.from_file("written.bin", True, 3)


@pytest.fixture
def method(tmp_path):
    """Save a network, or take a file as it is, and return the method."""

    def made(network, **changes):
        path = tmp_path / "n.pt"
        if isinstance(network, nn.Module):
            torch.jit.save(torch.jit.script(network), path)
        else:
            path.write_bytes(network)
        words = {"weights": str(path), "input_size": "32", **changes}
        return create(TorchScript, resolve_options("torchscript", TorchScript, changes=words))

    return made


@pytest.fixture
def images():
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def rewritten(path, change):
    """Return the bytes of a program whose text was changed."""
    with zipfile.ZipFile(path) as archive:
        parts = [(entry, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in parts:
            archive.writestr(entry.filename, change(content) if entry.filename.endswith(".py") else content)
    return path.read_bytes()


def test_its_features_are_those_of_the_network(method, images):
    found = method(Means(), mean="0.5", deviation="0.5")
    assert found.input_size == (32, 32)
    assert torch.equal(found.embed(images), ((images - 0.5) / 0.5).mean((2, 3)))


def test_its_size_has_to_be_said(method):
    with pytest.raises(UsageError, match="does not say the size"):
        method(Means(), input_size="auto")


def test_one_of_several_tensors_is_chosen(method, images):
    with pytest.raises(CheckpointError, match="does not return one tensor") as caught:
        method(Pair()).embed(images)
    assert "0: float32 (4, 3); 1: float32 (4, 3)" in str(caught.value)
    assert torch.equal(method(Pair(), output="1").embed(images), images.amax((2, 3)))
    with pytest.raises(CheckpointError, match="no tensor '2'"):
        method(Pair(), output="2").embed(images)


def test_float64_becomes_float32(method, images):
    assert method(Doubles()).embed(images).dtype == torch.float32


def test_maps_are_no_features(method, images):
    with pytest.raises(CheckpointError, match="returns no features") as caught:
        method(Maps()).embed(images)
    assert "float32 (4, 3, 32)" in str(caught.value)


def test_a_size_that_the_network_does_not_take_is_one_message(method):
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4))
    with pytest.raises(CheckpointError, match="fails on pictures") as caught:
        method(network, input_size="64").embed(torch.zeros(2, 3, 64, 64))
    assert "mat1 and mat2" in str(caught.value)
    assert "(2, 3, 64, 64)" in str(caught.value)


def test_a_program_that_touches_files_is_refused_and_touches_none(method, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="does more than compute") as caught:
        method(ReadsFiles())
    assert "found: from_file" in str(caught.value)
    assert not (tmp_path / "written.bin").exists()


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"torch.mean", b"ops.image.mean", "ops.image"),
        (b"torch.mean", b"ops.c10d.mean", "ops.c10d"),
        (b"    return", b"    t = torch\n    return", "torch under another name"),
        (b"    return", b"    o = ops\n    return", "ops under another name"),
        (b"class Means", b"# torch.classes.dist_c10d.Store\nclass Means", "torch.classes.dist_c10d"),
    ],
)
def test_other_names_for_it_are_refused_too(method, tmp_path, old, new, found):
    torch.jit.save(torch.jit.script(Means()), tmp_path / "n.pt")
    with pytest.raises(CheckpointError, match="does more than compute") as caught:
        method(rewritten(tmp_path / "n.pt", lambda text: text.replace(old, new, 1)))
    assert f"found: {found}" in str(caught.value)


def test_a_damaged_program_is_one_message(method, tmp_path):
    torch.jit.save(torch.jit.script(Means()), tmp_path / "n.pt")
    whole = (tmp_path / "n.pt").read_bytes()
    for content in (whole[: len(whole) // 2], whole[:40], rewritten(tmp_path / "n.pt", lambda text: text[:-20] + b"(")):
        with pytest.raises(CheckpointError):
            method(content)


def test_parts_of_one_name_and_bombs_are_refused(method, tmp_path):
    torch.jit.save(torch.jit.script(Means()), tmp_path / "n.pt")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(tmp_path / "n.pt", "a") as archive:
        archive.writestr(next(name for name in archive.namelist() if name.endswith(".py")), b"")
    with pytest.raises(CheckpointError, match="damaged") as caught:
        method((tmp_path / "n.pt").read_bytes())
    assert "two parts of one name" in str(caught.value)
    torch.jit.save(torch.jit.script(Means()), tmp_path / "n.pt")
    with zipfile.ZipFile(tmp_path / "n.pt", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("n/code/more.py", b"#" * (65 << 20))
    with pytest.raises(CheckpointError, match="damaged"):
        method((tmp_path / "n.pt").read_bytes())


def test_a_state_dict_is_sent_to_the_method_torch(method, tmp_path):
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "s.pt")
    with pytest.raises(CheckpointError, match="tensors without their network") as caught:
        method((tmp_path / "s.pt").read_bytes())
    assert "--method torch --set network=" in str(caught.value)
