import csv
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

from harness.cli import main
from harness.errors import PluginError
from harness.registry.registry import Registry
from harness.tasks.reranking import Reranking
from leaderboard import record_files
from leaderboard.boards import build_boards
from leaderboard.pages.latex import as_latex, latex_escape
from leaderboard.pages.task_pages import build_task_pages
from leaderboard.record_files import collect
from tests.records import write_result, write_seeds

EVIL = "<script>alert(1)</script>|\\input{x}$%&_#\"'"


@pytest.fixture
def records(tmp_path, monkeypatch):
    """Three methods with per-query values, one of them with a hostile name, and a timed one."""
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    values = np.random.default_rng(0).beta(2, 2, 60)
    cost = {"images": 100, "seconds": 2.0, "device": "cpu"}
    write_seeds(tmp_path / "records" / "a", "good", np.clip(values + 0.2, 0, 1), cost=cost)
    write_seeds(tmp_path / "records" / "b", EVIL, values, variant="=1+1")
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
    assert [row["ranks"] for row in content["measured"]] == [[1, 1], [2, 2], None]
    low, high = content["measured"][0]["intervals"]["ap"]
    assert low < content["measured"][0]["measures"]["ap"] < high
    assert any(row["method"] == "pgan" and row["values"].get("ap") == "79.3" for row in content["published"])


def test_the_latex_escapes_every_command(records):
    text = written(records, "latex")

    assert r"\input{x}" not in text
    assert r"\textbackslash{}input\{x\}\$\%\&\_\#" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") > 10
    assert r"\textbf{" in text
    assert r"\underline{" in text


SPECIAL = '\\{}$&%#_~^<>|"'
"""All that LaTeX reads as more than the character: its ten, and four that its oldest font encoding shows as others."""


def unescaped(text):
    """Return what LaTeX would typeset of an escaped text, and fail at anything that it would obey."""
    shown = {
        r"\textbackslash{}": "\\",
        r"\textasciitilde{}": "~",
        r"\textasciicircum{}": "^",
        r"\textless{}": "<",
        r"\textgreater{}": ">",
        r"\textbar{}": "|",
        r"\textquotedbl{}": '"',
        "{[}": "[",
        "{*}": "*",
        **{f"\\{character}": character for character in "{}$&%#_"},
    }
    parts = re.findall("|".join(map(re.escape, shown)) + r"|(?s:.)", text)
    assert not set(parts) & set(SPECIAL), text
    return "".join(shown.get(part, part) for part in parts)


@given(st.text(st.sampled_from(SPECIAL + "aB1'`-,;:!?()]+/=@. ")))
def test_latex_typesets_every_text_as_it_is(text):
    assert unescaped(latex_escape(text)) == " ".join(text.split())


@given(st.text())
def test_latex_obeys_nothing_in_any_text(text):
    assert unescaped(latex_escape(text)).isprintable()


@pytest.mark.parametrize("character", SPECIAL)
def test_a_special_character_in_a_name_breaks_no_row_of_a_latex_table(tmp_path, monkeypatch, character):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    name = f"{character}a{character}{character}b{character}"
    write_seeds(tmp_path / "records" / "a", name, [0.5] * 6, variant=character)
    board, *_ = build_boards(collect([tmp_path / "records"]))
    (page,) = build_task_pages([board], [])

    (line,) = (line for line in as_latex([page]).splitlines() if line.endswith(r" \\") and line.startswith("1 & "))

    cells = re.split(r"(?<!\\)&", line.removesuffix(r" \\"))
    assert len(cells) == 2 + 3 * len(board.measures)  # a number's two sides of the point, and its interval
    assert unescaped(cells[1].strip()) == f"{name}/{character}"


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
        if self.tags and self.tags[-1] in {"td", "th", "span"}:
            self.cells.append(data.strip())


