"""What MkDocs does not do by itself: pages from outside docs/, links as on GitHub, formulas, and checks of addresses.

The pages are written for a reader of the repository. The site has README.md as its first page, and a few more pages
from outside docs/; every relative link is translated from the repository's paths to the site's.
"""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
OUTSIDE = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "examples/*/README.md",
    "leaderboard/*.md",
    "leaderboard/tasks/**/*",
)
"""The files outside docs/ that the site also has, at the same paths but for README.md."""

LINK = re.compile(r"(\]\()(?![a-z]+:|#|/)([^)\s#]+)((?:#[^)\s]*)?\))")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
FORMULA = re.compile(r"^```math\n(.+?)\n```$", re.MULTILINE | re.DOTALL)
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)

BOOST = {"troubleshooting.md": 4, "api.md": 0.5, "CHANGELOG.md": 0.25, "leaderboard/": 0.25}
"""The weights of pages in the search, by the beginning of their place: who looks for a message wants its answer."""

log = logging.getLogger("mkdocs.hooks.site")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                place = site_path(path.relative_to(ROOT).as_posix())
                files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Translate links and formulas, but nothing that stands in a fence; weigh the page for the search."""
    weights = [weight for place, weight in BOOST.items() if page.file.src_uri.startswith(place)]
    page.meta.update({"search": {"boost": weights[0]}} if weights else {})
    drawn = FORMULA.sub(lambda match: f'<div class="formula">{convert(match[1], display="block")}</div>', markdown)
    parts = re.split(f"({FENCE.pattern})", drawn, flags=FENCE.flags)
    own = repository_path(page.file.src_uri)
    return "".join(part if number % 2 else translated(part, own) for number, part in enumerate(parts))


def on_page_content(html: str, page: Page, **_: object) -> None:
    """Warn of every address of another host that has not the form of one; whether it answers is not asked."""
    for address in addresses(html):
        if not well_formed(address):
            log.warning("%s: '%s' is no address", repository_path(page.file.src_uri), address)


def site_path(path: str) -> str:
    """Return the place on the site of a file of the repository: ``docs/api.md`` is at ``api.md``."""
    return "index.md" if path == "README.md" else path.removeprefix("docs/")


def repository_path(place: str) -> str:
    """Return the file of the repository that is at a place on the site."""
    if place == "index.md":
        return "README.md"
    return f"docs/{place}" if (ROOT / "docs" / place).exists() else place


def well_formed(address: str) -> bool:
    """Return whether an absolute address could lead somewhere: https or mailto, a host with a dot, and no blanks."""
    parts = urlsplit(address)
    if parts.scheme == "mailto":
        return "@" in parts.path
    return parts.scheme == "https" and bool(HOST.fullmatch(parts.netloc)) and not re.search(r"[\s<>\"]", address)


def addresses(html: str) -> Iterator[str]:
    """Yield the absolute addresses of a page's links and pictures."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value for name, value in attrs if name in {"href", "src"} and value)

    Reader().feed(html)
    yield from (value for value in found if urlsplit(value).scheme)


def translated(text: str, own: str) -> str:
    """Return a text whose relative links lead from a file of the repository to the same files on the site."""

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(own), match[2]))
        place = posixpath.relpath(site_path(target), posixpath.dirname(site_path(own)))
        return f"{match[1]}{place}{match[3]}"

    return LINK.sub(link, text)
