import json

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import RecordError
from leaderboard import record_files
from leaderboard.pages.reported import with_reported
from leaderboard.published.library import load_library
from leaderboard.published.tables import published_tables

OURS = """
- dataset: {id: someone/veri776, task_id: image-to-track/ap}
  value: 81.20
  notes: a note
- dataset: {id: someone/veri776, task_id: image-to-track/hit-at-1}
  value: 97
  source: {url: "https://example.org/x"}
- dataset: {id: cais/hle, task_id: hle}
  value: 20.9
"""


def model(folder, name, text, file="results.yaml"):
    path = folder / name / ".eval_results" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def rows_of(folder, name):
    tables = published_tables(with_reported(load_library(), folder))
    return {table.name: row for table in tables for row in table.rows if row.row.method_name == name}


def test_the_results_of_a_model_stand_among_the_published_rows_of_their_task(tmp_path):
    model(tmp_path, "Some.Model", OURS)
    model(tmp_path, "Some.Model", "- dataset: {id: x/vehicleid, task_id: small/cmc-at-5}\n  value: 91.5", "more.yaml")

    rows = rows_of(tmp_path, "Some.Model")

    assert set(rows) == {"veri776/image-to-track", "vehicleid/small"}
    row = rows["veri776/image-to-track"]
    assert {word: number.shown for word, number in row.numbers.items()} == {"ap": "81.20", "rank@1": "97"}
    assert row.notes == "reported by others; a note; source https://example.org/x"
    assert row.sources == ["some-model-2, table of reported results"]
    assert rows["vehicleid/small"].sources == ["some-model, table of reported results"]


def test_results_of_other_benchmarks_are_passed_over(tmp_path):
    model(tmp_path, "other", "- dataset: {id: a/veri776, task_id: default}\n  value: 1")
    library = load_library()

    assert with_reported(library, tmp_path).documents == library.documents
    assert with_reported(library, None) is library


@pytest.mark.parametrize("value", ["-1", "100.5"])
def test_a_value_that_is_no_percentage_is_refused(tmp_path, value):
    path = model(tmp_path, "other", f"- dataset: {{id: a/veri776, task_id: image-to-track/ap}}\n  value: {value}")

    with pytest.raises(RecordError, match="no percentage") as caught:
        with_reported(load_library(), tmp_path)
    assert caught.value.where == path


def test_a_result_that_is_reported_twice_in_a_file_is_refused(tmp_path):
    model(tmp_path, "other", OURS + OURS)

    with pytest.raises(RecordError, match="reported twice"):
        with_reported(load_library(), tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    target = model(tmp_path / "elsewhere", "other", OURS)
    link = tmp_path / "models" / "linked" / ".eval_results" / "results.yaml"
    link.parent.mkdir(parents=True)
    link.symlink_to(target)

    with pytest.raises(RecordError, match="leads out of the folder"):
        with_reported(load_library(), tmp_path / "models")


def test_the_verb_shows_them_and_escapes_their_names(tmp_path, monkeypatch):
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    model(tmp_path / "models", "<b>x|", OURS)

    def bench(form):
        out = tmp_path / f"out.{form}"
        words = ["--from-hub", str(tmp_path / "models"), "--task", "veri776", "--format", form, "--out", str(out)]
        done = CliRunner().invoke(main, ["leaderboard", *words])
        assert done.exit_code == 0, done.output
        return out.read_text()

    assert "<b>x|" in {row["method"] for row in json.loads(bench("json"))["published"]}
    assert "<b>x" not in bench("html")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    done = CliRunner().invoke(main, ["leaderboard", "--from-hub", str(tmp_path / "none"), "--json"])

    assert done.exit_code == 2
    assert "folder of reported results is missing" in done.output
