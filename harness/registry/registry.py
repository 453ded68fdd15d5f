"""The registry: finds methods and protocols through pluggy, and keeps a broken plugin from hurting the others."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import pluggy

from harness.errors import PluginError, UsageError, unknown_name
from harness.registry import hookspecs

if TYPE_CHECKING:
    from harness.data.layout import Layout
    from harness.methods.detector import Detector
    from harness.methods.method import Method
    from harness.tasks.protocol import Protocol
    from harness.tasks.task import Task

Kind = Literal["method", "protocol", "detector", "layout"]
HOOKS: dict[Kind, str] = {
    "method": "bench_register_methods",
    "protocol": "bench_register_protocols",
    "detector": "bench_register_detectors",
    "layout": "bench_register_layouts",
}
OWN_DISTRIBUTION = "vehicle-reid-bench"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
OWN_SUFFIX = ".toml"


@dataclass(frozen=True)
class Entry:
    """A registered name: what it stands for and who brought it."""

    name: str
    target: object
    about: str
    plugin: str

    def load(self) -> object:
        """Return the target, imported if it was given as ``"module:Class"``.

        Raises:
            PluginError: the import failed, with the exception's words.
        """
        if not isinstance(self.target, str):
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except Exception as problem:
            raise PluginError(
                f"'{self.name}' could not be imported",
                where=f"{self.target} of plugin {self.plugin}",
                found=words(problem),
            ) from problem


@dataclass
class Plugin:
    """One plugin as ``bench plugins`` lists it.

    Attributes:
        name: ``distribution:entry point``, or the file's name.
        version: of the distribution, empty for a file.
        methods: names it registered.
        protocols: names it registered.
        detectors: names it registered.
        layouts: names it registered.
        problem: why it does not serve, or empty.
    """

    name: str
    version: str = ""
    methods: list[str] = field(default_factory=list)
    protocols: list[str] = field(default_factory=list)
    detectors: list[str] = field(default_factory=list)
    layouts: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def built_in(self) -> bool:
        """Whether it comes with the harness."""
        return self.name.startswith(f"{OWN_DISTRIBUTION}:")

    def names(self, kind: Kind) -> list[str]:
        """Return the list of the names that it registered of one kind."""
        return {
            "method": self.methods, "protocol": self.protocols, "detector": self.detectors, "layout": self.layouts
        }[kind]  # fmt: skip


def words(problem: BaseException) -> str:
    """Return an exception as one line: its class and its message."""
    text = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


class Registry:
    """All methods, protocols and detectors that can be named.

    Attributes:
        plugins: every plugin that was found, working or not, in the order it was loaded.
    """

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        self._entries: dict[Kind, dict[str, Entry]] = {kind: {} for kind in HOOKS}
        self._lost: dict[tuple[Kind, str], str] = {}
        self._manager = pluggy.PluginManager(hookspecs.GROUP)
        self._manager.add_hookspecs(hookspecs)

    def add(self, name: str, version: str, find: Callable[[], ModuleType]) -> None:
        """Load one plugin; whatever goes wrong is kept as its problem.

        Args:
            name: of the plugin.
            version: of its distribution.
            find: imports and returns the module (or object) with the hooks.
        """
        plugin = Plugin(name, version)
        self.plugins.append(plugin)
        try:
            module = find()
            self._manager.register(module, name)
            self._check_hooks(module)
        except (Exception, SystemExit) as problem:
            plugin.problem = words(problem) if not isinstance(problem, PluginError) else str(problem)
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            return
        for kind in HOOKS:
            self._collect(kind, plugin, module)

    def _check_hooks(self, module: object) -> None:
        callers = self._manager.get_hookcallers(module) or []
        for caller in callers:
            if not caller.has_spec():
                raise unknown_name("hook", caller.name, HOOKS.values(), error=PluginError)
        if not callers:
            raise PluginError(
                "no hook is implemented",
                expected=f"a function {' or '.join(HOOKS.values())} marked with harness.hookimpl",
            )

    def _collect(self, kind: Kind, plugin: Plugin, module: object) -> None:
        """Call one hook of one plugin; if it raises, nothing that it registered stays."""
        others = [other for other in self._manager.get_plugins() if other is not module]
        call = self._manager.subset_hook_caller(HOOKS[kind], remove_plugins=others)
        found: list[Entry] = []

        def register(name: str, target: object, *, about: str = "") -> None:
            if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > 64:
                raise PluginError(f"'{name}' cannot name a {kind}", expected="lower-case letters, digits and hyphens")
            found.append(Entry(name, target, about or str(getattr(target, "about", "")), plugin.name))

        try:
            call(register=register)
        except (Exception, SystemExit) as problem:
            plugin.problem = plugin.problem or words(problem)
            for entry in found:
                self._lost.setdefault((kind, entry.name), f"plugin {plugin.name}: {plugin.problem}")
            return
        for entry in found:
            self._enter(kind, plugin, entry)

    def _enter(self, kind: Kind, plugin: Plugin, entry: Entry) -> None:
        """Take the name; of two that claim it a built-in stays, of two others neither does."""
        entries = self._entries[kind]
        holder = entries.get(entry.name)
        if holder is None and (kind, entry.name) not in self._lost:
            entries[entry.name] = entry
            plugin.names(kind).append(entry.name)
            return
        first = holder.plugin if holder else self._lost[kind, entry.name]
        plugin.problem = plugin.problem or f"{kind} '{entry.name}' is registered by {first} already"
        if holder is None or holder.plugin.startswith(f"{OWN_DISTRIBUTION}:"):
            return
        del entries[entry.name]
        self._lost[kind, entry.name] = f"both {holder.plugin} and {plugin.name} register it"
        for other in self.plugins:
            if other.name == holder.plugin:
                other.problem = other.problem or f"{kind} '{entry.name}' is registered by {plugin.name} too"
                other.names(kind).remove(entry.name)

    def names(self, kind: Kind) -> list[str]:
        """Return the registered names of one kind, sorted."""
        return sorted(self._entries[kind])

    def entry(self, kind: Kind, name: str) -> Entry:
        """Return what stands behind a name.

        Raises:
            PluginError: a plugin brings it, but is broken.
            UsageError: nobody brings it; the nearest name is proposed.
        """
        if name in self._entries[kind]:
            return self._entries[kind][name]
        if (kind, name) in self._lost:
            raise PluginError(
                f"{kind} '{name}' cannot be used", found=self._lost[kind, name], next_step="see 'bench plugins'"
            )
        broken = [plugin for plugin in self.plugins if plugin.problem]
        for plugin in broken:
            if name in re.split(r"[:/]", plugin.name.removesuffix(".py")):
                raise PluginError(
                    f"{kind} '{name}' cannot be used", where=f"plugin {plugin.name}", found=plugin.problem
                )
        error = unknown_name(kind, name, self.names(kind))
        if broken:
            error.next_step = f"see 'bench plugins': {len(broken)} could not be loaded"
        raise error

    def method(self, name: str) -> type[Method]:
        """Return the method of that name, completed with the contract's defaults.

        Raises:
            PluginError: it cannot be imported or is no method.
            UsageError: there is none of that name.
        """
        from harness.methods.method import complete

        return complete(self.entry("method", name).load())

    def detector(self, name: str) -> type[Detector]:
        """Return the detector of that name.

        Raises:
            PluginError: it cannot be imported or is no detector.
            UsageError: there is none of that name.
        """
        from harness.methods.detector import Detector

        found = self.entry("detector", name).load()
        if not (isinstance(found, type) and issubclass(found, Detector)):
            raise PluginError(f"'{name}' is no detector", found=repr(found), expected="a subclass of harness.Detector")
        return found

    def layout(self, name: str) -> Layout:
        """Return the layout of that name.

        Raises:
            PluginError: it cannot be imported or is no layout.
            UsageError: there is none of that name, or the protocol of that name has no layout to draw in.
        """
        from harness.data.layout import Layout

        if name in self._entries["protocol"] and name not in self._entries["layout"]:
            raise UsageError(
                f"no data set can be drawn in the layout of '{name}'", expected=" or ".join(self.names("layout"))
            )
        found = self.entry("layout", name).load()
        if not (isinstance(found, type) and issubclass(found, Layout)):
            raise PluginError(f"'{name}' is no layout", found=repr(found), expected="a subclass of harness.Layout")
        return found()

    def protocol(self, name: str) -> Protocol:
        """Return the protocol of that name, or of a TOML file of the user's own.

        Raises:
            PluginError: it cannot be imported or is no protocol.
            UsageError: there is none of that name.
            DataError: the TOML file cannot be used.
        """
        from harness.tasks.protocol import Protocol

        if name.endswith(OWN_SUFFIX):
            return self._own(Path(name))
        found = self.entry("protocol", name).load()
        if not (isinstance(found, type) and issubclass(found, Protocol)):
            raise PluginError(f"'{name}' is no protocol", found=repr(found), expected="a subclass of harness.Protocol")
        try:
            return found()
        except Exception as problem:
            raise PluginError(f"protocol '{name}' could not be set up", found=words(problem)) from problem

    def _own(self, path: Path) -> Protocol:
        """Return the protocol of a TOML file, whose name nobody else may have."""
        from harness.tasks.own import open_protocol

        protocol = open_protocol(path)
        if protocol.name in self._entries["protocol"]:
            raise UsageError(
                f"the protocol's name '{protocol.name}' is taken",
                where=path,
                next_step='give it another with name = "..." in the file',
            )
        return protocol

    def tasks(self, word: str) -> tuple[Protocol, Sequence[Task]]:
        """Return the protocol and the tasks that ``veri776``, ``veri776/image-to-track`` or ``my.toml/main`` names.

        Raises:
            UsageError: unknown protocol or task.
        """
        file, own, task = word.rpartition(f"{OWN_SUFFIX}/")
        if own or word.endswith(OWN_SUFFIX):
            name, task = (file + OWN_SUFFIX, task) if own else (word, "")
        else:
            name, _, task = word.partition("/")
        protocol = self.protocol(name)
        return protocol, protocol.select(task or None)


def load(files: Iterable[Path] = ()) -> Registry:
    """Return the registry of everything installed and of the given files.

    Args:
        files: Python files with hooks, as given to ``--plugin``.

    Raises:
        PluginError: one of ``files`` is broken (an installed plugin that is broken only shows in ``plugins``).
    """
    registry = Registry()
    installed = [(found.dist.name if found.dist else "", found) for found in entry_points(group=hookspecs.GROUP)]
    for distribution, found in sorted(installed, key=lambda pair: (pair[0] != OWN_DISTRIBUTION, pair[0], pair[1].name)):
        registry.add(f"{distribution}:{found.name}", found.dist.version if found.dist else "", found.load)
    for file in files:
        registry.add(file.name, "", partial(_import_file, file))
        if registry.plugins[-1].problem:
            raise PluginError("the plugin cannot be used", where=file, found=registry.plugins[-1].problem)
    return registry


def _import_file(file: Path) -> ModuleType:
    """Import a Python file under a name that cannot clash with an installed module."""
    if not file.is_file():
        raise PluginError("the plugin file is missing", where=file)
    name = "bench_plugin_" + re.sub(r"\W", "_", file.stem)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError("the plugin is no Python file", where=file, expected="a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
