"""The code version of a method: a digest over the source that its features depend on."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
from pathlib import Path

from harness.methods.method import Method


def code_digest(method: type[Method]) -> str:
    """Return a digest over the method's ``version`` and the source of its modules.

    The modules are those of the class and its bases outside the harness, and every module of the same top-level
    package that they import, directly or not. What the harness itself computes is versioned with the harness.

    Returns:
        64 hexadecimal digits.
    """
    sources: dict[str, Path] = {}
    for base in method.__mro__:
        package = base.__module__.partition(".")[0]
        if package not in {"builtins", "harness", "abc", "typing"}:
            _follow(base.__module__, inspect.getsourcefile(base), package, sources)
    hasher = hashlib.sha256(f"{method.__qualname__}\0{method.version}\0".encode())
    for module in sorted(sources):
        hasher.update(f"{module}\0".encode() + sources[module].read_bytes() + b"\0")
    return hasher.hexdigest()


def _follow(module: str, file: str | None, package: str, sources: dict[str, Path]) -> None:
    """Add a module and what it imports from its own package to ``sources``."""
    if module in sources or file is None or not file.endswith(".py"):
        return
    sources[module] = Path(file)
    for node in ast.walk(ast.parse(Path(file).read_bytes())):
        for name in _imported(node, module, is_package=file.endswith("__init__.py")):
            if name.partition(".")[0] == package:
                spec = _find(name)
                if spec is not None:
                    _follow(spec[0], spec[1], package, sources)


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
    """Return the module's name and file, or None where the name is no module."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return (name, spec.origin) if spec is not None and spec.origin else None
