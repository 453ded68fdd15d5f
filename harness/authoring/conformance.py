"""Checks every property of a method, and says what to change."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from harness.authoring.finding import Finding, Measured, Skipped
from harness.authoring.properties import PROPERTIES
from harness.authoring.trial import Asked, Trial
from harness.compute.devices import undisturbed
from harness.errors import BenchError, DataError, PluginError, UsageError
from harness.registry.catalogue import one_line
from harness.registry.kinds import METHOD


class Check:
    """The check of one method, property by property.

    Raises:
        UsageError: there is no method, protocol or device of that name.
        PluginError: a given file is no plugin.
        DataError: the protocol's images, or the boxes that the method needs, cannot be read; ``finding`` raises it too.
    """

    def __init__(self, asked: Asked) -> None:
        self.trial = Trial(asked)
        self._loaded: Finding | None = None
        with self.trial.listening():
            self.trial.fabric, self.trial.dataset  # noqa: B018 - opened now: what is wrong with them is no finding
            self.own = self._package()

    def _package(self) -> str:
        """Return the top-level package of the method, which is no optional dependency of it."""
        method = self.trial.asked.method
        if not isinstance(method, str):
            return method.__module__.partition(".")[0]
        try:
            target = self.trial.registry.entry(METHOD, self.trial.asked.name).target
        except PluginError:
            return ""  # its plugin is broken, which is the first finding
        module = target.partition(":")[0] if isinstance(target, str) else getattr(target, "__module__", "")
        return str(module).partition(".")[0]

    def finding(self, name: str) -> Finding:
        """Return what is found about a property, by its name in ``PROPERTIES``."""
        if self._loaded is None:
            self._loaded = self._found("loads")
        if name == "loads":
            return self._loaded
        if self._loaded.result == "passed":
            return self._found(name)
        lost = self._loaded.result == "failed"
        return Finding(name, "skipped", "the method cannot be set up" if lost else self._loaded.detail)

    def findings(self) -> Iterator[Finding]:
        """Yield what is found about each property."""
        for name in PROPERTIES:
            yield self.finding(name)

    def _found(self, name: str) -> Finding:
        check = PROPERTIES[name]
        try:
            with self.trial.listening(), undisturbed(self.trial.fabric):
                check(self.trial)
        except Measured as figure:
            return Finding(name, "measured", str(figure))
        except Skipped as reason:
            return Finding(name, "skipped", str(reason))
        except DataError:
            raise
        except (Exception, SystemExit) as problem:
            missing = self._missing(problem)
            if missing:
                step = f"; {problem.next_step}" if isinstance(problem, UsageError) and problem.next_step else ""
                return Finding(name, "skipped", f"needs {missing}, which is not installed{step}")
            return Finding(name, "failed", str(problem) if isinstance(problem, BenchError) else one_line(problem))
        return Finding(name, "passed", (inspect.getdoc(check) or "").partition("\n")[0])

    def _missing(self, problem: BaseException) -> str:
        """Return the module of another distribution whose absence is behind an exception; empty if there is none."""
        chain: BaseException | None = problem
        while chain is not None:
            if isinstance(chain, ModuleNotFoundError) and chain.name:
                return "" if chain.name.partition(".")[0] == self.own else chain.name
            chain = chain.__cause__ or chain.__context__
        return ""
