"""What is exported comes back with the same ranks, whatever the format and the type."""

import csv
import sys

import numpy as np
import pytest

from harness.basics import files
from harness.errors import FeatureError, RunError, UsageError
from harness.exchange import exporting
from harness.exchange.exporting import WRITERS, export
from harness.features import FeatureFile, write_features
from harness.features.changing import quantise
from tests.harness.exchange.made import FEATURES, KEYS, bring, brought


def stored(folder, word):
    """Return a file of the features in a type."""
    path = write_features(folder / "float32.h5", KEYS, FEATURES, dataset="small", method="mine")
    if word == "float32":
        return path
    with FeatureFile.open(path) as file:
        quantise(file, word, folder / f"{word}.h5")
    return folder / f"{word}.h5"


@pytest.mark.parametrize("word", ["float32", "float16", "int8", "binary"])
@pytest.mark.parametrize("target", WRITERS)
def test_a_file_comes_back_from_every_format(tmp_path, word, target):
    if target == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    path = stored(tmp_path, word)
    with FeatureFile.open(path) as file:
        written = export(file, target, tmp_path / f"f.{target}")

    report = bring(tmp_path / "out.h5", written[0], lists=tuple(written[1:]))

    assert np.array_equal(brought(tmp_path / "out.h5"), brought(path).astype(np.float32))
    if (word, target) not in {("float16", "csv"), ("float16", "mat"), ("int8", "csv"), ("binary", "csv")}:
        assert report.storage == word
        assert report.digest == FeatureFile.open(path).digest or word == "int8"  # whose scale is not exported


def test_a_table_has_one_column_a_number(tmp_path):
    with FeatureFile.open(stored(tmp_path, "binary")) as file:
        export(file, "csv", tmp_path / "f.csv")

    rows = list(csv.reader((tmp_path / "f.csv").read_text().splitlines()))

    assert rows[0] == ["key", "f0", "f1", "f2", "f3", "f4"]
    assert {cell for row in rows[1:] for cell in row[1:]} == {"1", "-1"}


def test_what_a_format_cannot_hold_is_refused_and_nothing_is_left(tmp_path, monkeypatch):
    path = stored(tmp_path, "float32")
    monkeypatch.setattr(exporting, "MATLAB_LIMIT", 10)
    with FeatureFile.open(path) as file, pytest.raises(FeatureError, match="too large for this format"):
        export(file, "mat", tmp_path / "f.mat")
    write_features(path, ["a\nb.jpg"], [[1.0]], dataset="small", method="mine")
    with FeatureFile.open(path) as file, pytest.raises(FeatureError, match="line break"):
        export(file, "npy", tmp_path / "f.npy")

    assert [one.name for one in tmp_path.iterdir()] == ["float32.h5"]


@pytest.mark.parametrize("failing", ["array", "names"])
def test_an_array_and_its_list_of_names_are_replaced_together_or_not_at_all(tmp_path, monkeypatch, failing):
    path = stored(tmp_path, "float32")
    (tmp_path / "f.npy").write_bytes(b"array")
    (tmp_path / "f.npy.txt").write_bytes(b"names")

    def full(*_given, **_more):
        raise OSError(28, "No space left on device")

    if failing == "array":
        monkeypatch.setattr(exporting.np, "save", full)
    with FeatureFile.open(path) as file:
        if failing == "names":
            monkeypatch.setattr(files.os, "fsync", full)
        with pytest.raises(RunError, match="could not be written"):
            export(file, "npy", tmp_path / "f.npy")

    assert (tmp_path / "f.npy").read_bytes() == b"array"
    assert (tmp_path / "f.npy.txt").read_bytes() == b"names"
    assert len(list(tmp_path.iterdir())) == 3


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with FeatureFile.open(stored(tmp_path, "float32")) as file, pytest.raises(UsageError) as caught:
        export(file, "parquet", tmp_path / "f.parquet")

    assert "vehicle-reid-bench[parquet]" in str(caught.value)
