"""Observers: the hooks that a run calls as it goes, and what becomes of their exceptions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pluggy

from harness.errors import BenchError, PluginError
from harness.registry import hookspecs
from harness.registry.catalogue import one_line
from harness.registry.observed import ObservedRun

if TYPE_CHECKING:
    from harness.registry.registry import Registry

log = logging.getLogger("bench")


@dataclass(frozen=True)
class Observers:
    """The observers of one run: the hooks in plugins, which every run calls, and the named ones that were asked for.

    Attributes:
        registry: the plugins.
        named: a manager of the named observers.
        silenced: the observers that failed when the run began, which are not called again.
    """

    registry: Registry
    named: pluggy.PluginManager = field(default_factory=lambda: pluggy.PluginManager(hookspecs.GROUP))
    silenced: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, registry: Registry, names: Iterable[str] = ()) -> Observers:
        """Return the observers of a run that asks for some by name.

        Raises:
            UsageError: an unknown name, or an observer needs a package that is not installed.
            PluginError: an observer is broken or cannot be set up.
        """
        observers = cls(registry)
        observers.named.add_hookspecs(hookspecs)
        for name in dict.fromkeys(names):
            kind = registry.observer(name)
            try:
                observers.named.register(kind(), f"observer '{name}'")
            except BenchError:
                raise
            except (Exception, SystemExit) as problem:
                raise PluginError(f"observer '{name}' could not be set up", found=one_line(problem)) from problem
        return observers

    def tell(self, hook: str, **facts: object) -> None:
        """Call one hook of every observer; what one raises is a warning, and the next ones are called all the same."""
        named = getattr(self.named.hook, hook).get_hookimpls()
        for found in (*self.registry.implementations(hook), *named):
            if found.plugin_name in self.silenced:
                continue
            try:
                found.function(*(facts[name] for name in found.argnames))
            except (Exception, SystemExit) as problem:
                log.warning("%s of %s failed: %s", hook, found.plugin_name, one_line(problem))
                if hook == "bench_started":
                    self.silenced.add(found.plugin_name)

    @contextmanager
    def watching(self, run: ObservedRun) -> Iterator[None]:
        """Tell of the start of a run before the block, and of its end, or of the exception that ends it, after it."""
        self.tell("bench_started", run=run)
        try:
            yield
        except BaseException as problem:
            self.tell("bench_failed", run=run, error=problem)
            raise
        self.tell("bench_finished", run=run)
