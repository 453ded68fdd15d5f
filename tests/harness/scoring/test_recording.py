"""Records of several feature files stand beside each other, and none answers for another."""

from pathlib import Path

import numpy as np
import pytest

import harness
from harness.scoring.record import read_record
from harness.scoring.recording import evaluate_file
from harness.scoring.settings import ScoringSettings

TASK = "synthetic/image-to-image"


@pytest.fixture
def score(small_synthetic, tmp_path, monkeypatch):
    """Write features and evaluate them into one folder; return the record and its path."""
    monkeypatch.chdir(tmp_path)
    registry = harness.load()
    keys = [path.relative_to(small_synthetic).as_posix() for path in sorted(small_synthetic.glob("image_*/*.jpg"))]

    def scored(name="f.h5", seed=0, folder=Path("records"), **about):
        features = np.random.default_rng(seed).normal(size=(len(keys), 4))
        harness.write_features(name, keys, features, dataset="synthetic", **{"method": "mine", **about})
        before = set(folder.glob("record-*"))
        words = {"registry": registry, "data": small_synthetic, "folder": folder}
        (record,) = evaluate_file(Path(name), TASK, ScoringSettings(), **words)
        return record, sorted(set(folder.glob("record-*")) - before)

    return scored


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"method": "other"},
        {"variant": "small"},
        {"options": {"depth": 50}},
        {"method": "a strange/name: <b>"},
    ],
    ids=str,
)
def test_a_second_result_never_replaces_or_answers_for_the_first(score, change):
    first, (path,) = score()
    second, (other,) = score("g.h5", **change)

    assert read_record(path) == first
    assert read_record(other) == second
    assert second.method == change.get("method", "mine")
    assert len(list(path.parent.glob("per-query-*"))) == 2


def test_the_same_features_are_answered_by_the_record_that_stands(score):
    _, (path,) = score()
    written = path.stat().st_mtime_ns

    _, new = score("copy.h5")

    assert new == []
    assert path.stat().st_mtime_ns == written


def test_a_runs_own_folder_keeps_the_short_name_and_asks_who_wrote_the_features(score):
    own = Path("run/synthetic-1")
    own.mkdir(parents=True)
    Path("run/config.json").write_text("{}")
    first, (path,) = score("run/synthetic-1/features.h5", folder=own)
    second, new = score("run/synthetic-1/features.h5", folder=own, method="other")

    assert path.name == "record-synthetic-image-to-image-cosine.json"
    assert new == []
    assert (first.method, read_record(path).method) == ("mine", "other")
    assert read_record(path) == second


def test_another_file_of_that_name_replaces_no_record(score):
    first, (path,) = score("features.h5", folder=Path())
    Path("config.json").write_text("{}")  # of some other program
    second, (other,) = score("features.h5", folder=Path(), seed=1)

    assert path.name.startswith("record-mine-synthetic-image-to-image-cosine-")
    assert read_record(path) == first
    assert read_record(other) == second


def test_a_folder_is_evaluated_by_its_features(score, small_synthetic):
    record, _ = score("run/synthetic-1/features.h5", folder=Path("run"))

    words = {"registry": harness.load(), "data": small_synthetic}
    (found,) = evaluate_file(Path("run"), TASK, ScoringSettings(), **words)

    assert found.features == record.features
