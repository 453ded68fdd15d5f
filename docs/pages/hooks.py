"""The page of the hooks, from their docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from make_api import find, markdown, signature_of, source_block

from harness.registry.kinds import KINDS
from pages import text
from pages.own import ROOT

INTRODUCTION = """\
A plugin is a Python file (`--plugin FILE`) or an installed distribution with an entry point in the group `bench`. It
implements any of these hooks as a function of the same name, marked with `harness.hookimpl`. The function may leave out
parameters that it does not need."""
EXAMPLE = """\
import harness


class MeanColour:
    def embed(self, images):
        return images.mean((2, 3))


@harness.hookimpl
def bench_register_methods(register):
    register("mean-colour", MeanColour, about="the mean colour of the image")"""


def page() -> str:
    """Return the page."""
    return text.page("Hooks", INTRODUCTION, _parts())


def names() -> list[str]:
    """Return the names of all hooks, in the order of the source."""
    return [node.name for node in _nodes()]


def _nodes() -> Iterator[ast.FunctionDef]:
    tree = ast.parse((ROOT / "harness" / "registry" / "hookspecs.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any("hookspec" in ast.unparse(one) for one in node.decorator_list):
            yield node


def _parts() -> Iterator[str]:
    yield text.block(EXAMPLE, "python")
    yield "## Registering"
    register, _ = find("Register", "harness.registry.hookspecs")
    call = next(item for item in ast.walk(register) if isinstance(item, ast.FunctionDef))
    call.name = "register"
    call.args.args = call.args.args[1:]
    yield source_block(signature_of(call))
    yield from markdown(ast.get_docstring(call) or "")
    kinds = {kind.hook: kind.word for kind in KINDS}
    for node in _nodes():
        yield f"## {node.name}"
        yield source_block(signature_of(node))
        yield from markdown(ast.get_docstring(node) or "")
        if node.name in kinds:
            yield f"What it registers is a {kinds[node.name]} on the command line, beside the built-in ones."