def test_a_hostile_name_is_a_text_in_the_pictures(records):
    written(records, "markdown")

    for path in (records.parent / "out" / "tasks" / "pictures").iterdir():
        picture = ET.fromstring(path.read_bytes())  # noqa: S314 - written a moment ago
        texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
        assert any(text.startswith("<script>alert(1)</script>|") for text in texts)
        assert not list(picture.iter("{http://www.w3.org/2000/svg}script"))


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
    assert page.attributes.count(("scope", "col")) == page.tags.count("button") - 1 > 40
    assert page.attributes.count(("scope", "row")) == page.tags.count("tr") - page.tags.count("table")
    assert page.tags.count("table") == page.tags.count("caption") == page.attributes.count(("class", "wide"))


def test_the_markdown_has_a_page_and_pictures_for_each_task(records):
    page = written(records, "markdown")
    folder = records.parent / "out"

    assert "## [synthetic/image-to-image](tasks/synthetic-image-to-image.md)" in page
    assert "## [veri776/image-to-track](tasks/veri776-image-to-track.md)" in page
    text = (folder / "tasks" / "synthetic-image-to-image.md").read_text()
    links = [line.partition("](")[2].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert [link.rpartition("-")[2] for link in links] == ["intervals.svg", "cmc.svg"]
    for link in links:
        picture = folder / "tasks" / link
        assert ET.fromstring(picture.read_bytes()).tag.endswith("svg")  # noqa: S314 - written a moment ago
        assert b"<script" not in picture.read_bytes()
    assert "Add a row" in text
    assert "--protocol synthetic/image-to-image --seed 0" in text
    assert "Measured by nobody yet." in page
    assert page.index("## [vric/single-shot]") < page.index("# A test of the whole way") < page.index("## [synthetic")


def checked(records):
    page = records.parent / "out" / "PAGE"
    return CliRunner().invoke(main, ["leaderboard", "--records", str(records), "--out", str(page), "--check"])


def test_the_pictures_are_the_same_bytes_in_another_process(records):
    written(records, "markdown")
    folder = records.parent / "out"
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from leaderboard.boards import build_boards\nfrom leaderboard.pages.files import picture_files\n"
        "from leaderboard.record_files import collect\n"
        "for name, content in picture_files(build_boards(collect([Path(sys.argv[1])]))).items():\n"
        "    assert (Path(sys.argv[2]) / name).read_bytes() == content, name\n"
        "    print(name)\n"
        "assert not {'matplotlib', 'torch'} & set(sys.modules)\n"
    )
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", code, records, folder],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(list((folder / "tasks" / "pictures").iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes().replace(b"<g ", b"<g  ", 1)), "the picture differs"),
        (lambda path: path.write_bytes(b"<svg/>"), "the picture differs"),
        (lambda path: path.unlink(), "the picture is missing"),
        (lambda path: path.with_name("gone-cmc.svg").write_bytes(path.read_bytes()), "no record gives this picture"),
    ],
)
def test_check_looks_at_the_pictures(records, change, message):
    written(records, "markdown")
    change(next((records.parent / "out" / "tasks" / "pictures").glob("*-cmc.svg")))

    done = checked(records)

    assert done.exit_code == 1
    assert message in done.output


@pytest.mark.parametrize("form", ["markdown", "csv", "json", "latex", "html"])
def test_the_same_records_give_the_same_bytes_in_every_format(records, form):
    assert written(records, form) == written(records, form)


@pytest.mark.parametrize("form", ["markdown", "csv", "json", "latex", "html"])
def test_what_differs_from_the_method_is_in_its_name_in_every_format(tmp_path, monkeypatch, form):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    changed = {"options": {"D": 5, "p": 8}, "changes": {"D": "5", "p": "8"}, "threads": 2, "precision": "bf16-mixed"}
    write_result(tmp_path / "records", "mine", [0.5, 0.25] * 3, **changed)

    text = written(tmp_path / "records", form)

    if form == "json":
        (row,) = json.loads(text)["measured"]
        assert (row["method"], row["changes"], row["threads"]) == ("mine", {"D": "5", "p": "8"}, [2])
        assert row["precision"] == "bf16-mixed"
    elif form == "csv":
        rows = [row for row in csv.DictReader(io.StringIO(text)) if row["kind"] == "measured"]
        assert {row["changes"] for row in rows} == {"D=5, p=8"}
    else:
        assert "mine (D=5, p=8)" in text
    if form == "markdown":
        pages = [path for path in (tmp_path / "out").rglob("*") if path.suffix in {".md", ".svg"}]
        shown = [path.read_text() for path in pages if "mine" in path.read_text()]
        assert len(shown) > 2
        assert not [page for page in shown if re.search(r"\bmine\b(?! \(D=5, p=8\))", page)]
        assert any("threads" in page for page in shown)


