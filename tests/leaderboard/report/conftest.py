from pathlib import Path

import pytest

from tests.leaderboard.pages.test_browser import browser  # noqa: F401 - the fixture, for the browser's tests
from tests.leaderboard.report.places import bench_report, make_place


@pytest.fixture
def place(tmp_path) -> Path:
    """A data set, a plugin that reads it, and a run with records of all its tasks."""
    return make_place(tmp_path / "place")


@pytest.fixture(scope="session")
def reported(tmp_path_factory) -> Path:
    """A place with a report of images in ``out``, of tracks in ``tracks`` and of the second draw in ``drawn``."""
    folder = make_place(tmp_path_factory.mktemp("reported") / "place")
    for task, out, words in (("images", "out", ()), ("tracks", "tracks", ()), ("drawn", "drawn", ("--draw", 2))):
        done = bench_report(folder, "run", "--task", f"listed/{task}", *words, out=out)
        assert done.exit_code == 0, (done.output, done.exception)
    return folder
