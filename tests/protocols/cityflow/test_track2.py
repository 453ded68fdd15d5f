import json

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.features import write_features
from protocols.cityflow import PUBLIC, CityFlow, track2
from tests.protocols.trees import write_cityflow
from tests.reference import measure


@pytest.fixture
def data(tmp_path):
    return write_cityflow(tmp_path / "data")


@pytest.fixture
def features(tmp_path, data):
    dataset = CityFlow().load(data)
    splits = ("public-gallery", "test-query", "test-gallery")
    keys = [path for split in splits for path in dataset.splits[split].paths]
    values = np.random.default_rng(3).normal(size=(len(keys), 6)).astype(np.float32)
    return write_features(tmp_path / "f.h5", keys, values, dataset="cityflow", method="m", dtype="float32")


def bench(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_line_has_the_nearest_test_images_of_a_query_from_1(features, data, tmp_path):
    done = bench("track2", "write", features, "--data", data, "--out", tmp_path / "track2.txt", "--json")
    lines = (tmp_path / "track2.txt").read_text().splitlines()

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["queries"] == len(lines) == 3
    with track2.FeatureFile.open(features) as file:
        dataset = CityFlow().load(data)
        query, gallery = (dataset.splits[f"test-{side}"].paths for side in ("query", "gallery"))
        q, g = (np.array(file.rows(paths)[:], dtype=float) for paths in (query, gallery))
    cosine = (q / np.linalg.norm(q, axis=1)[:, None]) @ (g / np.linalg.norm(g, axis=1)[:, None]).T
    assert [list(map(int, line.split())) for line in lines] == (np.argsort(-cosine, axis=1) + 1).tolist()


def test_answers_where_labels_are_public_get_the_number_of_the_lists(features, data, tmp_path):
    words = ["--task", "public", "--data", data]
    assert bench("track2", "write", features, *words, "--out", tmp_path / "t.txt").exit_code == 0
    done = bench("track2", "score", tmp_path / "t.txt", *words, "--json")
    # Whole rankings, so that the number is that of the same features under the protocol's own rule.
    said = bench("eval", features, "--protocol", "cityflow/public", "--data", data, "--json")

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["ap_top@100"] == pytest.approx(
        json.loads(said.stdout)[0]["measures"]["ap"], abs=1e-12
    )


@pytest.mark.parametrize("length", [1, 3, 100])
def test_a_list_that_ends_early_is_divided_by_all_right_images_that_would_fit(data, monkeypatch, length):
    monkeypatch.setattr(track2, "LENGTH", length)
    dataset = CityFlow().load(data)
    chance = np.random.default_rng(length)
    answers = [chance.permutation(8)[:length] for _ in range(4)]
    values = track2.score_track2(answers, PUBLIC, dataset)
    query, gallery = dataset.splits["public-query"], dataset.splits["public-gallery"]
    for row, units in enumerate(answers):
        same = gallery.vehicle == query.vehicle[row]
        own = same & (gallery.camera == query.camera[row])
        rest = np.setdiff1d(np.arange(8), units)
        marks = [int(same[unit]) for unit in [*units, *rest] if not own[unit]]
        within = len([unit for unit in units if not own[unit]])
        whole = measure(f"ap_top@{max(within, 1)}", marks) * min(2, max(within, 1)) if within else 0.0
        assert values[row] == pytest.approx(whole / min(2, length), abs=1e-12)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 2 x", "is not like"),
        ("1 1", "names an image twice"),
        ("0 1", "names an image outside of 1 to 8"),
        ("9", "names an image outside of 1 to 8"),
        (" ".join(["1"] * 101), "101 images, where at most 100 are asked for"),
    ],
)
def test_a_line_that_cannot_be_an_answer_is_named(data, tmp_path, line, said):
    (tmp_path / "t.txt").write_text(f"1 2\n{line}\n3\n4\n")
    done = bench("track2", "score", tmp_path / "t.txt", "--task", "public", "--data", data)

    assert done.exit_code == 2
    assert "t.txt:2: " in done.output
    assert said in done.output


def test_blank_lines_are_passed_over_and_counted_in_messages(data, tmp_path):
    (tmp_path / "t.txt").write_text("1 2\n\nx\n3\n4\n")
    done = bench("track2", "score", tmp_path / "t.txt", "--task", "public", "--data", data)

    assert "t.txt:3: 'x'" in done.output


def test_a_missing_file_of_answers_is_not_sought_in_the_release(data, tmp_path):
    done = bench("track2", "score", tmp_path / "none.txt", "--task", "public", "--data", data)

    assert done.exit_code == 2
    assert "the file of answers is missing" in done.output
    assert "release" not in done.output


def test_who_runs_the_withheld_test_is_told_to_extract(features, data):
    # 'bench run' ends with this error, so that it cannot be what to do next.
    done = bench("eval", features, "--protocol", "cityflow/test", "--data", data)

    assert done.exit_code == 2
    assert "'bench extract --protocol cityflow/test'" in done.output


def test_another_number_of_lines_and_a_withheld_task_are_refused(data, tmp_path):
    (tmp_path / "t.txt").write_text("1 2\n")
    few = bench("track2", "score", tmp_path / "t.txt", "--task", "public", "--data", data)
    secret = bench("track2", "score", tmp_path / "t.txt", "--task", "test", "--data", data)

    assert (few.exit_code, secret.exit_code) == (2, 2)
    assert "the file does not answer the task's queries" in few.output
    assert "withheld" in secret.output


def test_an_existing_file_is_replaced_only_with_force(features, data, tmp_path):
    (tmp_path / "t.txt").write_text("mine")
    words = ["track2", "write", features, "--data", data, "--out", tmp_path / "t.txt"]
    refused = bench(*words)

    assert refused.exit_code == 2
    assert (tmp_path / "t.txt").read_text() == "mine"
    assert bench(*words, "--force").exit_code == 0
