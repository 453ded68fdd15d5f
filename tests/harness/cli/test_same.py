"""``bench same`` as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.registry.registry import load
from tests.harness.pairs.conftest import features, made  # noqa: F401 - fixtures


@pytest.fixture
def typed(small_synthetic, tmp_path):
    protocol, _ = load().tasks("synthetic")
    keys = list(dict.fromkeys(path for table in protocol.load(small_synthetic).splits.values() for path in table.paths))
    rows = np.random.default_rng(1).standard_normal((len(keys), 6)).astype(np.float32)
    harness.write_features(tmp_path / "f.h5", keys, rows, dataset="synthetic", method="mine")

    def done(*words):
        where = [tmp_path / "f.h5", "--protocol", "synthetic/image-to-image", "--data", small_synthetic]
        return CliRunner().invoke(main, list(map(str, ["same", *where, *words])))

    return done


def test_tables_say_what_was_measured_and_where_thresholds_were_chosen(typed):
    found = typed("--far", "0.01", "--unknown", "0.5")

    assert found.exit_code == 0, found.output
    for words in ("TAR at FAR 1 %", "EER", "area under ROC", "FNIR at FPIR 10 %", "the test itself", "Open set: "):
        assert words in found.stdout


def test_json_is_what_python_says(typed, tmp_path, small_synthetic):
    found = typed("--json", "--no-areas", "--out", tmp_path / "out.json")

    answer = harness.verification(tmp_path / "f.h5", "synthetic/image-to-image", data=small_synthetic, areas=False)
    assert json.loads(found.stdout) == answer.values
    assert json.loads((tmp_path / "out.json").read_text())["digest"] == answer.digest


def test_an_existing_file_is_not_replaced(typed, tmp_path):
    (tmp_path / "out.json").write_text("mine")

    found = typed("--out", tmp_path / "out.json")

    assert found.exit_code == 2
    assert "the file exists already" in found.stderr
    assert (tmp_path / "out.json").read_text() == "mine"


def test_a_picture_needs_a_calibration(typed, tmp_path):
    found = typed("--picture", tmp_path / "p.svg")

    assert found.exit_code == 2
    assert "no calibration to draw" in found.stderr
    assert not (tmp_path / "p.svg").exists()


def test_a_picture_of_an_unknown_format_is_refused_first(typed, tmp_path):
    found = typed("--picture", tmp_path / "p.gif")

    assert found.exit_code == 2
    assert "cannot be drawn in this format" in found.stderr


def test_an_open_set_without_unknown_queries_is_one_message(typed):
    found = typed("--fpir", "0.01")

    assert found.exit_code == 2
    assert found.stderr.startswith("bench: an open-set question needs")


def test_a_reliability_picture_is_the_same_bytes_each_time(features, small_synthetic, tmp_path):  # noqa: F811 - the fixture above
    for name in ("a.svg", "b.svg"):
        words = ["--protocol", "synthetic/image-to-image", "--data", small_synthetic, "--held-out", "0.5"]
        found = CliRunner().invoke(main, list(map(str, ["same", features, *words, "--picture", tmp_path / name])))
        assert found.exit_code == 0, found.output
        assert "Expected calibration error" in found.stdout

    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
