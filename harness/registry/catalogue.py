"""The catalogue of everything that plugins register, found through pluggy; a broken plugin does not affect others."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Generic, TypeVar

import pluggy

from harness.basics.names import NAME_WORDS, is_name
from harness.errors import PluginError, unknown_name
from harness.registry import hookspecs
from harness.registry.moved import moved

T = TypeVar("T")

OWN_DISTRIBUTION = "vehicle-reid-bench"


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of things that plugins can register.

    Attributes:
        word: its name in messages and listings, in the singular: ``method``.
        hook: the hook that registers things of this kind.
        check: a function from the name and the registered object to the object that the harness uses; it raises a
            PluginError if the object is not of this kind.
    """

    word: str
    hook: str
    check: Callable[[str, object], T]


@dataclass(frozen=True)
class Entry:
    """A registered name: the object or ``"module:attribute"``, a sentence for listings, and its plugin."""

    name: str
    target: object
    about: str
    plugin: str

    def load(self) -> object:
        """Return the target, importing it if it was given as ``"module:attribute"``.

        Raises:
            PluginError: the import failed, with the text of the exception.
        """
        if not isinstance(self.target, str):
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            with redirect_stdout(sys.stderr):
                return getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as problem:
            raise PluginError(
                f"'{self.name}' could not be imported",
                where=f"{self.target} of plugin {self.plugin}",
                found=one_line(problem),
            ) from problem


@dataclass
class Plugin:
    """A plugin as ``bench plugins`` lists it.

    Attributes:
        name: ``distribution:entry point``, or the name of the file.
        version: the version of the distribution; empty for a file.
        names: the names it registered, by the word of their kind.
        problem: why it does not work; empty if it does.
    """

    name: str
    version: str = ""
    names: dict[str, list[str]] = field(default_factory=dict)
    problem: str = ""


def one_line(problem: BaseException) -> str:
    """Return an exception's class and message as one line, with the new place of a name that has moved."""
    text = " ".join(str(problem).split())
    line = f"{type(problem).__name__}: {text}" if text else type(problem).__name__
    return "; ".join(filter(None, (line, moved(problem))))


