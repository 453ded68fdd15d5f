"""The hooks of the entry-point group ``bench``: how a plugin says what it brings."""

from __future__ import annotations

from typing import Protocol

import pluggy

GROUP = "bench"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a function of a plugin as the implementation of the hook that has its name."""


class Register(Protocol):
    """What a hook calls, once for everything that it brings."""

    def __call__(self, name: str, target: object, *, about: str = "") -> None:
        """Register ``target`` under ``name``.

        Args:
            name: the word on the command line: lower-case letters, digits and hyphens.
            target: the class, or ``"module:Class"`` so that it is imported only when somebody asks for it.
            about: one sentence for listings; the class's own ``about`` where it is left away and the class is given.
        """


@hookspec
def bench_register_methods(register: Register) -> None:
    """Call ``register(name, method)`` for each method."""


@hookspec
def bench_register_detectors(register: Register) -> None:
    """Call ``register(name, detector)`` for each detector of parts."""


@hookspec
def bench_register_protocols(register: Register) -> None:
    """Call ``register(name, protocol)`` for each protocol."""
