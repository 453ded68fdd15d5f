"""The links on the pages lead somewhere, both on GitHub and on the site."""

import importlib.util
import re

import pytest

from tests.docs.blocks import FENCE, PAGES, ROOT

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
BARE = re.compile(r"https?://[^\s)>\]`\"]+")


def name(page):
    return str(page.relative_to(ROOT))


def anchors(page):
    """Return the anchors that GitHub gives to a page's headings."""
    found, seen = set(), {}
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        number = seen[slug] = seen.get(slug, -1) + 1
        found.add(f"{slug}-{number}" if number else slug)
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_and_a_heading_of_the_repository(page):
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_the_anchor_of_a_heading_is_githubs(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A `b`, c & d\n\n## Same\n\n```sh\n# no heading\n```\n\n## Same\n\n## [x](y.md) is\n")

    assert anchors(page) == {"a-b-c--d", "same", "same-1", "x-is"}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_address_of_another_host_has_the_form_of_one(page):
    hook = loaded_hook()
    text = FENCE.sub("", page.read_text(encoding="utf-8"))

    assert [address for address in BARE.findall(text) if not hook.well_formed(address.rstrip(".,;"))] == []


def test_the_site_translates_links_of_the_repository_to_its_own():
    hook = loaded_hook()

    assert hook.site_path("README.md") == "index.md"
    assert hook.site_path("docs/reference/files.md") == "reference/files.md"
    assert hook.site_path("leaderboard/LEADERBOARD.md") == "leaderboard/LEADERBOARD.md"
    for place in ("index.md", "api.md", "reference/files.md", "leaderboard/LEADERBOARD.md", "CHANGELOG.md"):
        assert hook.site_path(hook.repository_path(place)) == place
    shown = hook.translated(
        "[a](docs/api.md#x) [b](leaderboard/LEADERBOARD.md) [c](https://d.org) [e](#f)", "README.md"
    )
    assert shown == "[a](api.md#x) [b](leaderboard/LEADERBOARD.md) [c](https://d.org) [e](#f)"
    shown = hook.translated("[a](../../README.md) [b](../../CONTRIBUTING.md) [c](../api.md)", "docs/reference/files.md")
    assert shown == "[a](../index.md) [b](../CONTRIBUTING.md) [c](../api.md)"


def test_an_address_without_a_host_or_a_protocol_is_found():
    hook = loaded_hook()

    assert hook.well_formed("https://example.org/a?b=c#d")
    assert hook.well_formed("mailto:somebody@example.org")
    for address in ("https://", "https://localhost", "http://example.org", "https://exa mple.org", "ftp://example.org"):
        assert not hook.well_formed(address)
    assert [*hook.addresses('<a href="x.html">x</a><img src="https://a.org/b.png">')] == ["https://a.org/b.png"]


def loaded_hook():
    """Return the module that MkDocs runs beside its own."""
    for package in ("mkdocs", "latex2mathml"):
        pytest.importorskip(package, reason="the site is built with the extra 'docs'")
    spec = importlib.util.spec_from_file_location("site_hook", ROOT / "docs" / "site" / "hook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
