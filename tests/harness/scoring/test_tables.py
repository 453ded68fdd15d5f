import pytest
from hypothesis import given, strategies as st

from harness.measures import heading, in_order
from harness.scoring.tables import escape, percent, plain, scores_table, table
from tests.records import record


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("strong-baseline/no-pam", "strong-baseline/no-pam"),
        ("a|b", "a\\|b"),
        ("**bold** _it_ `code`", "\\*\\*bold\\*\\* \\_it\\_ \\`code\\`"),
        ("0105_c003_00001555_0.jpg", "0105_c003_00001555_0.jpg"),
        ("__init__ a_ _b", "\\_\\_init\\_\\_ a\\_ \\_b"),
        ("<script>&amp;</script>", "&lt;script&gt;&amp;amp;&lt;/script&gt;"),
        ("[x](http://y)", "\\[x\\](http://y)"),
        ("two\nlines\tand\r\nmore", "two lines and more"),
        ("$\\alpha$", "\\$\\\\alpha\\$"),
        ("\x1b[31mred\x1b[0m", "\\\\x1b\\[31mred\\\\x1b\\[0m"),
        ("right \u202e to left", "right \\\\u202e to left"),
    ],
)
def test_markup_in_a_name_is_shown_and_not_obeyed(text, expected):
    assert escape(text) == expected


@pytest.mark.parametrize("text", ["a|b", "R&D <fast>", "**bold** _it_ `code` [x](y) $z$"])
def test_a_terminal_shows_a_name_as_it_is(text):
    shown = scores_table([record(method=text)])

    assert f"| {text} " in shown
    assert table([{text: text}], shown=plain).startswith(f"| {text} ")
    assert table([{text: escape(text)}]).startswith(f"| {escape(text)} ")


@given(st.text())
def test_a_text_for_a_terminal_is_one_line_that_moves_no_cursor(text):
    assert plain(text).isprintable()
    assert plain("\x1b[31mred\nblue\u202e") == "\\x1b[31mred blue\\u202e"


@given(st.text())
def test_an_escaped_text_is_one_line_and_opens_no_column(text):
    escaped = escape(text)

    assert len(escaped.splitlines()) <= 1
    assert "|" not in escaped.replace("\\\\", "").replace("\\|", "")
    assert "<" not in escaped
    assert escaped.isprintable()


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("ap", "mAP"),
        ("ap_trapezoid", "mAP (trapezoid)"),
        ("minp", "mINP"),
        ("cmc@1", "CMC@1"),
        ("hit@5", "HIT@5"),
        ("own", "own"),
    ],
)
def test_a_measure_has_the_name_that_papers_give_it(measure, expected):
    assert heading(measure) == expected


def test_columns_stand_with_the_ranking_measure_first_and_k_ascending():
    measures = ["cmc@10", "own", "minp", "cmc@5", "ap", "cmc@1"]

    assert in_order(measures, "cmc@1") == ["cmc@1", "ap", "minp", "cmc@5", "cmc@10", "own"]
    assert in_order(reversed(measures), "ap") == ["ap", "minp", "cmc@1", "cmc@5", "cmc@10", "own"]


def test_a_share_is_printed_in_percent_with_its_deviation():
    assert percent(0.5) == "50.00"
    assert percent(1.0, 0.00814) == "100.00 ± 0.81"


def test_a_table_is_markdown_with_numbers_flush_right():
    assert table([{"a": "x", "b": "1.00"}, {"a": "y", "b": "10.00"}], right=["b"]).splitlines() == [
        "| a   |     b |",
        "|:----|------:|",
        "| x   |  1.00 |",
        "| y   | 10.00 |",
    ]


def test_the_width_of_a_column_does_not_depend_on_what_is_installed():
    """With wcwidth installed, tabulate would count these characters as two columns each."""
    assert table([{"a": "日本"}]).splitlines()[2] == "| 日本  |"


def test_two_tasks_never_share_a_table():
    shown = scores_table(
        [record(), record(task="image-to-track", measures={"ap": 0.4, "hit@1": 0.7}), record(method="random")]
    )

    first, second = shown.split("\n\nsynthetic/image-to-track\n\n")
    assert first.startswith("synthetic/image-to-image\n\n")
    assert "| random " in first
    assert "HIT@1" not in first
    assert "HIT@1" in second
    assert "CMC@1" not in second


def test_what_a_reader_must_know_stands_below_the_table():
    shown = scores_table(
        [
            record(
                official=False,
                differences=("two images are missing",),
                ignored_queries=3,
                ties=7,
                draws=2,
                measures={"ap": 0.5},
                per_draw={"ap": (0.4, 0.6)},
                deviations={"ap": 0.1},
            )
        ]
    )

    assert "50.00 ± 10.00" in shown
    assert "- Not official: two images are missing." in shown
    assert "- 3 of 100 queries have no positive" in shown
    assert "- 7 pairs" in shown
    assert "- Mean and standard deviation of 2 draws." in shown


def test_an_official_result_with_nothing_to_say_has_no_remarks():
    assert scores_table([record()]).splitlines()[-1].startswith("| strong-baseline")


def test_a_rule_of_its_own_is_named():
    shown = scores_table([record(official=False, convention="no-camera-rule", differences=("other rule",))])

    assert shown.startswith("synthetic/image-to-image+no-camera-rule\n")
    assert "By another rule than the task's own: no-camera-rule." in shown
