import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import RecordError
from harness.scoring.per_query import read_per_query
from harness.scoring.record import read_record, write_record
from harness.tasks.reranking import Reranking
from leaderboard import frames, record_files
from leaderboard.boards import build_boards
from leaderboard.record_files import collect
from leaderboard.statistics.intervals import over_vehicles
from leaderboard.statistics.vehicles import by_vehicle
from tests.records import record, write_result


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three runs of two methods with per-query values, one of them re-ranked; nothing is shipped."""
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    values = np.random.default_rng(0).beta(2, 2, 60)
    about = {"parameters": 1234, "train_on": "synthetic"}
    write_result(tmp_path / "runs" / "b", "mine", values, seed=1, **about)
    write_result(tmp_path / "runs" / "a", "mine", np.clip(values + 0.1, 0, 1), seed=0, **about)
    write_result(tmp_path / "runs" / "c", "mine", np.clip(values + 0.2, 0, 1), seed=0, rerank=Reranking(), **about)
    return tmp_path / "runs"


@pytest.fixture
def pages_rows(folder):
    """The rows that the page is made of."""
    return [row for board in build_boards(collect([], [folder])) for row in board.rows]


WORDS = {
    "protocol",
    "task",
    "convention",
    "fingerprint",
    "method",
    "variant",
    "changes",
    "recipe",
    "rerank",
    "metric",
} | {"post", "chosen"}
NUMBERS = {"seed", "width", "parameters", "input_height", "input_width", "queries", "ignored_queries", "ties", "draws"}
MEASURES = ["ap", "cmc@1", "cmc@5"]


def test_every_column_of_the_results_has_its_type(folder):
    types = frames.results(folder).dtypes.astype(str).to_dict()

    assert {name for name, kind in types.items() if kind == "string"} == {*WORDS, "run", "path", "train_on"}
    assert {name for name, kind in types.items() if kind == "Int64"} == NUMBERS
    assert {name for name, kind in types.items() if kind == "bool"} == {"official", "control"}
    ends = ("", "_low", "_high", "_deviation")
    assert [name for name in types if types[name] == "float64"] == [word + end for word in MEASURES for end in ends]


def test_a_row_of_the_results_holds_every_digit_of_its_record(folder):
    for row in frames.results(folder).to_dict("records"):
        one = read_record(row["path"])
        same = (
            "protocol",
            "task",
            "fingerprint",
            "official",
            "method",
            "variant",
            "recipe",
            "seed",
            "width",
            "queries",
        )
        assert {name: row[name] for name in same} == {name: getattr(one, name) for name in same}
        assert {word: row[word] for word in MEASURES} == one.measures
        assert (row["input_height"], row["input_width"]) == one.input_size
        assert (row["parameters"], row["train_on"], row["run"]) == (1234, "synthetic", one.run)
        assert row["rerank"] == row["post"] == str(one.rerank or "")
        assert row["chosen"] == ("paper" if one.rerank else "")
        values = read_per_query(Path(row["path"]).parent / one.per_query.name)
        for word in MEASURES:
            interval = over_vehicles(by_vehicle(values.values[word], values.vehicle))
            assert (row[f"{word}_low"], row[f"{word}_high"]) == (interval.low, interval.high)
            assert np.isnan(row[f"{word}_deviation"])


def test_results_are_sorted_by_their_content_and_a_run_found_twice_is_one_row(folder):
    table = frames.results(folder, folder)

    assert list(zip(table["seed"], table["rerank"], strict=True)) == [
        (0, ""), (1, ""), (0, "re-ranking (20, 6, 0.3)"),
    ]  # fmt: skip
    pd.testing.assert_frame_equal(table, frames.results(folder))


def test_missing_numbers_are_na_and_missing_words_empty(tmp_path):
    draws = {"draws": 2, "measures": {"ap": 0.5}, "per_draw": {"ap": (0.4, 0.6)}, "deviations": {"ap": 0.1}}
    write_record(tmp_path / "record-a.json", record(seed=None, input_size=None, **draws))
    write_record(tmp_path / "record-b.json", record(convention="trapezoid-ap", official=False, seed=2**60 + 1))

    table = frames.results(tmp_path)
    drawn, other = table.to_dict("records")

    assert table.loc[0, ["seed", "input_height", "input_width", "parameters"]].isna().all()
    assert (drawn["convention"], drawn["train_on"], drawn["rerank"]) == ("", "", "")
    assert (drawn["draws"], drawn["ap_deviation"]) == (2, 0.1)
    assert np.isnan([drawn["cmc@1"], drawn["ap_low"], drawn["ap_high"]]).all()
    assert (other["convention"], other["official"], other["seed"]) == ("trapezoid-ap", False, 2**60 + 1)


def test_a_record_whose_values_are_not_there_has_no_interval(folder):
    for path in folder.rglob("*.csv.gz"):
        path.unlink()

    table = frames.results(folder)

    assert table["ap"].notna().all()
    assert table["ap_low"].isna().all()


def test_an_empty_folder_gives_the_columns_and_no_row(folder, tmp_path):
    (tmp_path / "empty").mkdir()

    for make in (frames.results, frames.leaderboard):
        empty, full = make(tmp_path / "empty"), make(folder)
        assert len(empty) == 0
        assert empty.dtypes.to_dict().items() <= full.dtypes.to_dict().items()


def test_a_missing_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(RecordError, match="folder of records is missing") as caught:
        frames.results()
    assert str(caught.value.where) == "runs"
    with pytest.raises(RecordError, match="folder of records is missing"):
        frames.leaderboard("nowhere")


def test_every_column_of_the_leaderboard_has_its_type(folder):
    types = frames.leaderboard(folder).dtypes.astype(str).to_dict()

    assert types["method"] == types["task"] == types["fingerprint"] == types["recipe"] == "string"
    assert types["best_rank"] == types["worst_rank"] == types["runs"] == types["input_height"] == "Int64"
    assert types["official"] == types["control"] == "bool"
    ends = ("", "_low", "_high", "_deviation")
    assert [name for name in types if types[name] == "float64"] == [word + end for word in MEASURES for end in ends]


def test_the_leaderboard_has_the_rows_of_the_page_in_its_order(folder, pages_rows):
    table = frames.leaderboard(folder)

    assert table["method"].tolist() == ["mine", "mine + re-ranking (20, 6, 0.3)"]
    assert table["runs"].tolist() == [2, 1]
    assert table["best_rank"].isna().all()
    for row, shown in zip(table.to_dict("records"), pages_rows, strict=True):
        for word, value in shown.values.items():
            assert row[word] == value.mean
            assert (row[f"{word}_low"], row[f"{word}_high"]) == (value.interval.low, value.interval.high)


def test_the_shipped_records_are_on_the_leaderboard():
    table = frames.leaderboard()
    rows = json.loads(CliRunner().invoke(main, ["leaderboard", "--json"]).output)

    assert len(table) == len(rows) > 50
    assert table["ap"].tolist() == [row["measures"]["ap"] for row in rows]
    known = table[["best_rank", "worst_rank"]].dropna().to_numpy(dtype=int).tolist()
    assert known == [row["ranks"] for row in rows if row["ranks"]] != []


def test_two_runs_give_a_row_for_each_of_their_tasks(small_synthetic, tmp_path):
    for method in ("oracle", "random"):
        words = ["run", "--method", method, "--protocol", "synthetic", "--data", small_synthetic, "--runs", tmp_path]
        done = CliRunner().invoke(main, list(map(str, words)))
        assert done.exit_code == 0, done.output

    table = frames.results(tmp_path)

    assert table[["task", "method"]].to_numpy().tolist() == [
        [task, method] for task in ("image-to-image", "image-to-track") for method in ("oracle", "random")
    ]
    assert table.loc[table["method"] == "oracle", "ap"].tolist() == [1.0, 1.0]
    assert (table["ap_low"] < table["ap_high"]).all()
    assert not table["official"].any()
    assert table["control"].all()


def test_pandas_is_imported_only_when_a_table_is_made():
    code = "import sys, leaderboard.frames\nassert 'pandas' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603

    assert done.returncode == 0, done.stderr
