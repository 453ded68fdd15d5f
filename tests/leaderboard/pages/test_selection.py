import csv
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from harness.cli import main
from leaderboard import frames, record_files
from leaderboard.record_files import SHIPPED
from tests.records import write_result, write_seeds

TASK = "synthetic/image-to-image"


@pytest.fixture
def records(tmp_path, monkeypatch):
    """Three methods with three seeds, one with one, a control, and a name with commas; nothing is shipped."""
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    values = np.random.default_rng(0).beta(2, 2, 60)
    for name, more in (("strong", 0.3), ("middle", 0.2), ("weak", 0.1)):
        write_seeds(tmp_path / "records" / name, name, np.clip(values + more, 0, 1))
    options = {"D": 5, "p": 8}
    write_result(
        tmp_path / "records" / "c", "once", values, seed=0, options=options, changes={"D": "5", "p": "8"}, recipe="own"
    )
    write_result(tmp_path / "records" / "d", "random", values / 9, control=True)
    return tmp_path / "records"


def bench(records, form, *words):
    out = records.parent / f"out.{form}"
    common = ["leaderboard", "--records", str(records), "--format", form, "--out", str(out)]
    done = CliRunner().invoke(main, [*common, *words])
    if done.exit_code == 0:
        assert CliRunner().invoke(main, [*common, *words, "--check"]).exit_code == 0
    return done, out


def written(records, form, *words):
    done, out = bench(records, form, *words)
    assert done.exit_code == 0, done.output
    return out.read_text()


def tables(text):
    """Return the captions of LaTeX tables with the cells of their lines."""
    found = {}
    for table in text.split(r"\begin{table}")[1:]:
        lines = [re.split(r"(?<!\\) & ", line.removesuffix(r" \\")) for line in table.splitlines() if " & " in line]
        found[re.search(r"\\caption\{(.*)\}", table)[1]] = [[cell.strip() for cell in line] for line in lines]
    return found


def columns_of(layout):
    return len(re.sub(r"@\{.*?\}", "", layout))


def test_latex_shows_the_chosen_rows_and_columns_in_the_order_asked_for(records):
    words = ("--task", TASK, "--rows", "weak,once (D=5, p=8)", "--columns", "cmc@1,runs,mAP,recipe", "--no-intervals")

    [(caption, [heads, *rows])] = tables(written(records, "latex", *words)).items()

    assert caption == f"{TASK}, measured"
    assert heads == ["method", r"\multicolumn{2}{c}{CMC@1}", "runs", r"\multicolumn{2}{c}{mAP}", "recipe"]
    assert [(row[0], row[3], row[6]) for row in rows] == [("weak", "3", ""), ("once (D=5, p=8)", "1", "own")]


def test_the_best_of_the_chosen_rows_is_bold(records):
    everything = written(records, "latex", "--task", TASK, "--columns", "ap")
    part = written(records, "latex", "--task", TASK, "--rows", "middle,weak,once (D=5, p=8)", "--columns", "ap")

    def bold(text):
        return {row[0] for rows in tables(text).values() for row in rows if row[1].startswith(r"\textbf{")}

    assert bold(everything) == {"strong"}
    assert bold(part) == {"middle"}
    assert part.count(r"\underline{") == 2  # the two sides of one number


def test_ranks_of_chosen_rows_are_said_to_be_among_all(records):
    [(caption, rows)] = tables(written(records, "latex", "--task", TASK, "--rows", "weak", "--columns", "rank")).items()

    assert caption == f"{TASK}, measured; ranks are among all measured methods; ordered and ranked by mAP"
    assert rows == [["method", "rank"], ["weak", "3"]]


def test_every_line_of_a_latex_table_fills_its_layout(records):
    text = written(records, "latex")

    for table in text.split(r"\begin{table}")[1:]:
        width = columns_of(re.search(r"\\begin\{tabular\}\{(.*)\}", table)[1])
        for line in (line for line in table.splitlines() if line.endswith(r"\\")):
            spans = [int(span) for span in re.findall(r"\\multicolumn\{(\d)\}", line)]
            assert len(re.findall(r"(?<!\\)&", line)) + 1 + sum(spans) - len(spans) == width, line


def test_decimals_stand_below_each_other(records):
    found = tables(written(records, "latex", "--task", "veri776", "--columns", "ap"))
    rows = [row for _, *rows in found.values() for row in rows]

    assert {len(row[2]) for row in rows} >= {2, 3}  # papers print one or two decimals
    assert all(row[1].isdecimal() and (row[2][:1] == "." or not row[2]) for row in rows)


