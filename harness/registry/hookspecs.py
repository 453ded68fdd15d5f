"""The hooks of the entry-point group ``bench``, in which a plugin registers its methods, protocols and so on."""

from __future__ import annotations

from typing import Protocol

import pluggy

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
