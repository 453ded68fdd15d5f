import json
import re
from html.parser import HTMLParser

import click
import h5py
import numpy as np
import pytest
from PIL import Image

import harness
from harness.errors import BenchError
from harness.registry.registry import load
from harness.scoring.record import read_record, write_record
from harness.steps.chain import Chain
from leaderboard.commands.report import report
from tests.leaderboard.report.places import bench_report, content_of, features_of, make_place, write_run

HOSTILE = "<script>alert(1)</script>\"'&]]><!--"


class Elements(HTMLParser):
    """The names of a page's elements, and its text outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.found and self.found[-1][0] not in ("script", "style"):
            self.text += data


def page_of(place, out="out"):
    return (place / out / "index.html").read_text(encoding="utf-8")


def left(place):
    """Return what lies beside the output folder that a report could have left."""
    return sorted(path.name for path in place.iterdir() if path.name.startswith("."))


def problem_of(done) -> BenchError:
    assert isinstance(done.exception, BenchError), (done.output, done.exception)
    return done.exception


def test_a_report_is_a_folder_of_a_page_and_pictures_that_name_no_other_host(reported):
    page = page_of(reported)
    elements = Elements(page).found
    used = {int(image[1]) for image in (*content_of(reported)["images"], *content_of(reported)["queries"])}

    assert sorted(path.name for path in (reported / "out").iterdir()) == ["index.html", "pictures"]
    assert {path.name for path in (reported / "out" / "pictures").iterdir()} == {f"{one:05d}.jpg" for one in used}
    for path in (reported / "out" / "pictures").iterdir():
        with Image.open(path) as picture:
            assert max(picture.size) <= 128
    assert not [attributes for tag, attributes in elements if tag in ("link", "iframe", "object", "base")]
    assert not [attributes for _, attributes in elements if "src" in attributes or "style" in attributes]
    assert not re.search(r"\b(https?|wss?):", page)
    assert str(reported) not in page


def test_the_same_run_gives_the_same_bytes(reported, tmp_path):
    done = bench_report(reported, "run", "--task", "listed/images", out="again")

    assert done.exit_code == 0
    assert (reported / "again" / "index.html").read_bytes() == (reported / "out" / "index.html").read_bytes()


def test_the_head_states_the_measures_and_how_the_run_was_made(reported):
    record = read_record(reported / "run" / "record-listed-images-cosine.json")
    text = Elements(page_of(reported)).text

    for value in record.measures.values():
        assert f"{100 * value:.2f}" in text
    assert record.fingerprint in text
    assert "the query's vehicle under the query's camera" in text
    assert "bench eval features.h5 --protocol listed/images --data DIR" in text


def test_the_slices_name_labels_and_add_up(reported):
    page = page_of(reported)
    titles = re.findall(r"<summary><h3>(.*?)</h3>", page)
    tables = re.findall(r'<details class="grouping".*?<tbody>(.*?)</tbody>', page, re.DOTALL)

    assert titles == [
        "Within and across cameras", "Pair of cameras", "Colour", "Number of right answers",
        "Size of the query&#39;s image", "Near-duplicates",
    ]  # fmt: skip
    for table in tables:
        rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("</tr>")[:-1]]
        assert sum(float(row[4]) for row in rows) == pytest.approx(1, abs=1e-3)
        assert sum(float(row[8]) for row in rows) == pytest.approx(1, abs=1e-3)
    assert "blue &lt;b&gt;" in page
    assert "unknown" in tables[2]
    assert page.count("<rect ") == 3 * 3  # three cameras ask, and each is answered by the three others


def test_two_runs_stand_side_by_side_with_the_queries_that_changed_most_first(place):
    write_run(place, "other", seed=5, method="theirs")
    done = bench_report(place, "run", "--against", place / "other", "--task", "listed/images")
    assert done.exit_code == 0, done.exception
    content = content_of(place)
    one, other = ([answer[0] for answer in lists] for lists in content["lists"])
    change = [abs(one[number] - other[number]) for number in content["orders"]["changed"]]
    first, second = (read_record(place / run / "record-listed-images-cosine.json").measures for run in ("run", "other"))

    assert content["runs"] == ["mine", "theirs"]
    assert change == sorted(change, reverse=True)
    rows = page_of(place).split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:]
    for row, word in zip(rows, ("ap", "cmc@1"), strict=True):
        shown = [f"{100 * first[word]:.2f}", f"{100 * second[word]:.2f}", f"{100 * (second[word] - first[word]):+.2f}"]
        assert re.findall("<b>(.+?)</b>", row) == shown


def test_two_runs_of_different_tasks_are_refused(place):
    write_run(place, "other", seed=5)
    (place / "other" / "record-listed-images-cosine.json").unlink()

    problem = problem_of(bench_report(place, "run", "--against", place / "other", "--task", "listed"))
    assert problem.what == "the two runs cannot be compared: their tasks or data sets differ"
    assert not (place / "out").exists()


def test_without_images_keys_and_ranks_remain(tmp_path):
    place = make_place(tmp_path / "place", pictures=False)
    done = bench_report(place, "run", "--task", "listed/images")

    assert done.exit_code == 0, done.exception
    assert {image[1] for image in content_of(place)["images"]} == {-1}
    assert "The images are not there" in page_of(place)
    assert "Size of the query" not in page_of(place)
    assert not (place / "out" / "pictures").exists()


def test_an_image_that_cannot_be_decoded_is_shown_as_such_and_a_missing_one_too(place):
    keys, _ = features_of(place, 0)
    (place / "data" / keys[0]).write_bytes(b"no image")
    (place / "data" / keys[1]).unlink()
    bench_report(place, "run", "--task", "listed/images")
    queries = content_of(place)["queries"]

    assert [query[1] for query in queries[:2]] == [-2, -1]
    assert all(query[1] > 0 for query in queries[2:])
    assert "1 image is not there" in page_of(place)
    assert "1 image is not decodable" in page_of(place)
    assert len(queries) == 24


def test_no_more_pictures_are_copied_than_asked_for(place):
    bench_report(place, "run", "--task", "listed/images", "--pictures", 30)
    content = content_of(place)
    copied = list((place / "out" / "pictures").iterdir())
    worst = content["queries"][content["orders"]["worst"][0]]

    assert 21 <= len(copied) <= 30
    assert worst[1] > 0
    assert "of 24 queries have pictures" in page_of(place)


def test_names_with_markup_are_texts(place):
    write_run(place, "hostile", seed=0, method=HOSTILE)
    done = bench_report(place, "hostile", "--task", "listed/images")
    assert done.exit_code == 0, done.exception
    parsed = Elements(page_of(place))

    assert [tag for tag, _ in parsed.found].count("script") == 2
    assert HOSTILE in parsed.text
    assert content_of(place)["runs"] == [HOSTILE]


def test_without_a_record_the_task_must_be_named_and_is_then_scored(place):
    for path in (place / "run").glob("record-*"):
        path.unlink()
    problem = problem_of(bench_report(place))
    assert problem.what == "the run has no record"

    done = bench_report(place, "run/features.h5", "--task", "listed/images")
    assert done.exit_code == 0, done.exception
    assert len(content_of(place)["lists"][0]) == 24


def test_other_files_in_hdf5_beside_the_features_are_none(place):
    """A run with boxes keeps them in the same folder."""
    with h5py.File(place / "run" / "boxes-parts.h5", "w") as file:
        file["boxes"] = [1]

    assert bench_report(place).exit_code == 0


def test_a_record_in_place_of_the_folder_chooses_the_task(place):
    bench_report(place, "run/record-listed-tracks-cosine.json")

    assert "listed/tracks" in page_of(place)


def test_the_first_task_of_the_protocol_is_the_default(place):
    bench_report(place)

    assert "listed/images" in page_of(place)


def rewrite(place):
    """Write other features in place of those that the records scored."""
    keys, features = features_of(place, 1)
    harness.write_features(place / "run" / "features.h5", keys, features, dataset="listed", method="mine")


def relabel(place):
    """Give one image another vehicle."""
    text = (place / "data" / "list.txt").read_text()
    (place / "data" / "list.txt").write_text(text.replace(" 5 0 20 1", " 6 0 24 1", 1))


def overstate(place):
    """State another mAP in the record, with a digest that is right."""
    path = place / "run" / "record-listed-images-cosine.json"
    record = read_record(path)
    write_record(path, record.model_copy(update={"measures": {**record.measures, "ap": 0.99}}))


@pytest.mark.parametrize(
    ("spoil", "words", "said"),
    [
        (lambda place: (place / "run" / "features.h5").unlink(), [], "the run has no features"),
        (rewrite, [], "the features do not match the record"),
        (lambda place: None, ["--task", "listed/image"], "unknown task of listed 'image'; did you mean 'images'?"),
        (lambda place: None, ["--task", "list/images"], "unknown protocol 'list'; did you mean 'listed'?"),
        (lambda place: None, ["--draw", "2"], "the task has no such draw"),
        (lambda place: None, ["--task", "listed/drawn", "--draw", "4"], "a number from 1 to 3"),
        (lambda place: None, ["--against", "nowhere"], "the run is missing"),
        (relabel, [], "the data set is not the one of the record"),
        (lambda place: (place / "data" / "near_duplicates.txt").write_text("a b\n"), [], "list of near-duplicates"),
        (overstate, [], "the features give another ap than the record states"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_message_and_leaves_nothing(place, spoil, words, said):
    spoil(place)
    problem = problem_of(bench_report(place, "run", *words))

    assert said in str(problem)
    assert not (place / "out").exists()
    assert left(place) == []


def test_a_query_without_a_right_answer_comes_last_and_counts_nowhere(place):
    with (place / "data" / "list.txt").open("a") as file:
        file.write("\nquery query/stranger.jpg 8 0 32 1")
    write_run(place, "odd", seed=0)
    done = bench_report(place, "odd", "--task", "listed/images")
    assert done.exit_code == 0, done.exception
    content, text = content_of(place), Elements(page_of(place)).text

    assert content["lists"][0][-1][0] is None
    assert content["lists"][0][-1][4] == []
    assert {content["orders"][order][-1] for order in ("worst", "best")} == {24}
    assert "25, of which 1 without a right answer are left out" in text
    assert "The result is not official" in text


def test_a_run_with_post_processed_results_alone_is_refused(place):
    write_run(place, "again", seed=0, post=Chain.parse(["rerank"], load().step))
    problem = problem_of(bench_report(place, "again"))

    assert problem.what == "the run has post-processed results only, whose lists are not kept"


def test_plain_results_are_reported_when_there_are_post_processed_ones_too(place):
    write_run(place, "run", seed=0, post=Chain.parse(["qe", "rerank"], load().step))

    assert bench_report(place).exit_code == 0


def test_two_records_of_one_task_must_be_told_apart(place):
    write_run(place, "run/euclidean", seed=0, metric="euclidean")
    problem = problem_of(bench_report(place))
    assert problem.what == "the run has several records of one task"
    assert bench_report(place, "run/record-listed-images-cosine.json").exit_code == 0


def test_a_feature_file_stands_for_the_records_beside_it(place):
    assert bench_report(place, "run/features.h5", "--task", "listed/tracks").exit_code == 0
    assert "listed/tracks" in page_of(place)


def test_a_task_that_the_run_has_no_record_of_is_refused(place):
    for path in (place / "run").glob("record-listed-drawn-*"):
        path.unlink()
    problem = problem_of(bench_report(place, "run", "--task", "listed/drawn"))

    assert problem.what == "the run has no record of the task"
    assert "listed/images" in problem.found


def test_the_verb_explains_itself():
    text = report.get_help(click.Context(report, info_name="report", max_content_width=80))

    assert len(report.get_short_help_str(limit=55)) <= 55
    assert "  Examples:\n    bench report " in text
    assert max(map(len, text.splitlines())) <= 80
    assert all(one.help.endswith(".") for one in report.params if isinstance(one, click.Option))


def test_a_missing_run_is_refused(place):
    assert problem_of(bench_report(place, "nothing")).what == "the run is missing"


def test_an_earlier_report_is_replaced_and_anything_else_is_left_alone(place):
    bench_report(place)
    (place / "out" / "index.html").write_text(page_of(place) + "old")
    assert bench_report(place).exit_code == 0
    assert not page_of(place).endswith("old")

    (place / "out" / "thesis.txt").write_text("my own")
    assert problem_of(bench_report(place)).what == "the output folder holds something other than a report"
    assert (place / "out" / "thesis.txt").read_text() == "my own"
    (place / "out" / "thesis.txt").unlink()
    (place / "out" / "index.html").write_text("my own page about a vehicle-reid-bench report")
    assert problem_of(bench_report(place)).what == "the output folder holds something other than a report"
    assert page_of(place).startswith("my own page")
    assert left(place) == []


def test_a_failed_report_leaves_the_earlier_one(place):
    bench_report(place)
    before = page_of(place)
    rewrite(place)
    problem_of(bench_report(place))

    assert page_of(place) == before
    assert left(place) == []


def test_the_data_of_a_page_holds_no_letter_that_ends_a_script(place):
    write_run(place, "hostile", seed=0, method=HOSTILE)
    bench_report(place, "hostile")
    data = re.search(r'id="data">(.*?)</script>', page_of(place), re.DOTALL)[1]

    assert not set("<>&") & set(data)
    assert np.isfinite(json.loads(data)["lists"][0][0][0])
