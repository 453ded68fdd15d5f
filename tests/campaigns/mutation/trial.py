"""One trial: a process of its own imports a changed module and runs the tests that should notice."""

from __future__ import annotations

import ast
import gc
import importlib.util
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path

import hypothesis
import numba
import numpy as np
import pytest

from tests.campaigns.mutation.anew import forget
from tests.campaigns.mutation.mutants import ROOT, Mutant
from tests.campaigns.mutation.outcome import Outcome
from tests.campaigns.mutation.subjects import Subject

MEMORY = 6 << 30
"""Bytes of data that a trial may hold."""

QUIET = (
    *("-q", "-x", "--tb=no", "--assert=plain", "-m", "not slow", "-p", "no:cacheprovider", "-o", "addopts="),
    *("--import-mode=importlib", "-W", "ignore::DeprecationWarning"),
    *("--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")),
)
"""How pytest is called."""


def module_of(path: str) -> str:
    """Return the name of the module of a path."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


PREFETCH, WHOLE = "harness.kernel.native.prefetch", "harness.kernel.native.whole"
"""The modules with instructions of the processor that Python has none for."""

LOOPS = [module_of(str(path.relative_to(ROOT))) for path in sorted(ROOT.glob("harness/kernel/native/*.py"))]
"""The modules whose loops are compiled as they are imported."""


class Loader(SourceFileLoader):
    """Loads a module from another source than its file's."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        super().__init__(name, str(path))
        self.code = compile(source, str(path), "exec", dont_inherit=True)

    def get_code(self, fullname: str):
        return self.code


class Finder:
    """Finds one module, with a changed source."""

    def __init__(self, path: str, source: str) -> None:
        self.package = path.endswith("/__init__.py")
        self.name = module_of(path)
        self.loader = Loader(self.name, ROOT / path, source)

    def find_spec(self, name: str, _path=None, _target=None) -> ModuleSpec | None:
        if name != self.name:
            return None
        folder = [str(Path(self.loader.path).parent)] if self.package else None
        return importlib.util.spec_from_file_location(
            name, self.loader.path, loader=self.loader, submodule_search_locations=folder
        )


class Watch:
    """Keeps the examples of properties few, runs cheap tests first, and remembers the first that failed.

    Args:
        examples: the most of each property.
        costs: of each test, as far as they are known, in any unit.
    """

    def __init__(self, examples: int, costs: Mapping[str, float]) -> None:
        self.examples = examples
        self.costs = costs
        self.durations: dict[str, float] = {}
        self.failed = ""

    def pytest_collection_modifyitems(self, items) -> None:
        # A failing example is enough: nobody reads the smallest one.
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        for item in items:
            name = "_hypothesis_internal_use_settings"  # where hypothesis keeps them, under no public name
            own = getattr(item.obj, name, None)
            if own is not None:
                most = min(own.max_examples, self.examples)
                few = hypothesis.settings(own, max_examples=most, phases=phases, database=None, derandomize=True)
                setattr(item.obj, name, few)
        items.sort(key=lambda item: self.costs.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report) -> None:
        self.durations[report.nodeid] = self.durations.get(report.nodeid, 0.0) + report.duration
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report) -> None:
        if report.failed and not self.failed:
            self.failed = f"import of {report.nodeid}"


def begin(
    mutant: Mutant | None, subject: Subject, limit: float, costs: Mapping[str, float], *, quiet: bool = True
) -> tuple[int, int]:
    """Fork a process that tries a mutant, or the module as it is; return its number and where it writes its outcome.

    Args:
        mutant: None for the module as it is.
        subject: the module and its tests.
        limit: seconds of the processor after which it is ended.
        costs: see ``Watch``.
        quiet: whether nothing of the tests is shown.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        os.setsid()
        os.close(reading)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, limit)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if quiet:
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
        with os.fdopen(writing, "w") as out:
            json.dump(attempt(mutant, subject, costs), out)
    except BaseException:  # whatever it is: no child may go on in its parent's place
        if not quiet:
            traceback.print_exc()
    finally:
        os._exit(0)


def is_change(source: str, before: str) -> bool:
    """Say whether a source is a program, and another one: 1e30 + 1 is 1e30."""
    try:
        return ast.dump(ast.parse(source)) != ast.dump(ast.parse(before))
    except SyntaxError:
        return False


def attempt(mutant: Mutant | None, subject: Subject, costs: Mapping[str, float]) -> Outcome:
    """Import the changed module and run its tests."""
    gc.disable()
    if not subject.jit:
        numba.config.DISABLE_JIT = True
        np.seterr(all="ignore")  # as compiled loops do
    if mutant is not None:
        source = mutant.source
        if not is_change(source, (ROOT / mutant.path).read_text()):
            return Outcome("none", "", 0.0, {})
        sys.meta_path.insert(0, Finder(mutant.path, source))
    forget([module_of(subject.path), *(() if subject.jit else LOOPS)])
    watch = Watch(subject.examples, costs)
    try:
        if not subject.jit:
            without_instructions()
        code = int(pytest.main([*QUIET, *subject.tests], plugins=[watch]))
    except BaseException as problem:
        return Outcome("killed", type(problem).__name__, _seconds(), {})
    word, by = "killed" if code else "survived", watch.failed or f"exit {code}"
    return Outcome(word, by, _seconds(), watch.durations if mutant is None else {})


def without_instructions() -> None:
    """Let NumPy do what loops ask of the processor by its own instructions: products of bytes and of words."""
    importlib.import_module(PREFETCH).prefetch = lambda _table, _row: None  # it only fetches rows early
    whole = importlib.import_module(WHOLE)

    def panel(signed: type, stored: type):
        def multiply(rows, row, sums, panels, panel, out, at, column) -> None:  # noqa: PLR0913, PLR0917 - as it is called
            some = slice(row, row + whole.ROWS)
            images = np.ascontiguousarray(panels[panel].T).view(stored).astype(np.int64)
            products = rows[some].view(signed).astype(np.int64) @ images.T
            out[at : at + whole.ROWS, column : column + whole.PANEL] = sums[some, None] + products

        return multiply

    whole.multiply_bytes, whole.multiply_words = panel(np.int8, np.uint8), panel(np.int16, np.int16)


def _seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime
