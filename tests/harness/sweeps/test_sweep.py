"""What a sweep does with runs that cannot be computed."""

from types import SimpleNamespace

import pytest

from harness.errors import DataError, UsageError
from harness.sweeps.sweep import open_sweep
from tests.harness.sweeps.made import KNOWN, sweep_of

TWO = """
runs = "runs"
[[run]]
method = ["needs-boxes", "random"]
protocol = "synthetic"
"""


def opener(problem):
    """Return what opens the words of a run; the method ``needs-boxes`` cannot be opened."""

    def opened(words):
        if "needs-boxes" in words:
            raise problem
        request = SimpleNamespace(compute=SimpleNamespace(devices=1, nodes=1), detector=None)
        return SimpleNamespace(plan=SimpleNamespace(request=request), standing=lambda: None, folder="runs/random")

    return opened


def test_the_first_run_that_the_data_do_not_allow_ends_a_sweep_unless_it_goes_on_without(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, missing = sweep_of(tmp_path, TWO), opener(DataError("the data set has no boxes"))

    with pytest.raises(DataError, match="no boxes"):
        open_sweep(file, KNOWN, missing)
    sweep = open_sweep(file, KNOWN, missing, without_impossible=True)

    assert [(state.state, state.note) for state in sweep.states.runs] == [
        ("failed", "the data set has no boxes"),
        ("waiting", ""),
    ]
    assert list(sweep.folders) == ["", "runs/random"]


def test_a_users_mistake_always_ends_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no such option"):
        open_sweep(sweep_of(tmp_path, TWO), KNOWN, opener(UsageError("no such option")), without_impossible=True)
