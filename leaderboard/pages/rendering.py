"""The templates of the pages, in Markdown and HTML."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from harness.basics.shown import visible
from harness.scoring.tables import escape


def render(template: str, **values: Any) -> str:
    """Return a filled template of ``leaderboard/templates``, ending in one line end.

    Names are escaped by the template: all of them in HTML and SVG, in Markdown those that pass the filter ``markdown``.
    In all of them, characters that turn the writing, or that XML cannot hold, become visible marks.
    """
    return _environment().get_template(template).render(values).rstrip("\n") + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leaderboard"),
        autoescape=select_autoescape(("html", "svg")),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["markdown"] = escape
    return environment


def _shown(value: Any) -> Any:
    """Return what a template writes; parts that are finished markup are of our own making."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
