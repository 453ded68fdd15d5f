"""The code version of a method: a digest of everything that its features depend on and that a user may change.

Python files are covered by their content, wherever they lie: the method's own module, and all that it imports, directly
or indirectly. What is installed as a distribution counts by its name and version, and is not followed. A compiled
module, and one that lies among the installed ones but is of no distribution, counts by its content as well.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from harness.methods.method import Method

OWN = ("harness",)
"""Packages that are not followed: the harness's computations are versioned with the harness."""


def code_digest(method: type[Method], modules: Iterable[str] = ()) -> str:
    """Return a digest of the method's ``version``, its modules and its libraries, as 64 hexadecimal digits.

    ``modules`` are further ones that count as the method's own, by their dotted names (see ``Method.modules``).
    """
    hasher = hashlib.sha256(f"{method.__qualname__}\0{method.version}\0".encode())
    found = _Sources(method)
    for module in modules:
        found.add(module)
    for module, file in sorted(found.files.items()):
        hasher.update(f"{module}\0".encode() + file.read_bytes() + b"\0")
    for name in sorted(found.libraries):
        hasher.update(f"{name}=={_version(name)}\0".encode())
    return hasher.hexdigest()


def source_files(method: type[Method]) -> dict[str, Path]:
    """Return the files that a method's features depend on, by the dotted name of the module."""
    return _Sources(method).files


class _Sources:
    """The modules of a method and of its bases, and whatever these import.

    Attributes:
        files: the followed files by dotted name.
        libraries: the top-level packages of installed distributions that they import.
    """

    def __init__(self, method: type[Method]) -> None:
        self.files: dict[str, Path] = {}
        self.libraries: set[str] = set()
        self._own = {base.__module__.partition(".")[0] for base in method.__mro__[:1]}
        for base in method.__mro__:
            module = sys.modules.get(base.__module__)
            self._add(base.__module__, getattr(module, "__file__", None) or _source(base))

    def add(self, module: str) -> None:
        """Follow one more module."""
        self._add(module, self._find(module))

    def _add(self, module: str, file: str | None) -> None:
        """Follow a module unless it belongs to Python, the harness or another distribution, which is noted."""
        package = module.partition(".")[0]
        if module in self.files or package in OWN or package in sys.stdlib_module_names:
            return
        if package not in self._own and (file is None or (_installed(file) and _version(package))):
            if file is not None:
                self.libraries.add(package)
            return
        if file is None or not Path(file).is_file():  # a package of several folders, or a module that Python has within
            return
        self.files[module] = Path(file)
        if not file.endswith(".py"):
            return
        try:
            tree = ast.parse(Path(file).read_bytes())
        except (SyntaxError, ValueError):  # of another version of Python, which this one cannot import either
            return
        for node in ast.walk(tree):
            for name in _imported(node, module, is_package=file.endswith("__init__.py")):
                self._add(name, self._find(name))

    def _find(self, name: str) -> str | None:
        """Return the file of a module; for one of an installed distribution that of its top-level package."""
        package = name.partition(".")[0]
        if package in OWN or package in sys.stdlib_module_names:
            return None
        try:
            if package not in self._own:
                top = importlib.util.find_spec(package)
                if top is None or (top.origin is not None and _installed(top.origin) and _version(package)):
                    return None if top is None else top.origin
            spec = importlib.util.find_spec(name)
        except Exception:  # it imports the package around the module, which can raise anything
            return None
        return None if spec is None else spec.origin


def _source(base: type) -> str | None:
    try:
        return inspect.getsourcefile(base)
    except TypeError:  # a built-in class
        return None


@cache
def _installed_folders() -> tuple[Path, ...]:
    """Return the folders of distributions, those of other environments that Python also looks in among them."""
    own = [sysconfig.get_path(word) for word in ("purelib", "platlib", "stdlib")]
    shared = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
    return tuple(Path(place).resolve() for place in (*own, *shared))


def _installed(file: str) -> bool:
    """Return whether a file is part of an installed distribution, and not of one that is installed for editing."""
    path = Path(file).resolve()
    return any(path.is_relative_to(folder) for folder in _installed_folders())


@cache
def _version(package: str) -> str:
    """Return the version of a package's distribution, or its name and version if it is called otherwise; else empty."""
    try:
        return version(package)
    except PackageNotFoundError:
        names = sorted(set(packages_distributions().get(package, ())))
    return ", ".join(f"{name} {version(name)}" for name in names)


def _imported(node: ast.AST, module: str, *, is_package: bool) -> list[str]:
    """Return the dotted names that an import statement may refer to."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        parts = module.split(".")
        above = parts[: len(parts) - node.level + (1 if is_package else 0)] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        return [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return []
