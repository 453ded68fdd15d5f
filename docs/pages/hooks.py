"""The page of the hooks, from their docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from make_api import find, markdown, prose, signature_of, source_block

from pages import text
from pages.own import ROOT

SOURCE = ROOT / "harness" / "registry" / "hookspecs.py"
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
    for node in ast.parse(SOURCE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and any("hookspec" in ast.unparse(one) for one in node.decorator_list):
            yield node


def _parts() -> Iterator[str]:
    nodes = list(_nodes())
    registering = [node for node in nodes if node.name.startswith("bench_register_")]
    following = [node for node in nodes if not node.name.startswith("bench_register_")]
    yield text.block(EXAMPLE, "python")
    yield "## Registering"
    register, _ = find("Register", "harness.registry.hookspecs")
    call = next(item for item in ast.walk(register) if isinstance(item, ast.FunctionDef))
    call.name = "register"
    call.args.args = call.args.args[1:]
    yield "Each of these hooks receives the function `register` and calls it once for each thing that it registers:"
    yield source_block(signature_of(call))
    yield from markdown(ast.get_docstring(call) or "")
    for node in registering:
        yield from _hook(node)
    if following:
        yield "## Following a run"
        yield from _comment(following[0])
        for node in following:
            yield from _hook(node)


def _hook(node: ast.FunctionDef) -> Iterator[str]:
    yield f"### {node.name}"
    yield source_block(signature_of(node))
    yield from markdown(ast.get_docstring(node) or "")


def _comment(node: ast.FunctionDef) -> Iterator[str]:
    """Yield the paragraphs of the comment above a hook, which is about all that follow."""
    lines = SOURCE.read_text(encoding="utf-8").splitlines()[: node.decorator_list[0].lineno - 1]
    found: list[str] = []
    while lines and (not lines[-1].strip() or lines[-1].startswith("#")):
        found.append(lines.pop().removeprefix("#").strip())
    yield from (paragraph for paragraph in prose("\n".join(reversed(found))) if paragraph)
