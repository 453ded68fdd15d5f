"""The compiled loops by their signatures."""

from __future__ import annotations

import ast
from pathlib import Path

import harness.kernel

FOLDER = Path(harness.kernel.__file__).parent


def test_no_loop_takes_more_than_eleven_arguments_and_nothing_else_more_than_seven():
    for path in sorted(FOLDER.rglob("*.py")):
        most = 11 if path.parent.name == "native" else 7
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                names = [word.arg for word in node.args.args + node.args.kwonlyargs if word.arg not in {"self", "cls"}]
                assert len(names) <= most, f"{path.name}: {node.name}"


def test_the_kernels_modules_do_not_import_the_package_that_they_are_in():
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert "harness.kernel" not in names, path.name
