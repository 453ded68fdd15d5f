"""The code version of a method: a digest of the source that its features depend on."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
from pathlib import Path

from harness.methods.method import Method

NOT_FOLLOWED = ("harness", "builtins", "abc", "typing")
"""Packages whose base classes are skipped; the harness's own computations are versioned with the harness."""


def code_digest(method: type[Method]) -> str:
    """Return a digest of the method's ``version`` and the source of its modules, as 64 hexadecimal digits."""
    hasher = hashlib.sha256(f"{method.__qualname__}\0{method.version}\0".encode())
    for module, file in sorted(source_files(method).items()):
        hasher.update(f"{module}\0".encode() + file.read_bytes() + b"\0")
    return hasher.hexdigest()


def source_files(method: type[Method]) -> dict[str, Path]:
    """Return the files of a method's modules by the dotted name of the module.

    These are the modules of the class and of its bases outside the harness, and all modules of the same top-level
    package that they import, directly or indirectly.
    """
    files: dict[str, Path] = {}
    for base in method.__mro__:
        if not any(_within(base.__module__, package) for package in NOT_FOLLOWED):
            package = base.__module__.partition(".")[0]
            _follow(base.__module__, inspect.getsourcefile(base), package, files)
    return files


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _follow(module: str, file: str | None, package: str, files: dict[str, Path]) -> None:
    """Add a module and its imports from ``package`` to ``files``."""
    if module in files or file is None or not file.endswith(".py"):
        return
    files[module] = Path(file)
    for node in ast.walk(ast.parse(Path(file).read_bytes())):
        for name in _imported(node, module, is_package=file.endswith("__init__.py")):
            if _within(name, package):
                found = _find(name)
                if found is not None:
                    _follow(*found, package, files)


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


def _find(name: str) -> tuple[str, str] | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return (name, spec.origin) if spec is not None and spec.origin else None