def test_hostile_changes_are_shown_and_not_obeyed(tmp_path, monkeypatch):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    options = {"=1+1": 1, EVIL: 1}
    changed = {"options": options, "changes": {"=1+1": "\x1b[2J", EVIL: "|<i>\u202e"}}
    write_result(tmp_path / "records", "mine", [0.5, 0.25] * 3, **changed)
    name = f"mine ({EVIL}=|<i>\u202e, =1+1=\x1b[2J)"

    assert Page(written(tmp_path / "records", "html")).tags.count("script") == 1
    rows = list(csv.DictReader(io.StringIO(written(tmp_path / "records", "csv"))))
    assert not [row for row in rows if row["changes"][:1] in set("=+-@")]
    for page in ("latex", "markdown"):
        text = written(tmp_path / "records", page)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "<script" not in text
    assert latex_escape(name) in written(tmp_path / "records", "latex")


@pytest.mark.parametrize("form", ["markdown", "csv", "json", "latex", "html"])
def test_a_re_ranked_number_carries_its_mark_in_every_format(tmp_path, monkeypatch, form):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    write_result(tmp_path / "records", "mine", [0.5, 0.25] * 3, rerank=Reranking())

    text = written(tmp_path / "records", form)

    if form == "json":
        assert [row["rerank"] for row in json.loads(text)["measured"]] == [{"k1": 20, "k2": 6, "lambda": 0.3}]
    elif form == "csv":
        rows = [row for row in csv.DictReader(io.StringIO(text)) if row["kind"] == "measured"]
        assert {row["rerank"] for row in rows} == {"re-ranking (20, 6, 0.3)"}
    else:
        assert "mine + re-ranking (20, 6, 0.3)" in text
        assert not re.search(r"\bmine\b(?! \+ re-ranking)", text)
    if form == "markdown":
        pages = [path for path in (tmp_path / "out").rglob("*") if path.suffix in {".md", ".svg"}]
        shown = [path.read_text() for path in pages if "mine" in path.read_text()]
        assert len(shown) > 2
        assert not [page for page in shown if re.search(r"\bmine\b(?! \+ re-ranking)", page)]


def test_what_the_audit_found_stands_as_a_footnote_at_the_number(records):
    written(records, "markdown")
    page = (records.parent / "out" / "tasks" / "veri776-rule-not-stated.md").read_text()

    assert page.index("**These numbers may not be comparable.**") < page.index("## Published in pgan-paper")
    [row] = [line for line in page.splitlines() if line.startswith("| pgan/d4 ")]
    [number] = re.findall(r"74\.4 <sup>([0-9, ]+)</sup>", row)
    notes = [line for line in page.splitlines() if any(line.startswith(f"{one}. ") for one in number.split(", "))]
    assert any("stands between 94.9 % and 96.2 %" in note for note in notes)


def test_the_html_says_so_in_the_notes_of_the_row(records):
    text = written(records, "html")

    assert re.search(r'<span class="noted">74\.4\s*</span>', text)
    assert "rank 1 74.4: 74.4 % stands between 94.9 % and 96.2 %." in text


@pytest.mark.parametrize("form", ["markdown", "csv", "json", "latex", "html"])
def test_a_board_with_controls_only_is_shown_in_every_format(tmp_path, monkeypatch, form):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    write_result(tmp_path / "records", "random", [0.1, 0.2] * 3, control=True)

    assert "random" in written(tmp_path / "records", form)


def test_a_broken_protocol_leaves_the_leaderboard_standing(records, monkeypatch):
    def broken(self, name):
        raise PluginError("it cannot be imported")

    monkeypatch.setattr(Registry, "protocol", broken)

    assert "synthetic/image-to-image" in written(records, "markdown")
