"""A short form of the campaign that kills processes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "work", [("draw into the cache", "add a measure", "leaderboard"), ("train", "FeatureWriter", "write_features")]
)
def test_killed_work_goes_on_and_ends_as_if_nobody_had_killed_it(work):
    only = [word for name in work for word in ("--only", name)]
    command = [sys.executable, "-m", "tests.campaigns.kills", "--seed", "5", "--count", "6", *only]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603

    assert done.returncode == 0, done.stdout + done.stderr
