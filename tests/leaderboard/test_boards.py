import numpy as np
import pytest

from harness.scoring.record import read_record
from harness.tasks.reranking import Reranking
from leaderboard.boards import build_boards
from leaderboard.record_files import RecordFile
from leaderboard.statistics.intervals import over_vehicles
from leaderboard.statistics.vehicles import by_vehicle
from tests.records import write_result


@pytest.fixture
def values():
    return np.random.default_rng(0).beta(2, 2, 90)


def board_of(*paths):
    [board] = build_boards(RecordFile(read_record(path), path) for path in paths)
    return board


def test_methods_that_cannot_be_told_apart_share_a_rank(tmp_path, values):
    noise = np.random.default_rng(1).normal(0, 0.02, 90)
    board = board_of(
        write_result(tmp_path / "a", "best", np.clip(values + 0.3, 0, 1)),
        write_result(tmp_path / "b", "middle", values),
        write_result(tmp_path / "c", "same", np.clip(values + noise, 0, 1)),
        write_result(tmp_path / "d", "worst", np.clip(values - 0.3, 0, 1)),
    )

    assert {row.record.method: row.rank for row in board.rows} == {"best": 1, "middle": 2, "same": 2, "worst": 4}


def test_a_control_has_an_interval_but_no_rank_and_stands_last(tmp_path, values):
    board = board_of(
        write_result(tmp_path / "a", "oracle", np.ones(90), control=True), write_result(tmp_path / "b", "mine", values)
    )

    assert [(row.record.method, row.rank) for row in board.rows] == [("mine", 1), ("oracle", None)]
    assert board.rows[1].values["ap"].vehicles is not None


def test_the_interval_of_a_row_is_that_over_its_vehicles(tmp_path, values):
    row = board_of(write_result(tmp_path, "mine", values)).rows[0]

    assert row.values["ap"].vehicles == over_vehicles(by_vehicle(values, np.arange(90) // 3))
    assert row.values["ap"].seeds is None
    assert row.values["ap"].draws is None


def test_runs_of_one_method_are_one_row_with_their_mean(tmp_path, values):
    runs = [np.clip(values + shift, 0, 1) for shift in (-0.01, 0.0, 0.02)]
    paths = [
        write_result(tmp_path / str(seed), "mine", run, seed=seed, train_on="synthetic", checkpoint=f"{seed}" * 64)
        for seed, run in enumerate(runs)
    ]

    row = board_of(*paths).rows[0]

    assert [record.seed for record in row.records] == [0, 1, 2]
    assert row.values["ap"].mean == pytest.approx(np.mean(runs))
    assert row.values["ap"].seeds.low < row.values["ap"].mean < row.values["ap"].seeds.high
    assert row.values["ap"].vehicles == over_vehicles(by_vehicle(np.sum(runs, axis=0) / 3, np.arange(90) // 3))


def test_other_options_or_a_code_that_moves_the_features_are_another_row(tmp_path, values):
    board = board_of(
        write_result(tmp_path / "a", "mine", values, options={"epochs": 1}),
        write_result(tmp_path / "b", "mine", values, options={"epochs": 2}),
        write_result(tmp_path / "c", "mine", values, options={"epochs": 1}, code="0" * 64, features="1" * 64),
    )

    assert len(board.rows) == 3


def test_the_board_does_not_depend_on_the_order_in_which_records_are_found(tmp_path, values):
    paths = [write_result(tmp_path / str(number), f"m{number}", np.roll(values, number), seed=0) for number in range(4)]

    assert board_of(*paths) == board_of(*reversed(paths))


def test_a_re_ranked_result_is_a_row_of_its_own_that_moves_no_other(tmp_path, values):
    plain = [
        write_result(tmp_path / "a", "mine", values, seed=0),
        write_result(tmp_path / "b", "mine", np.clip(values + 0.01, 0, 1), seed=1),
        write_result(tmp_path / "c", "worse", np.clip(values - 0.3, 0, 1)),
    ]
    control = write_result(tmp_path / "d", "oracle", np.ones(90), control=True)
    again = [
        write_result(tmp_path / name, "mine", np.clip(values + 0.3, 0, 1), seed=seed, rerank=numbers)
        for name, seed, numbers in (("e", 0, Reranking()), ("f", 1, Reranking()), ("g", 0, Reranking(k1=9)))
    ]

    board = board_of(*plain, *again, control)

    marked = ["mine + re-ranking (20, 6, 0.3)", "mine + re-ranking (9, 6, 0.3)"]
    names = [row.record.method_name for row in board.rows]
    assert names[:2] + names[4:] == ["mine", "worse", "oracle"]
    assert sorted(names[2:4]) == marked
    assert [len(row.records) for row in board.rows[:2]] == [2, 1]
    assert {row.record.method_name: len(row.records) for row in board.rows[2:4]} == {marked[0]: 2, marked[1]: 1}
    assert all(row.rank is None and not row.values["ap"].mark for row in board.rows[2:])
    assert board.rows[:2] == board_of(*plain, control).rows[:2]
    assert board.rows[0].values["ap"].mark == "best"
