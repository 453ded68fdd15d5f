"""The hooks of the entry-point group ``bench``: in some a plugin registers what it brings, the others observe a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from harness.registry.observed import ObservedRun

GROUP = "bench"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a function of a plugin as the implementation of the hook that has its name."""


class Register(Protocol):
    """The function that a hook receives; the hook calls it once for each thing that it registers."""

    def __call__(self, name: str, target: object, *, about: str = "") -> None:
        """Register ``target`` under ``name``.

        Args:
            name: the word on the command line: lower-case letters, digits, hyphens and underscores.
            target: the object, or ``"module:attribute"``, which is imported when it is first used.
            about: one sentence for listings; default: the ``about`` of the object, if the object itself is given.
        """


@hookspec
def bench_register_methods(register: Register) -> None:
    """Call ``register(name, method)`` for each method: a class with ``embed``."""


@hookspec
def bench_register_protocols(register: Register) -> None:
    """Call ``register(name, protocol)`` for each protocol: a subclass of ``harness.Protocol``."""


@hookspec
def bench_register_measures(register: Register) -> None:
    """Call ``register(word, family)`` for each measure: a ``harness.MeasureFamily``."""


@hookspec
def bench_register_detectors(register: Register) -> None:
    """Call ``register(name, detector)`` for each detector of parts: a subclass of ``harness.Detector``."""


@hookspec
def bench_register_layouts(register: Register) -> None:
    """Call ``register(name, layout)`` for each layout that can be drawn: a subclass of ``harness.Layout``."""


@hookspec
def bench_register_observers(register: Register) -> None:
    """Call ``register(name, observer)`` for each observer that ``--observe NAME`` turns on.

    An observer is a class whose methods are some of the six hooks below, each marked with ``harness.hookimpl``. It is
    set up without arguments before anything of the run begins, so that its ``__init__`` can refuse with an error.
    """


@hookspec
def bench_register_engines(register: Register) -> None:
    """Call ``register(name, engine)`` for each engine that ``bench sweep`` can hand its runs to.

    An engine is a subclass of ``harness.Engine``.
    """


@hookspec
def bench_register_steps(register: Register) -> None:
    """Call ``register(name, step)`` for each step of post-processing: a subclass of ``harness.Step``."""


@hookspec
def bench_register_corruptions(register: Register) -> None:
    """Call ``register(name, corruption)`` for each corruption of ``bench corrupt``.

    A corruption is a subclass of ``harness.Corruption``.
    """


# The hooks of observers. Those of a plugin's module are called by every `bench run`, `train` and `extract`; those of a
# registered observer only if the run asks for it by name. A hook may leave out arguments that it does not need. All are
# called in the first process only, one after the other, while the run waits. An exception is a warning in the log and
# never ends a run, and nothing that an observer does is part of a run's identity. A trial (`--smoke`) calls none.


@hookspec
def bench_started(run: ObservedRun) -> None:
    """A run begins: its folder exists and is locked, and nothing is computed yet.

    A run that stands already, or goes on after an interruption, begins as well. An observer whose ``bench_started``
    raises is not called again in this run.

    Args:
        run: the run's name, options, seed, tasks and folder.
    """


@hookspec
def bench_epoch(run: ObservedRun, number: int, row: Mapping[str, Any]) -> None:
    """An epoch of the training has ended; its state and its row of ``validation.csv`` are written.

    It is not called for epochs of an earlier process, nor if the checkpoint exists already.

    Args:
        run: the run.
        number: how many epochs have ended, over all stages, from 1.
        row: ``stage``, ``epoch`` (of the stage, from 1), ``learning_rate``, ``loss`` (the sum), each loss of the method
            by its name and, with validation, ``ap`` and ``cmc@1`` as fractions of 1.
    """


@hookspec
def bench_extracted(run: ObservedRun, features: Path) -> None:
    """The features are complete, whether they were computed now or earlier.

    Args:
        run: the run.
        features: the feature file, to be opened with ``harness.FeatureFile.open``.
    """


@hookspec
def bench_scored(run: ObservedRun, records: Sequence[Any]) -> None:
    """The records are written, or those of an earlier identical run were found.

    Args:
        run: the run.
        records: a ``harness.Record`` for each task: ``records[0].measures["ap"]`` is a fraction of 1.
    """


@hookspec
def bench_finished(run: ObservedRun) -> None:
    """The command has done all that it was asked for; ``bench train`` ends here without features and records.

    Args:
        run: the run.
    """


@hookspec
def bench_failed(run: ObservedRun, error: BaseException) -> None:
    """The run ends with an error, after ``bench_started`` and in place of ``bench_finished``.

    A killed process calls nothing.

    Args:
        run: the run.
        error: the exception, which the command then reports; a ``KeyboardInterrupt`` if the user interrupted.
    """
