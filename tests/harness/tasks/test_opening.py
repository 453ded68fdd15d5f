"""Data sets opened for a number: only the lists that it needs, and the notes of a user's own data each time once."""

import csv
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.data.dataset import Dataset
from harness.errors import DataError, UsageError
from harness.features import FeatureFile, write_features
from harness.registry.registry import load
from harness.scoring.growth.curve import Steps, curves_of
from harness.scoring.settings import ScoringSettings
from harness.tasks.opening import open_dataset
from protocols.veri776 import Veri776

NOTE = "cars: no image's vehicle is '0000', which 'nobody' names"
TOML = 'table = "images.csv"\nroot = {root!r}\nnobody = ["0000"]\n[tasks.main]\nignore = ["same image"]\n'
OPENED = {
    "eval": ("eval", "all.h5"),
    "a matrix of distances": ("distances", "import", "d.npy", "--method", "mine"),
    "pairs": ("same", "all.h5"),
    "held-out pairs": ("same", "all.h5", "--held-out", "0.5"),
    "growth": ("growth", "curve", "all.h5"),
    "tuning": ("tune", "all.h5", "--steps", "alpha-qe", "--settings", "3", "--hold-out", "0.5", "--test", "all.h5"),
    "a run": ("run", "--method", "random"),
    "a report": ("report", "all.h5", "--against", "all.h5", "--out", "report"),
}


def written(path, dataset, splits, name):
    """Write features of some splits; return the file."""
    keys = list(dict.fromkeys(key for split in splits for key in dataset.split(split).paths))
    values = np.random.default_rng(0).standard_normal((len(keys), 4), np.float32)
    return write_features(path, keys, values, dataset=name, method="mine")


@pytest.fixture
def own(tmp_path, monkeypatch, small_synthetic):
    """A folder with a protocol of some drawn images, features of all of them, and a matrix of queries by gallery."""
    monkeypatch.chdir(tmp_path)
    dataset = load().protocol("synthetic").load(small_synthetic)
    with Path("images.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "vehicle", "split"])
        for split in ("train", "query", "gallery"):
            rows = dataset.split(split)
            pairs = zip(rows.paths, rows.vehicle.tolist(), strict=True)
            table.writerows((path, vehicle, split) for path, vehicle in pairs)
    Path("cars.toml").write_text(TOML.format(root=str(small_synthetic)))
    written("all.h5", dataset, ("train", "query", "gallery"), "cars")
    shape = len(dataset.split("query")), len(dataset.split("gallery"))
    np.save("d.npy", np.random.default_rng(0).random(shape))
    return tmp_path


def told(caplog, words):
    with caplog.at_level(logging.INFO, "bench"):
        done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    return [record.levelname for record in caplog.records if record.getMessage() == NOTE]


@pytest.mark.parametrize("words", OPENED.values(), ids=OPENED)
def test_whatever_makes_a_number_tells_the_note_of_own_data_once(own, caplog, words):
    assert told(caplog, (*words, "--protocol", "cars.toml")) == ["WARNING"]


def test_a_matrix_of_methods_tells_the_note_of_own_data_once(own, caplog):
    assert told(caplog, ("matrix", "--method", "random", "--on", "cars.toml", "--check")) == ["WARNING"]


def test_tuning_a_run_tells_the_note_of_own_data_once_though_the_run_embeds_images_again(own, caplog):
    told(caplog, ("run", "--method", "random", "--protocol", "cars.toml"))
    (run,) = Path("runs").iterdir()
    caplog.clear()
    words = ("--steps", "alpha-qe", "--settings", "3", "--hold-out", "0.5", "--protocol", "cars.toml")
    assert told(caplog, ("tune", str(run), *words)) == ["WARNING"]


@pytest.mark.parametrize("held_out", [None, 0.5])
def test_in_python_the_note_of_own_data_is_told_once(own, caplog, held_out):
    if held_out is None:
        harness.evaluate("all.h5", "cars.toml")
    else:
        harness.verification("all.h5", "cars.toml", held_out=held_out)
    assert [record.getMessage() for record in caplog.records].count(NOTE) == 1


def test_notes_are_told_by_one_of_several_processes_and_those_of_a_release_by_none(tmp_path, monkeypatch, caplog):
    noted = Dataset(tmp_path, {}, notes=("a note",))
    monkeypatch.setattr(Veri776, "load", lambda *_: noted)

    assert open_dataset(Veri776(), tmp_path, None) is noted
    assert not caplog.records
    monkeypatch.setattr(Veri776, "released", {})
    open_dataset(Veri776(), tmp_path, None, tell=False)
    assert not caplog.records
    open_dataset(Veri776(), tmp_path, None)
    assert [record.getMessage() for record in caplog.records] == ["veri776: a note"]


def test_a_folder_that_is_missing_or_not_given_is_refused(tmp_path):
    with pytest.raises(UsageError, match="the data set of protocol 'veri776' is not given") as refused:
        open_dataset(Veri776(), None, Veri776.tasks)
    assert refused.value.next_step == "give it with --data DIR"
    with pytest.raises(DataError, match="the data set's folder is missing"):
        open_dataset(Veri776(), tmp_path / "nowhere", None)


@pytest.fixture
def damaged(tmp_path, small_synthetic):
    """The lists of a drawn VeRi-776 whose training list, labels and index nobody can read, and features of its test."""
    dataset = Veri776().load(small_synthetic)
    features = written(tmp_path / "f.h5", dataset, ("query", "gallery"), "veri776")
    root = tmp_path / "VeRi"
    root.mkdir()
    for path in small_synthetic.iterdir():
        if path.suffix in {".txt", ".xml"}:
            shutil.copy(path, root)
    for path in (*root.glob("*.xml"), root / "name_train.txt", root / "gt_index.txt"):
        path.write_text("nonsense")
    return root, features


def answers(root, features):
    with FeatureFile.open(features) as file:
        pair = list(file.keys), file.read()
    (curve, *_) = curves_of(features, "veri776/image-to-image", Steps(), ScoringSettings(), registry=load(), data=root)
    return (
        [
            harness.evaluate(source, "veri776/image-to-image", data=root).per_query["ap"].tolist()
            for source in (features, pair)
        ],
        harness.verification(features, "veri776/image-to-image", data=root).measures,
        curve.points,
    )


def test_given_features_are_scored_without_the_training_list_and_the_labels(damaged, small_synthetic):
    root, features = damaged

    assert answers(root, features) == answers(small_synthetic, features)


def test_what_needs_training_images_or_every_label_reads_them(damaged):
    root, features = damaged
    for made in (
        lambda: harness.evaluate(features, "veri776", data=root, post=["camera-mean"]),
        lambda: harness.evaluate(lambda images: images.mean((2, 3)), "veri776", data=root),
        lambda: harness.verification(features, "veri776", data=root, held_out=0.5),
    ):
        with pytest.raises(DataError, match="the label file is not XML"):
            made()
