import csv
import io
import json
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli import main
from leaderboard import entries
from leaderboard.export import latex_escape
from tests.records import write_result

EVIL = "<script>alert(1)</script>|\\input{x}$%&_#\"'"


@pytest.fixture
def records(tmp_path, monkeypatch):
    """Three methods with per-query values, one of them with a hostile name, and a timed one."""
    monkeypatch.setattr(entries, "SHIPPED", tmp_path / "nothing is shipped")
    values = np.random.default_rng(0).beta(2, 2, 60)
    cost = {"images": 100, "seconds": 2.0, "device": "cpu"}
    write_result(tmp_path / "records" / "a", "good", np.clip(values + 0.2, 0, 1), cost=cost)
    write_result(tmp_path / "records" / "b", EVIL, values, variant="=1+1")
    write_result(tmp_path / "records" / "c", "random", values / 9, control=True)
    return tmp_path / "records"


def written(records, form):
    out = records.parent / "out" / "PAGE"
    done = CliRunner().invoke(main, ["leaderboard", "--records", str(records), "--format", form, "--out", str(out)])
    assert done.exit_code == 0, done.output
    again = CliRunner().invoke(
        main, ["leaderboard", "--records", str(records), "--format", form, "--out", str(out), "--check"]
    )
    assert again.exit_code == 0, again.output
    return out.read_text()


def test_the_csv_has_one_line_a_number_and_nothing_that_a_spreadsheet_runs(records):
    rows = list(csv.DictReader(io.StringIO(written(records, "csv"))))

    measured = [row for row in rows if row["kind"] == "measured"]
    assert len(measured) == 9
    good = next(row for row in measured if row["method"] == "good" and row["measure"] == "ap")
    assert float(good["low"]) < float(good["value"]) < float(good["high"])
    assert {row["variant"] for row in measured} == {"", "'=1+1"}
    assert len([row for row in rows if row["kind"] == "published"]) > 300


def test_the_json_has_every_digit_and_what_is_published(records):
    content = json.loads(written(records, "json"))

    assert [row["method"] for row in content["measured"]] == ["good", EVIL, "random"]
    assert content["measured"][0]["rank"] == 1
    assert set(content["measured"][0]["intervals"]["ap"]) == {"vehicles"}
    assert any(row["method"] == "pgan" and row["values"].get("ap") == "79.3" for row in content["published"])


def test_the_latex_escapes_every_command(records):
    text = written(records, "latex")

    assert r"\input{x}" not in text
    assert r"\textbackslash{}input\{x\}\$\%\&\_\#" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") > 10
    assert r"\textbf{" in text
    assert r"\underline{" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b", r"a\_b"),
        ("100 %", r"100 \%"),
        ("\\", r"\textbackslash{}"),
        ("a\nb", "a b"),
        ("{~^}", r"\{\textasciitilde{}\textasciicircum{}\}"),
    ],
)
def test_latex_shows_a_text_as_it_is(text, expected):
    assert latex_escape(text) == expected


class Page(HTMLParser):
    """Collects the tags, attributes and cells of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.cells, self.scripts = [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        if self.tags and self.tags[-1] in {"td", "span"}:
            self.cells.append(data.strip())


def test_the_html_asks_no_host_for_anything(records):
    text = written(records, "html")
    page = Page(text)

    assert not {"link", "img", "iframe", "object", "base", "form"} & set(page.tags)
    assert not [value for name, value in page.attributes if name == "src"]
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_the_html_shows_a_hostile_name_and_does_not_obey_it(records):
    text = written(records, "html")

    assert Page(text).tags.count("script") == 1
    assert f"{EVIL}/=1+1" in Page(text).cells


def test_the_html_fits_a_phone_and_every_column_sorts(records):
    page = Page(written(records, "html"))

    assert ("content", "width=device-width, initial-scale=1") in page.attributes
    assert page.tags.count("button") == page.tags.count("th") > 40
    assert page.tags.count("table") == page.attributes.count(("class", "wide"))


def test_the_markdown_has_a_page_and_pictures_for_each_task(records):
    page = written(records, "markdown")
    folder = records.parent / "out"

    assert "## [synthetic/image-to-image](tasks/synthetic-image-to-image.md)" in page
    assert "## [veri776/image-to-track](tasks/veri776-image-to-track.md)" in page
    text = (folder / "tasks" / "synthetic-image-to-image.md").read_text()
    links = [line.partition("](")[2].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert [link.rpartition("-")[2] for link in links] == ["cmc.svg", "intervals.svg", "speed.svg"]
    for link in links:
        picture = folder / "tasks" / link
        assert ET.fromstring(picture.read_bytes()).tag.endswith("svg")  # noqa: S314 - written a moment ago
        assert b"<script" not in picture.read_bytes()
        assert b"mathdefault" not in picture.read_bytes()
    assert "images/s" in text
    assert "50.0" in text


def test_the_pictures_are_the_same_bytes_each_time(records):
    written(records, "markdown")
    folder = records.parent / "out" / "tasks" / "pictures"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    written(records, "markdown")

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


@pytest.mark.parametrize("form", ["markdown", "csv", "json", "latex", "html"])
def test_the_same_records_give_the_same_bytes_in_every_format(records, form):
    assert written(records, form) == written(records, form)
