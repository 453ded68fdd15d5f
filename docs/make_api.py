"""Write docs/api.md, the page of the public names, from the docstrings.

    python docs/make_api.py

Nothing is imported: signatures and defaults are printed as the source has them, so that the page is the same on every
machine. `python -m pytest tests/test_docs.py` fails when the page is out of date.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent, indent

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "api.md"
WIDTH = 100

GROUPS = {
    "Writing a method": (
        "hookimpl Method Options NetworkMethod Stage InputSize Batches PK Shuffled Session Attention shares Boxes "
        "Detector DetectorOptions pack"
    ),
    "Data sets and protocols": (
        "Protocol Task Rule Draws Convention PublicCopy Dataset ImageTable UNKNOWN Layout Choices Relevance RowLists"
    ),
    "Features, ranks and measures": (
        "write_features FeatureFile evaluate Scores verification Verification Reranking Machine Metric MeasureFamily "
        "Measure rank PositiveRanks load"
    ),
    "Results": "results leaderboard Record",
    "Post-processing": "Step RankingStep FeatureSets",
    "Observers, engines and corruptions": "ObservedRun Engine Command Ticket Corruption Scene",
    "Errors": "BenchError UsageError DataError FeatureError CheckpointError RecordError PluginError RunError",
}
"""The complete list of public names by purpose, the most needed first."""

INTRODUCTION = """\
# Public names

These names are imported from `harness` itself: `import harness`, then `harness.evaluate(...)`. The modules behind them
are private and may move. This page is the reference; [your-method.md](your-method.md) shows how to write a method.

