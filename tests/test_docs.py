"""The pages use public names only, and the page of the public names is up to date. See tests/docs for all else."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_pages_import_nothing_but_harness_itself_and_its_tests_for_authors():
    found = {
        line for page in PAGES for line in re.findall(r"(?:from|import) harness\.(?!testing)\S+.*", page.read_text())
    }

    assert not found


def test_the_readme_has_two_commands_of_one_line_each():
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert [len(block.strip().splitlines()) for block in blocks[:2]] == [1, 1]
    assert blocks[0].strip().endswith("bench run --method strong-baseline --protocol synthetic")
    assert "pytest" in blocks[1]


def test_the_page_of_the_public_names_is_up_to_date():
    made = runpy.run_path(str(ROOT / "docs" / "make_api.py"))

    assert made["page"]() == made["PAGE"].read_text(), "run 'make docs'"


def test_a_docstring_becomes_prose_lists_and_an_example_in_markdown():
    docstring = """Return a * b.

Args:
    a: the first, as ``x``
        or ``y``.

Raises:
    DataError: ``b`` is zero.

Example:
    >>> f(1, 2)
    2"""

    found = list(runpy.run_path(str(ROOT / "docs" / "make_api.py"))["markdown"](docstring))

    assert found == [
        r"Return a \* b.",
        "**Arguments**",
        "- `a`: the first, as `x`\n  or `y`.",
        "**Raises**",
        "- `DataError`: `b` is zero.",
        "```pycon\n>>> f(1, 2)\n2\n```",
    ]


def test_the_pages_that_messages_name_are_there():
    sources = [path for folder in ("harness", "plugins") for path in (ROOT / folder).rglob("*.py")]
    named = {page for path in sources for page in re.findall(r"docs/[\w/-]+\.md", path.read_text())}

    assert named
    assert {page for page in named if not (ROOT / page).is_file()} == set()
