"""Names that look alike in a path or speak to the terminal, on the pages of the leaderboard."""

import unicodedata
from xml.etree import ElementTree as ET

from leaderboard import record_files
from tests.leaderboard.pages.test_formats import written
from tests.records import write_result


def test_two_tasks_whose_names_differ_in_a_slash_have_a_page_each(tmp_path, monkeypatch):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    for protocol, task in (("fleet", "night-main"), ("fleet-night", "main")):
        write_result(tmp_path / "records" / protocol, "mine", [0.5] * 6, task=task, protocol=protocol, official=False)

    main_page = written(tmp_path / "records", "markdown")

    pages = {"fleet/night-main": "tasks/fleet-night-main.md", "fleet-night/main": "tasks/fleet-night--main.md"}
    for name, path in pages.items():
        assert f"[{name}]({path})" in main_page
        assert name in (tmp_path / "out" / path).read_text()


def test_a_name_that_speaks_to_the_terminal_is_marked_in_every_format_and_a_picture_stays_xml(tmp_path, monkeypatch):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    evil = "a\x1b[2J\x07\u202e\ufffe"
    for variant in ("a", "b"):
        write_result(
            tmp_path / "records" / variant,
            "mine",
            [0.5, 0.25] * 3,
            variant=variant,
            options={"x": 1},
            changes={"x": evil},
        )

    for form in ("markdown", "csv", "latex", "html", "json"):
        text = written(tmp_path / "records", form)
        assert not [sign for sign in text if unicodedata.category(sign)[0] == "C" and sign != "\n"], form
    for picture in (tmp_path / "out").rglob("*.svg"):
        ET.fromstring(picture.read_text())  # noqa: S314 - written above
