import json

import pytest

from harness.basics.locks import locked
from harness.errors import RunError, UsageError
from harness.sweeps.states import NAME, RunState, States, read_states


def states_of(folder, *words):
    return States(
        folder, [RunState(method="a", protocol="p", seed=seed, state=word) for seed, word in enumerate(words)]
    )


def test_states_are_read_as_they_were_written(tmp_path):
    written = states_of(tmp_path, "done", "skipped", "failed", "waiting")
    written.runs[2].note = "the disk is full"
    written.save()

    read = read_states(tmp_path)

    assert read.rows() == written.rows()
    assert read.counts() == "1 done, 1 skipped, 1 failed, 1 waiting"
    assert read.rows()[2]["note"] == "the disk is full"


def test_what_a_killed_sweep_left_running_waits_and_what_a_working_one_runs_runs(tmp_path):
    states_of(tmp_path, "running").save()

    (killed,) = read_states(tmp_path).runs
    with locked(tmp_path, RunError("taken")):
        (working,) = read_states(tmp_path).runs

    assert (killed.state, killed.note) == ("waiting", "the sweep was killed while it ran; it goes on")
    assert working.state == "running"


def test_a_sweep_that_never_began_says_how_to_start_it(tmp_path):
    with pytest.raises(UsageError, match="was not started yet"):
        read_states(tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema": 2, "runs": []}', '{"schema": 1, "runs": [{"state": "odd"}]}', "[" * 100_000]
)
def test_a_damaged_state_is_one_message(tmp_path, content):
    (tmp_path / NAME).write_text(content)

    with pytest.raises(RunError, match="the state of the sweep is damaged"):
        read_states(tmp_path)


def test_the_file_is_plain_json(tmp_path):
    states_of(tmp_path, "done").save()

    assert json.loads((tmp_path / NAME).read_text())["runs"][0]["state"] == "done"
