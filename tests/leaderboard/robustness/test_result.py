import json

import pytest

from harness.errors import RecordError
from harness.scoring.record import read_record
from leaderboard.robustness.page import page_of, text_of
from leaderboard.robustness.result import read_result, write_result
from tests.leaderboard.robustness.made import result


def test_a_result_is_read_as_it_was_written(tmp_path):
    path = write_result(tmp_path / "one.json", result())

    assert read_result(path) == result()
    assert path.read_bytes() == write_result(tmp_path / "two.json", read_result(path)).read_bytes()


def test_a_result_is_no_record(tmp_path):
    with pytest.raises(RecordError):
        read_record(write_result(tmp_path / "record-x.json", result()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["tasks"][0].update(queries=5), "changed after it was written"),
        (lambda content: content.update(schema_number=2), "cannot be read"),
        (lambda content: content.update(kind="record"), "cannot be read"),
        (lambda content: content.update(more=1), "cannot be read"),
        (lambda content: content.pop("digest"), "changed after it was written"),
        (lambda content: content["tasks"][0]["clean"]["ap"].update(value=1.5), "cannot be read"),
    ],
)
def test_an_edited_or_foreign_result_is_refused(tmp_path, change, message):
    path = write_result(tmp_path / "one.json", result())
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))

    with pytest.raises(RecordError, match=message) as refused:
        read_result(path)

    assert refused.value.where == path


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{" * 100_000, b"null"])
def test_what_is_no_json_of_a_result_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)

    with pytest.raises(RecordError, match="cannot be read"):
        read_result(tmp_path / "x.json")


def test_the_page_shows_clean_first_and_all_last_with_what_is_lost():
    page = page_of(result())
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]

    assert rows[0] == ["corruption", "1", "5", "mean", "drop"]
    assert rows[2] == ["clean", "", "", "50.00 (25.00 to 75.00)", ""]
    assert rows[3] == ["rain", "50.00", "25.00", "37.50 (18.75 to 37.50)", "25.00 (-10.00 to 50.00)"]
    assert rows[4][:3] == ["all", "50.00", "25.00"]
    assert "enter no leaderboard" in page
    assert "`0000000000000000`" in page


def test_names_cannot_break_the_page():
    page = page_of(result(method="a|b<script># x", trained_on=("<b>",)))

    assert "<script>" not in page
    assert "<b>" not in page
    assert page.startswith("# a\\|b&lt;script&gt;")
    with pytest.raises(ValueError, match="printable"):
        result(method="a\u202eb")


def test_boxes_and_plates_are_told_where_they_play_a_part():
    page = page_of(result(boxes=True, plates="boxes of parts", on="both"))

    assert "boxes of the clean pictures" in page
    assert "Plates are looked for in boxes of parts" in page
    assert "queries and gallery" in page
    assert "boxes of the clean pictures" not in page_of(result())


def test_the_terminal_shows_one_table_a_task():
    shown = text_of(result())

    assert shown.startswith("synthetic/main, tiny: mAP in %, the queries spoilt\n")
    assert "rain" in shown
