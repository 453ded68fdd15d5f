from pathlib import Path

import pytest

from harness.compute.engine import Command, Engine, Ticket
from harness.sweeps.states import RunState, States, read_states
from harness.sweeps.work import Task, folder_of, last_message, work


class Paper(Ticket):
    """A command that runs for some looks and ends with a status."""

    def __init__(self, looks, code, why=""):
        self.looks, self.code, self.why, self.cancelled = looks, code, why, False

    def running(self):
        return True

    def status(self):
        self.looks -= 1
        return self.code if self.looks < 0 else None

    def cancel(self):
        self.cancelled = True

    def problem(self):
        return self.why


class OnPaper(Engine):
    """Ends each command as its name says, and remembers how many ran at once."""

    pause = 0.0

    def __init__(self, jobs=None, fail=None):
        super().__init__(self.Options(), None, jobs)
        self.taken, self.most, self.order, self.fail, self.closed = {}, 0, [], fail, False

    def __exit__(self, *problem):
        self.closed = True

    def submit(self, command):
        if command.name == self.fail:
            raise KeyboardInterrupt
        running = [name for name, ticket in self.taken.items() if ticket.looks >= 0]
        self.most = max(self.most, len(running) + 1)
        self.order.append((command.name, *running))
        Path(command.log).write_text(command.environment.get("prints", ""))
        self.taken[command.name] = Paper(
            2, int(command.environment.get("status", 0)), command.environment.get("why", "")
        )
        return self.taken[command.name]


@pytest.fixture
def tasks(tmp_path):
    def made(**environments):
        return [
            Task(
                RunState(method=name, protocol="p", seed=0),
                Command(name, ("run",), str(tmp_path), str(tmp_path / f"{name}.log"), environment),
                environment.pop("alone", ""),
            )
            for name, environment in environments.items()
        ]

    return made


def worked(tmp_path, tasks, engine):
    states = States(tmp_path, [task.state for task in tasks])
    work(tasks, states, engine)
    return {state.method: (state.state, state.note) for state in states.runs}


def test_a_failure_does_not_stop_the_others_and_its_messages_first_line_is_kept(tmp_path, tasks):
    made = tasks(
        a={"prints": "one\nbench: the disk is full\n  where: /x\n", "status": "1"},
        b={"prints": "Traceback\nValueError: odd\n", "status": "1"},
        c={"status": "-9"},
        d={"status": "-1", "why": "job 7 was lost: out of memory"},
        e={"status": "3"},
        f={"prints": "table\nrun folder: runs/f-1\n"},
    )

    assert worked(tmp_path, made, OnPaper()) == {
        "a": ("failed", "the disk is full"),
        "b": ("failed", "ValueError: odd"),
        "c": ("failed", "ended by signal 9"),
        "d": ("failed", "job 7 was lost: out of memory"),
        "e": ("failed", "ended with status 3 and without a message"),
        "f": ("done", ""),
    }
    assert made[5].state.folder == "runs/f-1"
    assert {state.state for state in read_states(tmp_path).runs} == {"done", "failed"}


@pytest.mark.parametrize(("jobs", "most"), [(1, 1), (2, 2), (None, 4)])
def test_as_many_run_at_once_as_are_asked_for(tmp_path, tasks, jobs, most):
    engine = OnPaper(jobs)

    worked(tmp_path, tasks(a={}, b={}, c={}, d={}), engine)

    assert engine.most == most
    assert engine.closed


def test_two_runs_of_one_folder_do_not_meet(tmp_path, tasks):
    engine = OnPaper()

    worked(tmp_path, tasks(a={"alone": "x"}, b={"alone": "x"}, c={"alone": "y"}), engine)

    assert engine.order == [("a",), ("c", "a"), ("b",)]


def test_an_interrupt_stops_what_runs_and_leaves_the_rest_waiting(tmp_path, tasks):
    engine, made = OnPaper(2, fail="c"), tasks(a={}, b={"status": "0"}, c={}, d={})
    states = States(tmp_path, [task.state for task in made])

    with pytest.raises(KeyboardInterrupt):
        work(made, states, OnPaper(fail="b"))
    assert [state.state for state in read_states(tmp_path).runs] == ["waiting"] * 4
    assert made[0].state.note == "stopped; it goes on at the next call"

    with pytest.raises(KeyboardInterrupt):
        work(made, states, engine)
    assert [state.state for state in states.runs] == ["done", "done", "waiting", "waiting"]
    assert engine.closed


def test_a_stale_stop_file_and_log_are_removed_before_a_command_begins(tmp_path, tasks):
    (task,) = tasks(a={})
    task.command.stop.touch()

    assert worked(tmp_path, [task], OnPaper()) == {"a": ("done", "")}
    assert not task.command.stop.exists()


def test_a_log_that_is_missing_or_full_of_control_characters_gives_a_plain_line(tmp_path):
    path = tmp_path / "log"
    assert last_message(path) == folder_of(path) == ""

    path.write_bytes(b"\x1b[31mbench: \xff red\x1b[0m \x07bell\n\n  where: here\n")

    assert last_message(path) == "� red bell"
