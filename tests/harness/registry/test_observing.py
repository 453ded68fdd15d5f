import logging
from pathlib import Path
from types import ModuleType

import pytest

import harness
from harness.basics.extras import require
from harness.errors import PluginError, UsageError
from harness.registry.kinds import OBSERVER
from harness.registry.observed import ObservedRun
from harness.registry.observing import Observers
from harness.registry.registry import Registry, load

RUN = ObservedRun("tiny", "tiny", "", "", {}, 0, "synthetic", ("synthetic/a",), "synthetic", Path("runs/tiny"))


def registry_of(**plugins) -> Registry:
    registry = Registry()
    for name, hooks in plugins.items():
        module = ModuleType(name)
        vars(module).update(hooks)
        registry.add(name, "1", lambda module=module: module)
    return registry


def hook(function):
    return {function.__name__: harness.hookimpl(function)}


def registering(**observers):
    def bench_register_observers(register):
        for name, kind in observers.items():
            register(name, kind)

    return hook(bench_register_observers)


def test_one_function_with_the_arguments_that_it_needs_is_an_observer():
    heard = []

    def bench_epoch(row):
        heard.append(row["loss"])

    Observers.of(registry_of(mine=hook(bench_epoch))).tell("bench_epoch", run=RUN, number=1, row={"loss": 2.0})

    assert heard == [2.0]


def test_what_an_observer_raises_is_a_warning_and_the_next_one_is_called(caplog):
    heard = []

    def bench_epoch(number):
        raise ValueError("the disk is away")

    def next_one(number):
        heard.append(number)

    next_one.__name__ = "bench_epoch"
    observers = Observers.of(registry_of(first=hook(bench_epoch), second=hook(next_one)))

    with caplog.at_level(logging.WARNING, "bench"):
        observers.tell("bench_epoch", run=RUN, number=1, row={})
        observers.tell("bench_epoch", run=RUN, number=2, row={})

    assert heard == [1, 2]
    assert caplog.messages == ["bench_epoch of first failed: ValueError: the disk is away"] * 2


def test_an_observer_that_fails_at_the_start_is_not_called_again(caplog):
    heard = []

    class Observer:
        @harness.hookimpl
        def bench_started(self):
            raise SystemExit(3)

        @harness.hookimpl
        def bench_finished(self):
            heard.append("finished")

    observers = Observers.of(registry_of(mine=registering(mine=Observer)), ["mine"])

    with observers.watching(RUN):
        pass

    assert heard == []
    assert caplog.messages == ["bench_started of observer 'mine' failed: SystemExit: 3"]


def test_the_end_of_a_run_is_told_with_the_exception_that_ends_it():
    heard = []

    class Observer:
        @harness.hookimpl
        def bench_started(self, run):
            heard.append(run.name)

        @harness.hookimpl
        def bench_finished(self):
            heard.append("finished")

        @harness.hookimpl
        def bench_failed(self, error):
            heard.append(type(error))

    observers = Observers.of(registry_of(mine=registering(mine=Observer)), ["mine", "mine"])
    with observers.watching(RUN):
        pass
    with pytest.raises(KeyboardInterrupt), observers.watching(RUN):
        raise KeyboardInterrupt

    assert heard == ["tiny", "finished", "tiny", KeyboardInterrupt]


def test_a_named_observer_is_silent_unless_it_is_asked_for():
    class Observer:
        @harness.hookimpl
        def bench_started(self):
            raise AssertionError("nobody asked for it")

    observers = Observers.of(registry_of(mine=registering(mine=Observer)))

    observers.tell("bench_started", run=RUN)
    assert observers.silenced == set()


def test_an_unknown_observer_is_named_with_the_nearest_one():
    with pytest.raises(UsageError, match="unknown observer 'tensorbord'; did you mean 'tensorboard'"):
        Observers.of(load(), ["tensorbord"])


@pytest.mark.parametrize("target", [int, object(), type("Unmarked", (), {"bench_started": lambda self: None})])
def test_what_has_no_marked_hook_is_no_observer(target):
    with pytest.raises(PluginError, match="'mine' is not an observer"):
        registry_of(mine=registering(mine=target)).observer("mine")


def test_an_observer_that_cannot_be_set_up_ends_the_command_before_the_run():
    class Observer:
        def __init__(self):
            raise OSError("no such device")

        @harness.hookimpl
        def bench_started(self):
            pass

    with pytest.raises(PluginError, match="observer 'mine' could not be set up") as caught:
        Observers.of(registry_of(mine=registering(mine=Observer)), ["mine"])
    assert "no such device" in str(caught.value)


def test_a_misspelt_hook_of_a_run_is_named_with_the_right_one():
    def bench_epochs(row):
        pass

    (plugin,) = registry_of(mine=hook(bench_epochs)).plugins

    assert "did you mean 'bench_epoch'" in plugin.problem


def test_a_missing_package_is_one_message_that_names_the_extra():
    with pytest.raises(UsageError) as caught:
        require("no_such_package_at_all", by="observer 'mine'", extra="mine")

    assert str(caught.value).splitlines() == [
        "observer 'mine' needs the package no_such_package_at_all, which is not installed",
        "  next: python -m pip install 'vehicle-reid-bench[mine]'",
    ]


def test_the_built_in_observers_are_listed_without_importing_their_packages():
    assert {"mlflow", "tensorboard", "wandb"} <= set(load().names(OBSERVER))
