"""The page of the methods, from the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.describe.method import options_of
from harness.methods.method import Method, resolve_options
from harness.methods.naming import as_set
from harness.registry.kinds import DETECTOR, METHOD
from pages import own, text

INTRODUCTION = """\
The built-in methods and detectors with their options, which `--set OPTION=VALUE` changes. `bench methods show NAME`
also prints the shapes inside the network and the number of parameters. [Recipes](../recipes.md) shows how to run the
methods as in their papers. The source of a default stands in brackets: a section or table of the paper, `R` for the
authors' released recipe, `open` if nobody has published the value."""


def page() -> str:
    """Return the page."""
    return text.page("Methods", INTRODUCTION, _parts())


def _parts() -> Iterator[str]:
    registry = own.registry()
    names = registry.names(METHOD)
    yield text.table(
        ["method", "what it is"], [(f"[`{name}`](#{name})", registry.entry(METHOD, name).about) for name in names]
    )
    for name in names:
        yield from _method(name, registry.method(name), registry.entry(METHOD, name).about)
    yield "## Detectors of parts"
    for name in registry.names(DETECTOR):
        yield from _method(name, registry.detector(name), registry.entry(DETECTOR, name).about, level=3)


def _method(name: str, method: type[Method], about: str, level: int = 2) -> Iterator[str]:
    yield f"{'#' * level} {name}"
    yield text.sentence(about or method.about)
    facts = [f"Paper: {text.prose(paper)}" for paper in getattr(method, "papers", ())]
    if facts:
        yield "\n".join(f"- {fact}" for fact in facts)
    yield from _sets("Variants", method.variants)
    yield from _sets("Recipes", method.recipes)
    options = options_of(method.Options, resolve_options(name, method))
    if options:
        rows = [
            (
                text.code(option["option"]),
                option["type"],
                text.code(as_set(option["option"], option["default"])),
                text.prose(option["about"]),
            )
            for option in options
        ]
        yield text.table(["option", "type", "default", "meaning"], rows)
    else:
        yield "It has no options."


def _sets(title: str, named: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if named:
        shown = {
            name: ", ".join(text.code(f"{option}={as_set(option, value)}") for option, value in sets.items())
            for name, sets in sorted(named.items())
        }
        yield f"**{title}**"
        yield text.listed({name: sets or "the defaults" for name, sets in shown.items()})
