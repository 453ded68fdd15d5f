"""Results with distractors: never official, never compared with plain ones, and recorded with what was added."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.errors import UsageError
from harness.scoring.record import Record, read_record

TASK = "synthetic/image-to-image"


@pytest.fixture(scope="module")
def place(small_synthetic, tmp_path_factory):
    """A folder with the features of a task, and of further images that are as near to every query as its own."""
    folder = tmp_path_factory.mktemp("place")
    dataset = harness.load().protocol("synthetic").load(small_synthetic)
    keys = list(dict.fromkeys([*dataset.split("query").paths, *dataset.split("gallery").paths]))
    values = np.random.default_rng(0).standard_normal((len(keys), 5))
    harness.write_features(folder / "f.h5", keys, values, dataset="synthetic", method="mine")
    for name, first in (("one", 0), ("two", 40)):
        further = [f"further/{number}.jpg" for number in range(first, first + 40)]
        harness.write_features(folder / f"{name}.h5", further, values[:40], dataset="other", method="mine")
    return folder


@pytest.fixture
def printed(small_synthetic, place):
    def done(*words, status=0):
        where = ["eval", place / "f.h5", "--protocol", TASK, "--data", small_synthetic]
        found = CliRunner().invoke(main, list(map(str, [*where, *words])))
        assert found.exit_code == status, found.output
        return found

    return done


def test_the_printed_result_says_how_many_and_is_not_official(printed, place):
    text = printed("--distractors", place / "one.h5", "--distractors", place / "two.h5").output

    assert "mine + 80 distractors" in text
    assert "80 distractor images were added to the gallery" in text


def test_python_gives_the_digits_of_the_command(printed, place, small_synthetic):
    shown = json.loads(printed("--distractors", place / "one.h5", "--json").stdout)[0]

    scores = harness.evaluate(place / "f.h5", TASK, data=small_synthetic, distractors=[place / "one.h5"])

    assert shown["measures"] == scores.mean
    assert shown["distractors"] == 40
    assert not shown["official"]
    assert scores.mean["ap"] < harness.evaluate(place / "f.h5", TASK, data=small_synthetic).mean["ap"]


def test_a_record_says_what_was_added_and_stands_beside_the_plain_one(printed, place, tmp_path):
    files = ["--distractors", place / "one.h5", "--distractors", place / "two.h5"]
    printed("--record", tmp_path)
    printed("--record", tmp_path, *files)
    printed("--record", tmp_path, *files[2:], *files[:2])

    records = [read_record(path) for path in sorted(tmp_path.glob("record-*.json"))]
    with_them, plain = sorted(records, key=lambda record: record.distractors is None)

    assert len(records) == 2
    assert with_them.distractors.count == 80
    assert len(with_them.distractors.features) == 2
    assert with_them.fingerprint != plain.fingerprint
    assert (with_them.plain, plain.plain, with_them.official) == (False, True, False)
    assert "distractors" not in plain.values
    assert with_them.run != plain.run


def test_other_features_of_the_same_images_have_the_same_fingerprint_and_a_record_of_their_own(
    printed, place, tmp_path
):
    keys = [f"further/{number}.jpg" for number in range(40)]
    other = harness.write_features(tmp_path / "o.h5", keys, np.ones((40, 5)), dataset="other", method="mine")
    for path in (place / "one.h5", other):
        printed("--record", tmp_path / "records", "--distractors", path)

    records = [read_record(path) for path in (tmp_path / "records").glob("record-*.json")]

    assert len({record.fingerprint for record in records}) == 1
    assert len({record.distractors.features for record in records}) == 2


def test_an_official_record_cannot_have_distractors(printed, place, tmp_path):
    printed("--record", tmp_path, "--distractors", place / "one.h5")
    (path,) = tmp_path.glob("record-*.json")
    values = {**read_record(path).values, "official": True, "differences": []}

    with pytest.raises(ValueError, match="no distractors"):
        Record.model_validate(values)


def test_distractors_can_be_reranked(printed, place):
    assert "+ re-ranking (20, 6, 0.3) + 40 distractors" in printed("--distractors", place / "one.h5", "--rerank").output


def test_the_tests_own_features_are_refused_in_one_message(printed, place):
    text = printed("--distractors", place / "f.h5", status=2).output

    assert text.count("bench: ") == 1
    assert "distractors are images of the test itself" in text


def test_one_path_in_python_is_refused(place, small_synthetic):
    with pytest.raises(UsageError, match="distractors are not a list"):
        harness.evaluate(place / "f.h5", TASK, data=small_synthetic, distractors=str(place / "one.h5"))


def test_folders_with_plain_results_and_results_with_distractors_are_compared_kind_by_kind(printed, place, tmp_path):
    for name in "ab":
        for words in ([], ["--distractors", place / "one.h5"]):
            printed("--record", tmp_path / name, *words, "--metric", "cosine" if name == "a" else "euclidean")

    done = CliRunner().invoke(main, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])

    assert done.exit_code == 0, done.output
    assert done.output.count(TASK) == 2
