"""A result of a finished matrix stands on a board as such: marked, without a rank, confirmed by no features."""

import numpy as np
import pytest

from harness.errors import RecordError
from harness.scoring.record import read_record
from leaderboard.boards import build_boards
from leaderboard.pages.markdown import markdown_pages
from leaderboard.pages.task_pages import build_task_pages
from leaderboard.record_files import RecordFile
from leaderboard.verification import Question, rescore
from tests.records import write_result, write_seeds

GIVEN = "given distances"


def test_it_stands_below_the_methods_without_a_rank(tmp_path):
    values = np.random.default_rng(0).beta(2, 2, 90)
    paths = [
        *write_seeds(tmp_path / "a", "mine", values),
        *write_seeds(tmp_path / "b", "mine", values * 0 + 1, metric=GIVEN),
    ]
    files = [RecordFile(read_record(path), path) for path in paths]
    [board] = build_boards(files)

    assert [row.shown_name for row in board.rows] == ["mine", f"mine + {GIVEN}"]
    assert [row.competes for row in board.rows] == [True, False]
    pages = build_task_pages([board], [])
    assert "Ranked by given distances, a finished matrix" in "".join(markdown_pages(pages, []).values())


def test_no_features_can_confirm_it(tmp_path):
    path = write_result(tmp_path, "mine", [0.5, 0.25, 1.0], metric=GIVEN)
    file = RecordFile(read_record(path), path)

    with pytest.raises(RecordError, match="no features can confirm it") as caught:
        rescore(file, tmp_path / "f.h5", Question(registry=None, protocol=None, task=None, dataset=None))
    assert "bench features import" in str(caught.value.next_step)
