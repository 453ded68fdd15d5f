"""Further measures of a record on the leaderboard: shown if they are there, never believed without their values."""

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import RecordError
from harness.scoring.per_query import read_per_query, write_per_query
from harness.scoring.record import FurtherMeasure, Record, read_record, write_record
from leaderboard import frames, record_files
from leaderboard.boards import build_boards
from leaderboard.record_files import RecordFile, collect
from leaderboard.verification import check_values
from tests.records import record, write_result


def with_further(folder, seed, value=None):
    """Write a result with the further measure ``mrr``, whose mean is stated as ``value``."""
    path = write_result(folder, "mine", np.linspace(0, 1, 12), seed=seed)
    one = read_record(path)
    table = read_per_query(folder / one.per_query.name)
    table = replace(table, values={**table.values, "mrr": np.full(12, 0.25)})
    about = one.per_query.model_copy(update={"digest": write_per_query(folder / one.per_query.name, table)})
    further = {"mrr": FurtherMeasure(value=0.25 if value is None else value)}
    write_record(path, one.model_copy(update={"per_query": about, "further": further}))
    return path


def test_seeds_of_which_one_has_a_further_measure_are_one_row(tmp_path, monkeypatch):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    with_further(tmp_path / "a", seed=0)
    write_result(tmp_path / "b", "mine", np.linspace(0, 1, 12), seed=1)

    (board,) = build_boards(collect([], [tmp_path]))

    assert [len(row.records) for row in board.rows] == [2]
    assert frames.results(tmp_path)["mrr"].tolist()[0] == 0.25
    assert np.isnan(frames.results(tmp_path)["mrr"].tolist()[1])


def test_a_further_mean_that_the_values_do_not_give_is_refused(tmp_path):
    good, forged = with_further(tmp_path / "good", 0), with_further(tmp_path / "forged", 0, value=0.9)

    assert check_values(RecordFile(read_record(good), good))
    with pytest.raises(RecordError, match="the mean of mrr differs"):
        check_values(RecordFile(read_record(forged), forged))


def test_a_further_measure_without_values_is_refused(tmp_path):
    path = write_result(tmp_path, "mine", np.linspace(0, 1, 12))
    write_record(path, read_record(path).model_copy(update={"further": {"ghost": FurtherMeasure(value=0.5)}}))

    with pytest.raises(RecordError, match="no per-query values of 'ghost'"):
        check_values(RecordFile(read_record(path), path))
    assert frames.results(tmp_path)["ghost"].tolist() == [0.5]


def test_a_further_measure_cannot_be_one_of_the_tasks_own():
    content = json.loads(record().model_dump_json()) | {"further": {"ap": {"value": 1.0}}}

    with pytest.raises(ValueError, match="one of the task's own"):
        Record.model_validate_json(json.dumps(content))


def test_two_records_of_one_run_may_differ_in_having_a_further_measure_and_not_in_its_value(tmp_path, caplog):
    with_further(tmp_path / "a", 0)
    write_result(tmp_path / "b", "mine", np.linspace(0, 1, 12))
    assert len(collect([], [tmp_path])) == 1

    with_further(tmp_path / "b", 0, value=0.5)
    assert [file.path.parent.name for file in collect([], [tmp_path])] == ["a"]
    assert "contradict each other" in caplog.text
