import logging
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from harness.basics.shown import VisibleLines, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Zürich, 京A·12345, a\u3000b", "plain, Zürich, 京A·12345, a\u3000b"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\u202eb\u2066", "a\\u202eb\\u2066"),
        ("\x85\u2028\ufeff\ud800", "\\x85\\u2028\\ufeff\\ud800"),
        ("two\nlines\tand\rmore", "two\nlines\tand\\rmore"),
    ],
)
def test_hidden_characters_are_shown_as_marks(text, shown):
    assert visible(text) == shown


@given(st.text(st.characters(), max_size=30))
def test_nothing_that_moves_a_cursor_or_turns_the_writing_is_left(text):
    shown = visible(text, keep="")

    assert not [sign for sign in shown if unicodedata.category(sign)[0] == "C" or sign in "\u2028\u2029"]
    assert visible(shown, keep="") == shown


def test_what_is_logged_is_shown_with_marks():
    record = logging.LogRecord("bench", logging.INFO, "", 0, "skipped: %s", ("\x1b[2J.jpg",), None)

    assert VisibleLines("%(message)s").format(record) == "skipped: \\x1b[2J.jpg"


def test_every_text_is_printed_in_one_place():
    root = Path(__file__).parents[3]
    modules = [path for room in ("harness", "leaderboard", "plugins") for path in (root / room).rglob("*.py")]
    printing = [path for path in modules if "click.echo(" in path.read_text(encoding="utf-8")]

    assert printing == [root / "harness/cli/output.py"]
