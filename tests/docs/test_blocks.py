"""The code on the pages runs as it stands, page by page, and every command on them exists."""

import re
import sys

import pytest

from tests.docs.blocks import MARK, PAGES, ROOT, Block, blocks, commands, run, unknown_words
from tests.docs.reader import prepare

GENERATED = {ROOT / "docs" / "api.md", *(ROOT / "docs" / "reference").glob("*.md")}
"""Their blocks are signatures, and examples from docstrings."""
RUN = [page for page in PAGES if page.parent != ROOT and page not in GENERATED and blocks(page)]
SLOW = [page for page in RUN if any(block.mark == "slow" for block in blocks(page))]
RUNNABLE = [page for page in RUN if any(not block.mark for block in blocks(page))]


def name(page):
    return str(page.relative_to(ROOT))


@pytest.fixture
def names(small_synthetic, tmp_path, monkeypatch):
    """The names that Python blocks find defined, in the folder that the page's reader works in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return prepare(tmp_path, small_synthetic)


def run_page(page, marks, names, small):
    for block in blocks(page):
        if block.mark in marks:
            run(block, names, small)


@pytest.mark.parametrize("page", RUNNABLE, ids=name)
def test_the_blocks_of_a_page_run_in_their_order(page, names, small_synthetic):
    run_page(page, {""}, names, small_synthetic)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW, ids=name)
def test_the_long_blocks_of_a_page_run_too(page, names, small_synthetic):
    run_page(page, {"", "slow"}, names, small_synthetic)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_mark_is_slow_or_says_why_the_block_is_not_run(page):
    assert [block.mark for block in blocks(page) if block.mark and not MARK.fullmatch(block.mark)] == []
    assert len(re.findall("^<!-- test:", page.read_text(), re.MULTILINE)) == sum(
        1 for block in blocks(page) if block.mark
    ), "a mark without a block"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_verb_and_option_on_a_page_exists(page):
    assert {line: unknown for line in commands(page) if (unknown := unknown_words(line))} == {}


def test_an_unknown_verb_or_option_is_found():
    assert unknown_words("bench rum --method pgan") == ["rum"]
    assert unknown_words("bench run --methods pgan --set=a=1") == ["--methods"]
    assert unknown_words("bench methods pgan --recipe quick --data x") == ["--data"]
    assert unknown_words("bench data check veri776 --data VeRi  # --nothing") == []


def test_a_block_that_fails_fails_its_page(names, small_synthetic):
    with pytest.raises(AssertionError, match="unknown method"):
        run(Block("sh", "", "", "bench methods no-such-method\n", 1), names, small_synthetic)
    with pytest.raises(AssertionError, match="mark the block"):
        run(Block("sh", "", "", "rm -r VeRi\n", 1), names, small_synthetic)
    with pytest.raises(ZeroDivisionError):
        run(Block("python", "", "", "1 / 0\n", 1), names, small_synthetic)