class Catalogue:
    """Everything that can be named, by kind.

    Attributes:
        plugins: every plugin that was found, working or not, in the order of loading.
    """

    def __init__(self, kinds: Iterable[Kind[Any]]) -> None:
        self.kinds = tuple(kinds)
        self.plugins: list[Plugin] = []
        self._entries: dict[str, dict[str, Entry]] = {kind.word: {} for kind in self.kinds}
        self._lost: dict[tuple[str, str], str] = {}
        self._manager = pluggy.PluginManager(hookspecs.GROUP)
        self._manager.add_hookspecs(hookspecs)

    def add(self, name: str, version: str, find: Callable[[], ModuleType]) -> None:
        """Load the plugin that ``find`` imports; if anything goes wrong, the plugin's ``problem`` says what."""
        plugin = Plugin(name, version, {kind.word: [] for kind in self.kinds})
        self.plugins.append(plugin)
        try:
            with redirect_stdout(sys.stderr):  # what an import prints is no part of a command's answer
                module = find()
            self._manager.register(module, name)
            self._check_hooks(module)
        except (Exception, SystemExit) as problem:
            plugin.problem = one_line(problem) if not isinstance(problem, PluginError) else str(problem)
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            return
        for kind in self.kinds:
            self._collect(kind, plugin, module)

    def _check_hooks(self, module: object) -> None:
        known = [word for word in vars(hookspecs) if word.startswith("bench_")]
        callers = self._manager.get_hookcallers(module) or []
        for caller in callers:
            if not caller.has_spec():
                raise unknown_name("hook", caller.name, known, error=PluginError)
        if not callers:
            expected = f"a function {' or '.join(known)} marked with harness.hookimpl"
            raise PluginError("no hook is implemented", expected=expected)

    def _collect(self, kind: Kind[Any], plugin: Plugin, module: object) -> None:
        """Call one hook of one plugin; if the hook raises, nothing that it registered is kept."""
        others = [other for other in self._manager.get_plugins() if other is not module]
        call = self._manager.subset_hook_caller(kind.hook, remove_plugins=others)
        found: list[Entry] = []

        def register(name: str, target: object, *, about: str = "") -> None:
            if not isinstance(name, str) or not is_name(name):
                raise PluginError(
                    f"'{name}' cannot name a {kind.word}",
                    expected=NAME_WORDS,
                )
            found.append(Entry(name, target, about or str(getattr(target, "about", "")), plugin.name))

        try:
            call(register=register)
        except (Exception, SystemExit) as problem:
            plugin.problem = plugin.problem or (str(problem) if isinstance(problem, PluginError) else one_line(problem))
            for entry in found:
                self._lost.setdefault((kind.word, entry.name), f"plugin {plugin.name}: {plugin.problem}")
            return
        for entry in found:
            self._enter(kind, plugin, entry)

    def _enter(self, kind: Kind[Any], plugin: Plugin, entry: Entry) -> None:
        """Take the name. If two plugins claim it, a built-in one keeps it; of two others neither gets it."""
        word, entries = kind.word, self._entries[kind.word]
        holder = entries.get(entry.name)
        if holder is None and (word, entry.name) not in self._lost:
            entries[entry.name] = entry
            plugin.names[word].append(entry.name)
            return
        first = holder.plugin if holder else self._lost[word, entry.name]
        plugin.problem = plugin.problem or f"{word} '{entry.name}' is already registered by {first}"
        if holder is None or holder.plugin.startswith(f"{OWN_DISTRIBUTION}:"):
            return
        del entries[entry.name]
        self._lost[word, entry.name] = f"both {holder.plugin} and {plugin.name} register it"
        for other in self.plugins:
            if other.name == holder.plugin:
                other.problem = other.problem or f"{word} '{entry.name}' is also registered by {plugin.name}"
                other.names[word].remove(entry.name)

    def implementations(self, hook: str) -> list[pluggy.HookImpl]:
        """Return the functions of all plugins that implement a hook, in the order of loading."""
        return list(getattr(self._manager.hook, hook).get_hookimpls())

    def names(self, kind: Kind[Any]) -> list[str]:
        """Return the registered names of one kind, sorted."""
        return sorted(self._entries[kind.word])

    def entry(self, kind: Kind[Any], name: str) -> Entry:
        """Return the entry of a name.

        Raises:
            PluginError: the plugin that registers it is broken.
            UsageError: the name is unknown; the message proposes the nearest one.
        """
        word = kind.word
        if name in self._entries[word]:
            return self._entries[word][name]
        what = f"{word} '{name}' cannot be used"
        if (word, name) in self._lost:
            raise PluginError(what, found=self._lost[word, name], next_step="see 'bench plugins'")
        broken = [plugin for plugin in self.plugins if plugin.problem]
        for plugin in broken:
            if name in re.split(r"[:/]", plugin.name.removesuffix(".py")):
                raise PluginError(what, where=f"plugin {plugin.name}", found=plugin.problem)
        error = unknown_name(word, name, self.names(kind))
        error.next_step = "if a file of yours brings it, give the file with --plugin, in Python to harness.load"
        if broken:
            error.next_step = f"see 'bench plugins': {len(broken)} could not be loaded"
        raise error

    def try_all(self) -> None:
        """Import everything that third parties register; what fails is the ``problem`` of its plugin."""
        for kind in self.kinds:
            for name, entry in self._entries[kind.word].items():
                plugin = next(plugin for plugin in self.plugins if plugin.name == entry.plugin)
                if plugin.problem or plugin.name.startswith(f"{OWN_DISTRIBUTION}:"):
                    continue
                try:
                    self.get(kind, name)
                except PluginError as problem:
                    plugin.problem = "; ".join(str(problem).splitlines())

    def get(self, kind: Kind[T], name: str) -> T:
        """Return the object of a name, imported and checked.

        Raises:
            PluginError: it cannot be imported or is not of this kind.
            UsageError: the name is unknown.
        """
        return kind.check(name, self.entry(kind, name).load())
