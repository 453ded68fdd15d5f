import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from harness.basics.digests import digest
from harness.cli import main
from harness.scoring.record import write_record
from leaderboard import record_files
from leaderboard.published.library import DATASETS, FOLDER
from tests.records import record, seeds


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of records, with nothing shipped beside it."""
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    folder = tmp_path / "records"
    folder.mkdir()
    return folder


def nothing_published(folder):
    """Return a folder without a document."""
    (folder / "published").mkdir(exist_ok=True)
    (folder / "published" / DATASETS).write_bytes((FOLDER / DATASETS).read_bytes())
    return folder / "published"


def task_page(folder, task="synthetic-image-to-image"):
    return (folder.parent / "tasks" / f"{task}.md").read_text()


def check(folder):
    page, published = folder.parent / "PAGE.md", nothing_published(folder.parent)
    return bench("--records", folder, "--published", published, "--out", page, "--check")


def bench(*words):
    return CliRunner().invoke(main, ["leaderboard", *map(str, words)])


def page_of(folder, *records):
    for number, one in enumerate(records):
        write_record(folder / f"{number}.json", one)
    out = folder.parent / "PAGE.md"
    done = bench("--records", folder, "--published", nothing_published(folder.parent), "--out", out)
    assert done.exit_code == 0, done.output
    return out.read_text()


def line_of(page, start):
    return next(line for line in page.splitlines() if line.startswith(f"| {start}"))


def test_the_page_marks_the_best_and_the_second_best_in_each_column(folder):
    page = page_of(
        folder,
        *seeds(method="first", measures={"ap": 0.9, "cmc@1": 0.8}),
        *seeds(method="other", measures={"ap": 0.8, "cmc@1": 0.9}),
        *seeds(method="third", measures={"ap": 0.7, "cmc@1": 0.7}),
        record(method="once", measures={"ap": 0.95, "cmc@1": 0.95}),
    )

    cells = [[cell.strip() for cell in line_of(page, name).split("|")[-3:-1]] for name in ("first", "other", "third")]
    assert cells == [["**90.00**", "_80.00_"], ["_80.00_", "**90.00**"], ["70.00", "70.00"]]
    assert "**" not in line_of(page, "once")


def test_methods_stand_by_their_first_measure_and_controls_below_them_unmarked(folder):
    page = page_of(
        folder,
        *seeds(method="weak", measures={"ap": 0.1}),
        record(method="oracle", control=True, measures={"ap": 1.0}),
        *seeds(method="strong", measures={"ap": 0.6}),
        record(method="random", control=True, measures={"ap": 0.01}),
    )

    names = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")][1:]
    assert names == ["strong", "weak", "(oracle)", "(random)"]
    assert "**60.00**" in line_of(page, "strong")
    assert "*" not in line_of(page, "(oracle)")


def test_equal_values_share_the_mark_and_one_method_alone_is_not_best(folder):
    page = page_of(
        folder,
        *seeds(method="one", measures={"ap": 0.5}),
        *seeds(method="two", measures={"ap": 0.5}),
        *seeds(method="three", measures={"ap": 0.4}),
        *seeds(method="alone", task="image-to-track", measures={"ap": 0.4}),
    )

    assert "**50.00**" in line_of(page, "one")
    assert "**50.00**" in line_of(page, "two")
    assert "_40.00_" in line_of(page, "three")
    assert "*" not in line_of(page, "alone")
    assert "_" not in line_of(page, "alone")


def test_two_fingerprints_never_share_a_table(folder):
    page = page_of(folder, record(method="here"), record(method="there", fingerprint=digest("another gallery")))

    first, last = sorted((page.index("| here"), page.index("| there")))
    assert page.count("## [synthetic/image-to-image]") == 1
    assert "fingerprint `" in page[first:last]


def test_results_that_are_not_official_stand_apart_and_say_why(folder):
    page = page_of(
        folder, record(method="partial", official=False, differences=("12 images are missing",)), record(method="whole")
    )

    assert page.index("| whole") < page.index("**Not official.**") < page.index("| partial")
    assert "- Not official: 12 images are missing." in task_page(folder)


def test_the_facts_of_a_table_stand_above_it(folder):
    page = page_of(
        folder,
        record(ignored_queries=2, draws=2, measures={"ap": 0.5}, per_draw={"ap": (0.4, 0.6)}, deviations={"ap": 0.1}),
    )

    fingerprint = digest("the images of synthetic")[:16]
    facts = f"fingerprint `{fingerprint}`, protocol version 1, 100 queries, 2 of them without a positive, 2 draws."
    assert facts in page
    assert "50.00 ± 10.00" in page


def test_two_seeds_of_a_method_are_one_row(folder):
    page = page_of(
        folder, *(record(seed=seed, train_on="synthetic", measures={"ap": ap}) for seed, ap in ((3, 0.5), (4, 0.6)))
    )

    assert page.count("| strong-baseline") == 1
    assert "|      2 |" in line_of(page, "strong-baseline")
    assert "55.00" in line_of(page, "strong-baseline")


def test_rows_with_the_same_words_are_told_apart_by_their_run(folder):
    records = [record(options={"epochs": epochs}) for epochs in (1, 2)]
    page = page_of(folder, *records)

    assert all(f"`{one.run[:8]}`" in page for one in records)


def test_names_with_markup_are_shown_and_not_obeyed(folder):
    page = page_of(folder, record(method="<b>**x**|\n# y", variant="$v$", recipe="`r`"))

    assert line_of(page, "&lt;b&gt;\\*\\*x\\*\\*\\| \\# y/\\$v\\$ | \\`r\\` ")


def test_the_same_records_give_the_same_bytes_wherever_they_lie(folder):
    records = [record(method=name, measures={"ap": 0.5}) for name in ("a", "b", "c")]
    first = page_of(folder, *records)
    for path in folder.iterdir():
        path.unlink()

    assert page_of(folder, *reversed(records)) == first


def test_a_run_that_is_found_twice_counts_once(folder):
    page = page_of(folder, record(versions={"python": "3.11"}), record(versions={"python": "3.12"}))

    assert page.count("| strong-baseline") == 1


def test_of_two_records_of_one_run_that_disagree_the_second_is_left_out_by_name(folder, caplog):
    write_record(folder / "a.json", record(measures={"ap": 0.5}))
    write_record(folder / "b.json", record(measures={"ap": 0.6}))

    done = bench("--records", folder, "--out", folder.parent / "PAGE.md")

    assert done.exit_code == 0
    assert "b.json is left out: two records of the same run contradict each other" in caplog.text
    assert "a.json" in caplog.text
    assert "50.00" in (folder.parent / "PAGE.md").read_text()


def test_runs_are_searched_for_their_records(folder):
    write_record(folder.parent / "runs" / "a-run" / "record-synthetic-image-to-image-cosine.json", record())
    (folder.parent / "runs" / "a-run" / "config.json").write_text("{}")

    done = bench("--runs", folder.parent / "runs", "--json")

    assert [row["method"] for row in json.loads(done.output)] == ["strong-baseline"]


def test_the_rows_as_json_hold_every_digit(folder):
    write_record(folder / "a.json", record(measures={"ap": 0.1 + 0.2}))

    row = json.loads(bench("--records", folder, "--json").output)[0]

    assert row["measures"] == {"ap": 0.1 + 0.2}
    assert row["task"] == "synthetic/image-to-image"
    assert row["official"] is True


def test_no_record_gives_a_page_of_tasks_that_nobody_measured(folder):
    page = page_of(folder)

    assert page.count("Measured by nobody yet.") == page.count("\n## [") > 10


def test_check_passes_on_the_page_that_was_written(folder):
    page_of(folder, record())

    done = check(folder)

    assert (done.exit_code, done.output.count("agrees with the records")) == (0, 1)


def test_only_files_that_differ_are_written(folder):
    page_of(folder, *seeds())
    out = folder.parent / "PAGE.md"
    files = sorted(path for path in [out, *(out.parent / "tasks").rglob("*")] if path.is_file())
    forged = next(path for path in files if path.suffix == ".svg")
    expected = {path: path.read_bytes() for path in files}
    for path in files:
        os.utime(path, ns=(1, 1))
    forged.write_bytes(expected[forged].replace(b"<svg", b"<SVG", 1))

    bench("--records", folder, "--published", nothing_published(folder.parent), "--out", out)

    assert {path: path.read_bytes() for path in files} == expected
    assert [path for path in files if path.stat().st_mtime_ns != 1] == [forged]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("50.00", "60.00"), "60.00"),
        (lambda text: text + "one more line\n", "expected: the end of the file"),
        (lambda text: text.rpartition("\n|")[0] + "\n", "found: the end of the file"),
        (lambda text: text.removesuffix("\n"), "line"),
        (lambda text: text.replace("\n", "\r\n"), "line 1"),
    ],
)
def test_check_names_the_first_line_that_differs_and_writes_nothing(folder, change, message):
    changed = change(page_of(folder, record())).encode()
    out = folder.parent / "PAGE.md"
    out.write_bytes(changed)

    done = check(folder)

    assert done.exit_code == 1
    assert message in done.output
    assert "bench leaderboard" in done.output
    assert out.read_bytes() == changed


def test_check_looks_at_the_page_of_each_task(folder):
    page_of(folder, record())
    path = folder.parent / "tasks" / "synthetic-image-to-image.md"
    path.write_text(path.read_text().replace("50.00", "60.00"))

    assert "synthetic-image-to-image.md, line" in check(folder).output


def test_check_finds_a_page_that_no_record_gives(folder):
    page_of(folder, record())
    (folder.parent / "tasks" / "gone.md").write_text("old")

    done = check(folder)

    assert done.exit_code == 1
    assert "no record gives this page" in done.output


def test_check_fails_where_there_is_no_page(folder):
    done = bench("--records", folder, "--out", folder.parent / "none.md", "--check")

    assert done.exit_code == 1
    assert "the page is missing" in done.output


def test_a_folder_that_is_not_there_is_named(folder):
    done = bench("--records", folder / "none")

    assert done.exit_code == 2
    assert "folder of records is missing" in done.output


def test_importing_the_command_imports_nothing_but_click():
    code = (
        "import sys, leaderboard.commands.leaderboard\n"
        "heavy = {'torch', 'numpy', 'pandas', 'pydantic', 'tabulate', 'jinja2', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603

    assert done.returncode == 0, done.stderr
