import pytest

from tests.leaderboard.commands.listed import make_place


@pytest.fixture
def place(tmp_path):
    """A data set of lists alone, a plugin that reads it, random features, and an empty folder of filed records."""
    return make_place(tmp_path)