def test_a_measure_chooses_the_published_numbers_that_compare_with_it(records):
    found = tables(written(records, "latex", "--task", "veri776/image-to-track", "--columns", "hit@1,ap,printed in"))

    heads, *rows = found["veri776/image-to-track, published"]
    assert heads[:3] == ["method", r"\multicolumn{2}{c}{rank 1}", r"\multicolumn{2}{c}{mAP}"]
    assert all(row[-1] for row in rows)


def test_a_protocol_names_all_its_tasks(records):
    found = tables(written(records, "latex", "--task", "veri776", "--rows", "pgan"))

    assert found
    assert {caption[:7] for caption in found} == {"veri776"}


def test_a_column_without_a_value_is_left_out(records):
    [[heads, *_]] = tables(
        written(records, "latex", "--task", TASK, "--rows", "weak", "--columns", "recipe,ap")
    ).values()

    assert heads == ["method", r"\multicolumn{3}{c}{mAP}"]


def test_csv_and_json_hold_the_same_choice(records):
    words = ("--task", TASK, "--rows", "weak", "--rows", "(random)", "--columns", "cmc@1,ap", "--no-intervals")

    lines = list(csv.DictReader(io.StringIO(written(records, "csv", *words))))
    content = json.loads(written(records, "json", *words))

    assert [(line["method"], line["measure"], line["low"]) for line in lines] == [
        ("weak", "cmc@1", ""), ("weak", "ap", ""), ("random", "cmc@1", ""), ("random", "ap", ""),
    ]  # fmt: skip
    assert [(row["method"], list(row["measures"])) for row in content["measured"]] == [
        ("weak", ["cmc@1", "ap"]), ("random", ["cmc@1", "ap"]),
    ]  # fmt: skip
    assert content["published"] == []
    assert [row["intervals"] for row in content["measured"]] == [{}, {}]


def test_html_shows_the_choice_only(records):
    text = written(records, "html", "--task", TASK, "--rows", "weak")

    assert ">weak<" in text
    assert ">strong<" not in text


def test_the_json_that_is_printed_holds_the_choice(records):
    done = CliRunner().invoke(main, ["leaderboard", "--records", str(records), "--json", "--rows", "weak"])

    assert [row["method"] for row in json.loads(done.output)] == ["weak"]


@pytest.mark.parametrize(
    ("form", "words", "message"),
    [
        ("latex", ("--rows", "week"), "unknown row 'week'; did you mean 'weak'?"),
        ("latex", ("--rows", "weak,"), "unknown row ''"),
        ("csv", ("--columns", "cmc@2"), "unknown column 'cmc@2'; did you mean 'cmc@"),
        ("latex", ("--columns", "rnk"), "unknown column 'rnk'; did you mean 'rank'?"),
        ("json", ("--columns", "rank"), "unknown column 'rank'"),
        ("csv", ("--task", "synthetic/image-to-imag"), f"did you mean '{TASK}'?"),
        ("markdown", ("--rows", "weak"), "hold the whole leaderboard"),
    ],
)
def test_what_does_not_exist_is_one_message_and_writes_nothing(records, form, words, message):
    done, out = bench(records, form, *words)

    assert done.exit_code == 2
    assert message in done.output
    assert not out.exists()


def test_parquet_has_the_columns_and_types_of_the_table_in_python(records):
    done, out = bench(records, "parquet")

    assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(pd.read_parquet(out), frames.leaderboard(records))


def test_parquet_holds_the_chosen_rows_and_measures(records):
    _, out = bench(records, "parquet", "--rows", "weak", "--columns", "ap")

    table = pd.read_parquet(out)
    assert table["method"].tolist() == ["weak"]
    assert [name for name in table if name.startswith(("ap", "cmc"))] == ["ap", "ap_low", "ap_high", "ap_deviation"]


def test_parquet_of_other_records_is_found_by_check(records):
    _, out = bench(records, "parquet", "--rows", "weak")
    common = ["leaderboard", "--records", str(records), "--format", "parquet", "--out", str(out)]

    done = CliRunner().invoke(main, [*common, "--check"])

    assert done.exit_code == 1
    assert "the table differs from the records" in done.output


def test_parquet_without_pyarrow_says_how_to_get_it(records, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)

    done, out = bench(records, "parquet")

    assert done.exit_code == 2
    assert "Parquet needs the package pyarrow" in done.output
    assert "pip install pyarrow" in done.output
    assert not out.exists()


def test_the_shipped_records_have_a_table_for_a_paper(tmp_path):
    assert SHIPPED.is_dir()
    out = tmp_path / "table.tex"
    words = ["--task", "synthetic/image-to-track", "--rows", "pgan,ram", "--columns", "ap,rank", "--out", str(out)]
    done = CliRunner().invoke(main, ["leaderboard", "--format", "latex", *words])

    assert done.exit_code == 0, done.output
    [rows] = tables(out.read_text()).values()
    assert [row[0] for row in rows] == ["method", "pgan", "ram"]
