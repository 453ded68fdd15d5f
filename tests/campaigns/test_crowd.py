"""A short form of the campaign that lets many processes work on one thing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "crowds",
    [
        ("eight evaluations with other measures", "leaderboard beside submit", "four writers of one feature file"),
        ("two runs of one identity", "eight drawings into one cache", "four resumable writers of one feature file"),
    ],
)
def test_everyone_ends_well_or_is_told_and_what_stands_is_whole(crowds):
    only = [word for name in crowds for word in ("--only", name)]
    command = [sys.executable, "-m", "tests.campaigns.crowd", "--seed", "5", "--count", "1", *only]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603

    assert done.returncode == 0, done.stdout + done.stderr
