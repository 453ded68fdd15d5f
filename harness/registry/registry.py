"""The registry of everything installed: methods, protocols, measures and so on by name."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from harness.basics.reading import check_regular
from harness.errors import PluginError, UsageError, unknown_name
from harness.measures import parse, usual_word
from harness.registry import hookspecs
from harness.registry.catalogue import OWN_DISTRIBUTION, Catalogue
from harness.registry.kinds import (
    CORRUPTION,
    DETECTOR,
    ENGINE,
    KINDS,
    LAYOUT,
    MEASURE,
    METHOD,
    OBSERVER,
    PROTOCOL,
    STEP,
)
from harness.registry.packages import check_packages

if TYPE_CHECKING:
    from harness.compute.engine import Engine
    from harness.corruptions.corruption import Corruption
    from harness.data.layout import Layout
    from harness.measures.family import Measure
    from harness.methods.detector import Detector
    from harness.methods.method import Method
    from harness.steps.step import Step
    from harness.tasks.protocol import Protocol
    from harness.tasks.task import Task

OWN_SUFFIX = ".toml"
"""Ends the name of a protocol that a user's own file defines."""

TABLES = (".csv", ".tsv", ".txt", ".xls", ".xlsx", ".ods")
"""The endings of tables, which are no protocols."""


class Registry(Catalogue):
    """A catalogue of the harness's kinds; each method raises what ``Catalogue.get`` raises."""

    def __init__(self) -> None:
        super().__init__(KINDS)

    def method(self, name: str) -> type[Method]:
        """Return the method of that name, completed with the defaults of the contract."""
        return self.get(METHOD, name)

    def detector(self, name: str) -> type[Detector]:
        """Return the detector of that name."""
        return self.get(DETECTOR, name)

    def observer(self, name: str) -> type[Any]:
        """Return the class of the observer of that name."""
        return self.get(OBSERVER, name)

    def engine(self, name: str) -> type[Engine]:
        """Return the class of the engine of that name."""
        return self.get(ENGINE, name)

    def step(self, name: str) -> type[Step]:
        """Return the class of the step of that name."""
        return self.get(STEP, name)

    def corruption(self, name: str) -> Corruption:
        """Return the corruption of that name, set up."""
        return self.get(CORRUPTION, name)

    def layout(self, name: str) -> Layout:
        """Return the layout of that name."""
        if name in self.names(PROTOCOL) and name not in self.names(LAYOUT):
            moved = hasattr(self.protocol(name), "make")
            raise UsageError(
                f"no data set can be drawn in the layout of '{name}'",
                expected=" or ".join(self.names(LAYOUT)),
                next_step="move make() into a harness.Layout for bench_register_layouts" if moved else None,
            )
        return self.get(LAYOUT, name)

    def measure(self, word: str) -> Measure:
        """Return the measure of a word such as ``cmc@5``.

        Raises:
            UsageError: the word is unknown, or its cutoff is missing, not allowed or below 1.
        """
        name = word.partition("@")[0]
        if name not in self.names(MEASURE) and usual_word(word):
            raise unknown_name("measure", word, self.names(MEASURE), near=usual_word(word))
        return self.get(MEASURE, name).measure(word)

    def protocol(self, name: str) -> Protocol:
        """Return the protocol of that name, or of a user's TOML file, or raise a DataError if that cannot be used."""
        return self._own(Path(name)) if name.endswith(OWN_SUFFIX) else self.get(PROTOCOL, name)

    def _own(self, path: Path) -> Protocol:
        """Return the protocol of a TOML file, whose name must not be taken."""
        from harness.tasks.toml_protocol import open_protocol

        taken = self.names(PROTOCOL)
        protocol = open_protocol(path, taken)
        if protocol.name in taken:
            raise UsageError(
                f"the protocol's name '{protocol.name}' is taken",
                where=path,
                next_step='give it another with name = "..." in the file',
            )
        return protocol

    def tasks(self, word: str) -> tuple[Protocol, Sequence[Task]]:
        """Return the protocol and the tasks of ``veri776``, ``veri776/image-to-track`` or ``my.toml/main``.

        Raises:
            UsageError: unknown protocol or task.
        """
        file, own, task = word.rpartition(f"{OWN_SUFFIX}/")
        if own or word.endswith(OWN_SUFFIX):
            name, task = (file + OWN_SUFFIX, task) if own else (word, "")
        else:
            name, _, task = word.partition("/")
            if name not in self.names(PROTOCOL):
                _refuse_data(Path(word))
        protocol = self.protocol(name)
        tasks = protocol.select(task or None)
        for measure in sorted({measure for task in tasks for measure in task.measures}):
            parse(measure)
        return protocol, tasks


def _refuse_data(path: Path) -> None:
    """Raise a UsageError if a table or a folder of images is named in place of a protocol."""
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        raise UsageError(
            "a protocol's file is TOML", found=path, expected="a file such as my-cars.toml; see docs/own-data.md"
        )
    table = path.suffix.lower() in TABLES
    if table or path.is_dir():
        option = "--table " if table else ""
        raise UsageError(
            f"a {'table' if table else 'folder'} is no protocol",
            found=path,
            expected="a protocol's name, or a TOML file that says what the data are",
            next_step=f"let bench write that file: bench data init {option}{path}",
        )


def load(files: str | Path | Iterable[str | Path] = ()) -> Registry:
    """Return the registry of everything installed and of the given files.

    Args:
        files: one or several Python files with hooks, as given to ``--plugin``.

    Raises:
        PluginError: one of ``files`` is broken, or Python finds other packages in place of the harness's own. (A broken
            installed plugin only shows in ``plugins``.)
    """
    check_packages()
    registry = Registry()
    installed = [(found.dist.name if found.dist else "", found) for found in entry_points(group=hookspecs.GROUP)]
    for distribution, found in sorted(installed, key=lambda pair: (pair[0] != OWN_DISTRIBUTION, pair[0], pair[1].name)):
        registry.add(f"{distribution}:{found.name}", found.dist.version if found.dist else "", found.load)
    given = [files] if isinstance(files, str | Path) else files
    plugins = list({Path(file).resolve(): Path(file) for file in given}.values())  # one given twice counts once
    for file in plugins:
        check_regular(file, "the plugin file", error=PluginError, next_step="give the Python file that has the hooks")
    _refuse_one_name(plugins)
    for file in plugins:
        registry.add(file.name, "", partial(_import_file, file))
        if registry.plugins[-1].problem:
            raise PluginError("the plugin cannot be used", where=file, found=registry.plugins[-1].problem)
    return registry


def _refuse_one_name(files: Iterable[Path]) -> None:
    """Raise a PluginError for two files of one name, which would be one module."""
    first: dict[str, Path] = {}
    for file in files:
        other = first.setdefault(re.sub(r"\W", "_", file.stem), file)
        if other is not file:
            raise PluginError(
                "two plugin files have one name",
                found=f"{other} and {file}",
                expected="files of different names",
                next_step="rename one of them",
            )


def _import_file(file: Path) -> ModuleType:
    """Import a Python file under a name that cannot clash with an installed module."""
    name = "bench_plugin_" + re.sub(r"\W", "_", file.stem)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError("the plugin is not a Python file", where=file, expected="a file that ends in .py")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # modules beside the file; last, so that they hide none
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
