"""The site as a reader has it without a connection: built without a warning, opened from a file, and searched."""

import os
import re
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.docs.blocks import ROOT
from tests.leaderboard.pages.test_browser import requests_of

pytestmark = pytest.mark.slow

SEARCHED = {
    "trapezoids": "reference/measures.html",
    "have no feature": "troubleshooting.html",
    "bench_register_layouts": "reference/hooks.html",
    "near-duplicates": "synthetic.html",
}


def build(out):
    """Build the site; a warning makes it fail."""
    pytest.importorskip("material", reason="the site is built with the extra 'docs'")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # as in the Makefile: a notice about MkDocs itself
    return subprocess.run(words, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)  # noqa: S603 - our own


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site") / "site"
    done = build(out)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return out


def found(browser, words):
    """Type words into the search of the open page, and return the addresses of the answers, the best first."""
    browser.execute_script("document.getElementById('__search').click()")
    field = browser.find_element(By.CSS_SELECTOR, "input.md-search__input")
    WebDriverWait(browser, 30).until(lambda _: field.is_displayed() and field.is_enabled())
    field.clear()
    field.send_keys(words)
    answers = "a.md-search-result__link"
    WebDriverWait(browser, 30).until(lambda _: browser.find_elements(By.CSS_SELECTOR, answers))
    return [link.get_attribute("href") for link in browser.find_elements(By.CSS_SELECTOR, answers)]


@pytest.mark.parametrize(("words", "page"), SEARCHED.items())
def test_the_search_finds_a_page_without_a_server(browser, site, words, page):
    browser.get((site / "index.html").as_uri())

    assert page in " ".join(found(browser, words)[:3])


def test_the_search_works_from_a_page_in_a_folder_too(browser, site):
    browser.get((site / "reference" / "files.html").as_uri())
    first = found(browser, "k-reciprocal")[0]
    browser.get(first)

    assert urlsplit(first).scheme == "file"
    assert WebDriverWait(browser, 30).until(lambda _: "k-reciprocal" in browser.page_source)


def test_no_page_asks_another_host_for_anything_or_logs_an_error(browser, site):
    browser.get_log("performance")
    browser.get_log("browser")
    pages = sorted(path for path in site.rglob("*.html") if path.name != "404.html")  # which only a server shows
    for page in pages:
        browser.get(page.as_uri())

    assert len(pages) > 20
    assert {urlsplit(url).scheme for url in requests_of(browser)} <= {"file", "data", "about", "blob"}
    assert [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_no_markup_is_left_in_the_text_of_a_page(site):
    left = re.compile(r"\n\s*(?:[-*]|\d{1,2}\.) |\n\||```|\\[<*_|]|\*\*")
    for page in site.rglob("*.html"):
        article = re.search(r"<article.*?</article>", page.read_text(encoding="utf-8"), re.DOTALL)
        text = re.sub(r"<(pre|code)\b.*?</\1>", "", article[0] if article else "", flags=re.DOTALL)
        for paragraph in re.findall(r"<(?:p|li)>((?:(?!</?(?:p|li|ul|ol)>).)*)", text, re.DOTALL):
            assert not left.search(paragraph), (page.name, paragraph)


def test_the_formulas_are_drawn_by_the_browser_itself(browser, site):
    browser.get((site / "reference" / "measures.html").as_uri())

    heights = browser.execute_script(
        "return [...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)"
    )
    assert len(heights) >= 6
    assert min(heights) > 15


def test_a_broken_link_or_anchor_fails_the_build(tmp_path, monkeypatch):
    copy = tmp_path / "copy"
    for name in ("docs", "examples", "leaderboard/tasks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mkdocs.yml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "leaderboard/LEADERBOARD.md"):
        shutil.copy(ROOT / name, copy / name)
    page = copy / "docs" / "cite.md"
    written = page.read_text()
    monkeypatch.setattr(sys.modules[__name__], "ROOT", copy)

    assert build(tmp_path / "right").returncode == 0
    for link, said in (
        ("[x](missing.md)", "missing.md"),
        ("[x](api.md#missing)", "missing"),
        ("[x](#missing)", "missing"),
        ("[x](http://example)", "is no address"),
    ):
        page.write_text(f"{written}\n{link}\n")
        done = build(tmp_path / "wrong")
        assert done.returncode != 0, link
        assert said in done.stderr
