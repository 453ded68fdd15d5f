"""The leaderboard as one static HTML page: sortable, readable on a phone, asking no other host for anything."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.measures import heading
from leaderboard.page import PUBLISHED_HEADINGS, TaskPage


def html(pages: Sequence[TaskPage]) -> str:
    """Return the page; every name is escaped by the template."""
    environment = Environment(
        loader=PackageLoader("leaderboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("leaderboard.html")
    return template.render(pages=pages, heading=heading, published_headings=PUBLISHED_HEADINGS)
