"""Results after a chain of steps, from the features to a filed record, a board and a comparison."""

import csv
import io
import json

import numpy as np
import pytest

from harness.errors import RecordError
from harness.scoring.record import read_record, write_record
from harness.steps.stated import StatedChain, StepUse
from leaderboard import record_files
from leaderboard.boards import build_boards
from leaderboard.named import refuse_ambiguous
from leaderboard.pages.exports import as_csv, measured_rows
from leaderboard.record_files import collect
from tests.leaderboard.commands.listed import evaluate, filed, make_place, record_of, submit, verify
from tests.leaderboard.commands.test_compare import bench as compare
from tests.records import write_result

CHAIN = ["qe:k=3", "rerank:k1=4,k2=2"]
MARK = "qe (k=3) + re-ranking (4, 2, 0.3)"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "records")
    return make_place(tmp_path)


def chained(place):
    """Evaluate the features once more, after the chain, and return the record's path."""
    before = set((place / "run").glob("record-*.json"))
    evaluate(place, "listed/image-to-image", post=CHAIN)
    (path,) = set((place / "run").glob("record-*.json")) - before
    return path


def test_a_chained_record_is_filed_beside_the_plain_one_and_scored_again(place):
    for path in [record_of(place), chained(place)]:
        done = submit(place, path, "--features", place / "run" / "features.h5")
        assert done.exit_code == 0, done.output

    assert len(filed(place)) == 2
    rows = json.loads(verify(place, "--runs", place / "run", "--json").output)
    assert sorted((row["method"], row["result"]) for row in rows) == [
        ("mine", "re-scored"),
        (f"mine + {MARK}", "re-scored"),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"post": [], "rerank": {"k1": 4, "k2": 2, "lambda": 0.3}, "chosen": ""}, "the record is wrong"),
        ({"post": [{"step": "sharpen", "options": {}}]}, "the post-processing of the record cannot be repeated here"),
        ({"post": [{"step": "dba", "options": {"k": 3, "by": 1}}]}, "cannot be repeated here"),
        ({"post": [{"step": "qe", "options": {"k": 5}}]}, "the record is wrong: the post-processing differs"),
    ],
)
def test_a_record_with_another_chain_does_not_survive_its_features(place, changes, message):
    path = chained(place)
    record = read_record(path)
    write_record(path, type(record).model_validate({**record.values, **changes}))

    done = submit(place, path, "--features", place / "run" / "features.h5")

    assert done.exit_code == 2
    assert message in done.output
    assert not filed(place)


def fields(*uses, chosen="test"):
    stated = StatedChain(tuple(StepUse.of(step, options) for step, options in uses), chosen)
    return {"post": stated.values, "chosen": chosen}


QE = fields(("qe", {"k": 3}))


@pytest.fixture
def runs(tmp_path):
    values = np.random.default_rng(0).random(30)
    for seed in range(3):
        for name, shift in (("one", 0.0), ("two", 0.1)):
            own = np.clip(values + shift + seed / 100, 0, 1)
            write_result(tmp_path / f"{name}-{seed}" / "plain", name, own, seed=seed)
            write_result(tmp_path / f"{name}-{seed}" / "qe", name, np.clip(own + 0.2, 0, 1), seed=seed, **QE)
    return tmp_path


def test_a_chained_result_has_a_row_without_rank_and_mark_below_the_methods(runs):
    (board,) = build_boards(collect([], [runs]))

    assert [row.shown_name for row in board.rows] == ["two", "one", "two + qe (k=3)", "one + qe (k=3)"]
    assert [row.ranks is None for row in board.rows] == [False, False, True, True]
    assert [{value.mark for value in row.values.values()} == {""} for row in board.rows[2:]] == [True, True]
    rows = measured_rows([board])
    assert [row.get("post") for row in rows] == [None, None, QE["post"], QE["post"]]
    lines = list(csv.DictReader(io.StringIO(as_csv([board], []))))
    assert {(line["rerank"], line["post"], line["chosen"]) for line in lines} == {
        ("", "", ""),
        ("", "qe (k=3)", "test"),
    }


def test_folders_are_compared_chain_by_chain_and_chains_by_name(runs):
    found = json.loads(compare(runs / "one-0", runs / "two-0", "--json").output)
    both = compare(runs / "one-0" / "plain", runs / "one-0" / "qe")

    sides = [(one["comparisons"][0]["a"], one["comparisons"][0]["b"]) for one in found]
    assert sides == [("one", "two"), ("one + qe (k=3)", "two + qe (k=3)")]
    assert "B: one + qe (k=3)" in both.output
    seeds = compare(runs, "--over-seeds")
    assert "one + qe (k=3) (3 seeds)" in seeds.output


def test_a_name_means_one_result_of_each_chain(runs):
    found = collect([], [runs / "one-0"])
    refuse_ambiguous("one", found)

    with pytest.raises(RecordError, match="'one' is the name of 2 results"):
        refuse_ambiguous("one", [*found, found[0]])