Generated from the docstrings by `python docs/make_api.py`. `(n, d) float32` gives the shape and type of an array."""

LISTS = {"Args": "Arguments", "Attributes": "Attributes", "Raises": "Raises"}
SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Example|Examples):\n", re.MULTILINE)

Definition = ast.ClassDef | ast.FunctionDef


def page() -> str:
    """Return the page."""
    parts = [INTRODUCTION, "\n".join(f"- {title}: {_links(names)}" for title, names in GROUPS.items())]
    for title, names in GROUPS.items():
        parts.append(f"## {title}")
        for name in names.split():
            parts.extend(_described(name))
    return "\n\n".join(parts) + "\n"


def _links(names: str) -> str:
    return ", ".join(f"[{name}](#{name.lower()})" for name in names.split())


def _described(name: str) -> Iterator[str]:
    """Yield the paragraphs of one public name."""
    node, text = find(name)
    yield f"### {name}"
    yield source_block(_signature(node))
    yield from markdown(text)
    if not isinstance(node, ast.ClassDef):
        return
    for member in node.body:
        if not isinstance(member, ast.FunctionDef) or member.name.startswith("_"):
            continue
        if documented := ast.get_docstring(member):
            yield f"#### {name}.{member.name}"
            yield source_block(signature_of(member, owner=node))
            yield from markdown(documented)


def _signature(node: ast.stmt) -> str:
    if isinstance(node, ast.ClassDef):
        return _class(node)
    return signature_of(node) if isinstance(node, ast.FunctionDef) else ast.unparse(node)


def find(name: str, module: str = "harness") -> tuple[ast.stmt, str]:
    """Return the definition of a name that a module defines or imports, and its docstring.

    Raises:
        LookupError: the module has no such name, or it has no docstring.
    """
    stem = ROOT.joinpath(*module.split("."))
    file = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
    body = ast.parse(file.read_text(encoding="utf-8")).body
    body += [inner for node in body if isinstance(node, ast.If) for inner in node.body]  # if TYPE_CHECKING
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}:
            return find(name, node.module or "")
        if isinstance(node, Definition) and node.name == name and (text := ast.get_docstring(node)):
            return node, text
        if isinstance(node, ast.Assign | ast.AnnAssign) and name in {ast.unparse(t) for t in _targets(node)}:
            text = ast.literal_eval(after.value) if isinstance(after, ast.Expr) else ""
            if text:
                return node, inspect.cleandoc(text)
    raise LookupError(f"{module} has no '{name}' with a docstring")


def _targets(node: ast.Assign | ast.AnnAssign) -> Sequence[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _class(node: ast.ClassDef) -> str:
    """Return the call that makes an object of the class; without fields and parameters, the class and its bases."""
    decorators = {ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list}
    bases = ", ".join(base for base in map(ast.unparse, node.bases) if not base.startswith("_"))
    if "dataclass" in decorators:
        fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
        return _call(node.name, [_field(item) for item in fields if not _private(item)], "")
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__" and len(_parameters(item)) > 1:
            return _call(node.name, _parameters(item)[1:], "")
    return f"class {node.name}" + (f"({bases})" if bases else "")


def _private(item: ast.AnnAssign) -> bool:
    return ast.unparse(item.target).startswith("_") or "ClassVar" in ast.unparse(item.annotation)


def _field(item: ast.AnnAssign) -> str:
    text = f"{ast.unparse(item.target)}: {ast.unparse(item.annotation)}"
    default = item.value
    if isinstance(default, ast.Call) and ast.unparse(default.func) == "field":
        given = {word.arg: ast.unparse(word.value) for word in default.keywords}
        shown = given.get("default") or (f"{given['default_factory']}()" if "default_factory" in given else "")
        return f"{text} = {shown}" if shown else text
    return f"{text} = {ast.unparse(default)}" if default else text


def _parameters(node: ast.FunctionDef) -> list[str]:
    """Return the parameters with annotations and defaults, one each."""
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    found = [_parameter(one, default) for one, default in zip(positional, defaults, strict=True)]
    if given.posonlyargs:
        found.insert(len(given.posonlyargs), "/")
    if given.vararg or given.kwonlyargs:
        found.append(f"*{_parameter(given.vararg)}" if given.vararg else "*")
    found += [_parameter(one, value) for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return found + ([f"**{_parameter(given.kwarg)}"] if given.kwarg else [])


def _parameter(one: ast.arg, default: ast.expr | None = None) -> str:
    text = f"{one.arg}: {ast.unparse(one.annotation)}" if one.annotation else one.arg
    return f"{text} = {ast.unparse(default)}" if default else text


def signature_of(node: ast.FunctionDef, owner: ast.ClassDef | None = None) -> str:
    """Return a function's signature; a property's is its type."""
    decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
    returns = ast.unparse(node.returns) if node.returns else ""
    name = f"{owner.name}.{node.name}" if owner else node.name
    if decorators & {"property", "cached_property"}:
        return f"{name}: {returns}"
    bound = owner is not None and "staticmethod" not in decorators
    return _call(name, _parameters(node)[bound:], f" -> {returns}" if returns and returns != "None" else "")


def _call(name: str, parameters: Sequence[str], returns: str) -> str:
    line = f"{name}({', '.join(parameters)}){returns}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name}(", *(f"    {parameter}," for parameter in parameters), f"){returns}"])


def source_block(text: str) -> str:
    """Return Python made by ``ast.unparse`` as a block with the project's quotes; no default holds a quote."""
    return _code(text.replace("'", '"'), "python")


def _code(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"


def markdown(docstring: str) -> Iterator[str]:
    """Yield the paragraphs of a docstring: prose, lists of its sections, and its example."""
    before, *sections = SECTION.split(docstring)
    yield from prose(before)
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        section, *after = re.split(r"\n+(?=\S)", body, maxsplit=1)
        text = dedent(section).strip("\n")
        if title in LISTS:
            yield f"**{LISTS[title]}**"
            yield "\n".join(_item(entry) for entry in re.split(r"\n(?=\S)", text))
        elif title.startswith("Example"):
            yield _code(text, "pycon")
        else:
            first, *rest = prose(text)
            yield f"**{title}** {first}"
            yield from rest
        for paragraphs in after:
            yield from prose(paragraphs)


def prose(text: str) -> list[str]:
    """Return the paragraphs of a docstring's prose in Markdown."""
    return [_inline(paragraph) for paragraph in re.split(r"\n{2,}", text.strip())]


def _item(entry: str) -> str:
    name, _, text = entry.partition(":")
    return f"- `{name}`: " + indent(_inline(dedent(text).strip()), "  ").strip()


def _inline(text: str) -> str:
    """Return prose with code in single backticks, and everything else that Markdown would read as markup escaped."""
    lines = "\n".join(line.strip() for line in text.splitlines())
    parts = re.split(r"``(.+?)``", lines, flags=re.DOTALL)
    return "".join(
        f"`{' '.join(part.split())}`" if number % 2 else re.sub(r"([*<])", r"\\\1", part)
        for number, part in enumerate(parts)
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
