"""Nothing that bench writes for others says whose machine it was: no folder, no user, no host."""

from __future__ import annotations

import getpass
import gzip
import platform
import shutil
import socket

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli import main
from tests.harness.runs.made import PLUGIN

METHOD = (
    PLUGIN
    + """

class Placed(Tiny):
    class Options(Tiny.Options):
        weights: str = ""
        several: tuple[str, ...] = ()
        folder: str = ""
        epochs: int = 1


@harness.hookimpl
def bench_register_methods(register):
    register("placed", Placed)
"""
)


USER, HOST = "zaphod-of-betelgeuse", "heart-of-gold"

MADE_HERE = {".lock", "run.log", "config.json"}
"""Files of a run's folder that stay on the machine; only the log may name its folders."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder with a conspicuous name, on a host with one, with a plugin, weights and a list of names."""
    folder = tmp_path / "home" / USER
    folder.mkdir(parents=True)
    for word in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(word, str(folder))
    for word in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(word, USER)
    monkeypatch.setattr(getpass, "getuser", lambda: USER)
    monkeypatch.setattr(socket, "gethostname", lambda: HOST)
    monkeypatch.setattr(platform, "node", lambda: HOST)
    monkeypatch.chdir(folder)
    (folder / "method.py").write_text(METHOD)
    (folder / "w.pth").write_bytes(b"weights")
    (folder / "model").mkdir()
    return folder


def bench(*words):
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    return done.stdout.strip()


def content(path):
    """Return the bytes of a file, unpacked if it is compressed."""
    found = path.read_bytes()
    return gzip.decompress(found) if path.suffix == ".gz" else found


def places_in(folder):
    """Return the files below a folder that say whose machine they are from, with the word that does."""
    words = [USER, HOST, socket.gethostname(), str(folder)]
    return [
        (str(path.relative_to(folder)), word)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in MADE_HERE
        for word in {*words, USER.title()}
        if word.encode() in content(path)
    ]


@pytest.mark.slow
def test_no_file_for_others_says_whose_machine_it_was(home, small_synthetic):
    data = home / "data"
    shutil.copytree(small_synthetic, data)
    where = ("--protocol", "synthetic", "--data", data)
    plugin = ("--plugin", home / "method.py")
    named = ("--set", f"weights={home / 'w.pth'}", "--set", f"folder={home / 'model'}")
    bench("run", "--method", "placed", *named, *where, *plugin, "--runs", home / "runs")
    [features] = (home / "runs").rglob("features.h5")
    run = features.parent.parent

    for form, out in (("npz", "f.npz"), ("mat", "f.mat"), ("csv", "f.csv")):
        bench("features", "export", features, "--to", form, "--out", home / out)
    bench("features", "quantise", features, "--to", "int8", "--out", home / "small.h5")
    bench("features", "import", home / "f.npz", *where, "--method", "mine", "--out", home / "mine.h5")
    bench("eval", home / "mine.h5", *where, "--record", home / "records")
    _write_matrix(home, features)
    bench("distances", "import", home / "d.npy", *where, "--method", "mine", "--record", home / "records")
    bench("export", run, "--to", "safetensors", "--out", home / "net.safetensors", *plugin, *named, "--data", data)
    bench("report", run, "--out", home / "report", *plugin, "--data", data)
    for form, out in (
        ("markdown", "L.md"),
        ("html", "L.html"),
        ("csv", "L.csv"),
        ("json", "L.json"),
        ("latex", "L.tex"),
    ):
        bench("leaderboard", "--runs", home / "runs", "--records", home / "records", "--format", form, "--out",
              home / "pages" / out)  # fmt: skip

    shutil.rmtree(data)
    (home / "method.py").unlink()
    kinds = {path.suffix for path in home.rglob("*") if path.is_file()}
    assert {".json", ".h5", ".gz", ".safetensors", ".html", ".md", ".npz", ".mat"} <= kinds
    assert places_in(home) == []
    assert str(home).encode() not in (run / "config.json").read_bytes()


def _write_matrix(home, features):
    """Write the distances of the queries to the gallery, in the order of the lists."""
    from harness.features import FeatureFile
    from harness.registry.registry import load

    dataset = load().protocol("synthetic").load(home / "data")
    with FeatureFile.open(features) as file:
        query, gallery = (file.read(dataset.split(name).paths) for name in ("query", "gallery"))
    np.save(home / "d.npy", np.linalg.norm(query[:, None] - gallery[None], axis=2).astype(np.float32))
