"""The verb ``bench growth``: tables, JSON and pictures of curves, of smaller types, and of approximate indexes."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.errors import RecordError
from harness.features import FeatureFile
from harness.scoring.recording import evaluate_file
from harness.scoring.settings import ScoringSettings
from leaderboard.growth.command import growth
from leaderboard.record_files import RecordFile
from leaderboard.verification import check_fingerprint, question_of

TASK = "synthetic/image-to-image"
WITH_FAISS = pytest.mark.filterwarnings("ignore:builtin type Swig", "ignore:builtin type swig")


@pytest.fixture(scope="module")
def place(small_synthetic, tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    dataset = harness.load().protocol("synthetic").load(small_synthetic)
    tables = [dataset.split("query"), dataset.split("gallery")]
    vehicle = {path: number for table in tables for path, number in zip(table.paths, table.vehicle, strict=True)}
    rng = np.random.default_rng(0)
    values = 2.0 * np.eye(300)[list(vehicle.values())][:, :16] + rng.standard_normal((len(vehicle), 16))
    harness.write_features(folder / "f.h5", list(vehicle), values, dataset="synthetic", method="mine")
    further = [f"further/{number}.jpg" for number in range(400)]
    harness.write_features(folder / "d.h5", further, rng.standard_normal((400, 16)), dataset="other", method="mine")
    return folder


@pytest.fixture
def bench(small_synthetic, place):
    def done(verb, *words, status=0, features="f.h5", task=TASK):
        where = [verb, place / features, "--protocol", task, "--data", small_synthetic]
        found = CliRunner().invoke(growth, list(map(str, [*where, *words])))
        if status:
            assert found.exception is not None, found.output
            return str(found.exception)
        assert found.exit_code == 0, found.output or found.exception
        return found.stdout

    return done


def test_a_curve_is_a_table_with_intervals_json_and_a_picture(bench, place, tmp_path):
    words = ["curve", "--distractors", place / "d.h5", "--sizes", "20,all", "--repeats", "3"]
    text = bench(*words, "--picture", tmp_path / "curve.svg")
    (curve,) = json.loads(bench(*words, "--json"))

    rows = [line.split("|")[1:4] for line in text.splitlines() if line.startswith("|")]
    assert [row[0].strip() for row in rows] == ["distractors", "--------------:", "0", "20", "400"]
    assert " to " in rows[3][2]
    assert " to " not in rows[4][2]
    assert [point["size"] for point in curve["points"]] == [0, 20, 400]
    assert len(curve["points"][1]["measures"]["ap"]["repeats"]) == 3
    assert curve["points"][2]["measures"]["ap"]["interval"] is None
    picture = (tmp_path / "curve.svg").read_text()
    assert picture.count("<polyline") == 5
    assert ">mAP<" in picture
    assert ">521<" in picture.replace(",", "")


def test_an_existing_picture_is_kept_and_several_tasks_have_none(bench, place, tmp_path):
    (tmp_path / "old.svg").write_text("old")

    assert "exists" in bench("curve", "--sizes", "9", "--picture", tmp_path / "old.svg", status=2)
    assert "one task" in bench("curve", "--picture", tmp_path / "new.svg", status=2, task="synthetic")
    assert (tmp_path / "old.svg").read_text() == "old"
    assert not (tmp_path / "new.svg").exists()


def test_smaller_types_have_the_digits_of_their_files_and_paired_differences(bench, place, tmp_path, small_synthetic):
    from harness.features.changing import quantise

    (found,) = json.loads(bench("bytes", "--json"))
    text = bench("bytes")

    assert [(row["stored_as"], row["bytes_an_image"]) for row in found["rows"]] == [
        ("float32", 64),
        ("float16", 32),
        ("int8", 16),
        ("binary", 2),
    ]
    for row in found["rows"][1:]:
        with FeatureFile.open(place / "f.h5") as file:
            quantise(file, row["stored_as"], tmp_path / "small.h5")
        assert row["measures"] == harness.evaluate(tmp_path / "small.h5", TASK, data=small_synthetic).mean
        change = row["differences"]["ap"]
        assert change["difference"] == pytest.approx(row["measures"]["ap"] - found["rows"][0]["measures"]["ap"])
        assert change["interval"][0] <= change["difference"] <= change["interval"][1]
    assert "mAP, difference" in text
    assert "| float32" in text


def test_a_type_that_cannot_hold_the_features_is_left_out_with_its_reason(bench, place, small_synthetic):
    with FeatureFile.open(place / "f.h5") as file:
        keys, values = file.keys, np.abs(file.read()) + 1
    harness.write_features(place / "positive.h5", keys, values, dataset="synthetic", method="mine")

    (found,) = json.loads(bench("bytes", "--json", features="positive.h5"))

    assert [row["stored_as"] for row in found["rows"]] == ["float32", "float16", "int8"]
    assert "binary is left out: every bit of the file would be equal" in found["notes"][0]


def test_features_that_are_small_already_are_refused(bench, place):
    from harness.features.changing import quantise

    with FeatureFile.open(place / "f.h5") as file:
        quantise(file, "int8", place / "int8.h5")

    assert "the features are int8 already" in bench("bytes", status=2, features="int8.h5")


@pytest.mark.parametrize("words", [("--pq", "x"), ("--pq", "0"), ("--pq", "8,,4"), ("--pq", "9" * 30)])
def test_what_is_no_size_of_a_code_is_refused(bench, words):
    assert "no whole numbers from 1" in bench("bytes", *words, status=2)


def test_without_faiss_the_extra_is_named(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)

    for message in (bench("bytes", "--pq", "4", status=2), bench("index", status=2)):
        assert "faiss" in message
        assert "vehicle-reid-bench[faiss]" in message


@WITH_FAISS
def test_codes_need_a_divisor_of_the_width_and_enough_images(bench):
    pytest.importorskip("faiss", reason="faiss-cpu is an extra")

    assert "a divisor of 16" in bench("bytes", "--pq", "5", status=2)
    assert "too few images to learn product codes" in bench("bytes", "--pq", "4", status=2)


@WITH_FAISS
def test_codes_are_learned_from_other_images_of_the_same_model(bench, place):
    pytest.importorskip("faiss", reason="faiss-cpu is an extra")

    (found,) = json.loads(bench("bytes", "--pq", "4,16", "--learn-from", place / "d.h5", "--json"))

    assert [(row["stored_as"], row["bytes_an_image"]) for row in found["rows"][-2:]] == [("PQ 4", 4), ("PQ 16", 16)]
    assert found["rows"][-2]["differences"]["ap"]["difference"] != 0
    assert not any("learned from the gallery itself" in note for note in found["notes"])
    assert "images of the test itself" in bench("bytes", "--pq", "4", "--learn-from", place / "f.h5", status=2)


@WITH_FAISS
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_as_many_codes_as_images_stand_for_the_images_themselves(metric):
    pytest.importorskip("faiss", reason="faiss-cpu is an extra")
    from leaderboard.growth.codes import CodedRows, ready

    table = np.random.default_rng(0).standard_normal((256, 8)).astype(np.float32)
    coded = CodedRows(table, 8, metric, table)

    assert coded.codes.shape == (256, 8)
    assert np.allclose(coded[10:200], ready(table, metric)[10:200], atol=0.05)
    assert coded[5:5].shape == (0, 8)


@WITH_FAISS
def test_the_sample_to_learn_from_is_at_equal_distances(monkeypatch):
    from leaderboard.growth import codes

    monkeypatch.setattr(codes, "TRAINED_ON", 30)
    monkeypatch.setattr(codes, "READ", 7)
    table = np.arange(100, dtype=np.float32)[:, np.newaxis]

    assert codes.sample(table, "euclidean")[:, 0].tolist() == list(range(0, 100, 4))


@WITH_FAISS
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_an_index_that_compares_everything_finds_everything(bench, metric):
    pytest.importorskip("faiss", reason="faiss-cpu is an extra")

    (found,) = json.loads(bench("index", "--json", "--k", "1,10", "--metric", metric))
    text = bench("index", "--k", "10", "--kind", "ivf")

    by_effort = {(row["index"].split()[0], row["search"]): row for row in found["rows"]}
    assert by_effort["IVF", "nprobe 30"]["recall"] == {"1": 1.0, "10": 1.0}
    assert by_effort["IVF", "nprobe 1"]["recall"]["10"] < 1
    assert by_effort["IVF", "nprobe 1"]["compared"] < by_effort["IVF", "nprobe 30"]["compared"]
    assert by_effort["HNSW", "efSearch 256"]["recall"]["10"] == 1.0
    assert "recall@10" in text
    assert "HNSW" not in text


@WITH_FAISS
def test_recall_is_that_of_a_literal_count_with_ties():
    pytest.importorskip("faiss", reason="faiss-cpu is an extra")
    from harness.kernel.settings import Settings
    from leaderboard.growth.index import recalls_of

    rng = np.random.default_rng(1)
    queries, gallery = (rng.integers(-2, 3, (count, 4)).astype(np.float32) for count in (20, 300))
    distances = np.square(queries[:, np.newaxis] - gallery).sum(axis=2)
    found = list(recalls_of(queries, gallery, [1, 20], ["ivf"], Settings("euclidean")))

    assert found[-1].recall == {1: 1.0, 20: 1.0}  # all cells: any of the ties at the last place is right
    assert found[0].recall[20] < 1
    assert (np.sort(distances, axis=1)[:, 19] == np.sort(distances, axis=1)[:, 20]).any()


@WITH_FAISS
def test_a_list_longer_than_the_gallery_is_refused(bench):
    pytest.importorskip("faiss", reason="faiss-cpu is an extra")

    assert "longer than the gallery" in bench("index", "--k", "5000", status=2)


def test_a_result_with_distractors_cannot_be_verified_as_one_of_the_task(place, small_synthetic):
    registry = harness.load()
    settings = ScoringSettings(distractor_files=(place / "d.h5",))
    (record,) = evaluate_file(place / "f.h5", TASK, settings, registry=registry, data=small_synthetic)
    file = RecordFile(record, place / "record.json")

    with pytest.raises(RecordError, match="not of the task's own gallery") as raised:
        check_fingerprint(file, question_of(file, registry, small_synthetic))

    assert raised.value.found == "400 distractors"
