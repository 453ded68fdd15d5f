import json

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.basics.digests import digest
from harness.cli import main
from harness.registry.registry import load
from harness.scoring.record import write_record
from harness.scoring.recording import evaluate_file
from harness.scoring.settings import ScoringSettings
from harness.tasks.reranking import Reranking
from tests.records import record, write_result


def bench(*words):
    return CliRunner().invoke(main, ["compare", *map(str, words)])


@pytest.fixture
def values():
    return np.random.default_rng(0).beta(2, 1, 90)


def test_two_results_are_compared_in_every_measure(tmp_path, values):
    a = write_result(tmp_path / "a", "better", np.clip(values + 0.1, 0, 1))
    b = write_result(tmp_path / "b", "worse", values)

    done = bench(a, b)

    assert done.exit_code == 0, done.output
    assert "synthetic/image-to-image" in done.output
    assert "| measure   |   A: better |   B: worse |" in done.output
    line = next(line for line in done.output.splitlines() if line.startswith("| mAP"))
    assert float(line.split("|")[6]) < 1e-6
    assert "| CMC@1" in done.output


def test_a_comparison_says_what_given_weights_have_seen(tmp_path, values):
    given = {"files": {"weights": "0" * 64}, "trained_on": ("synthetic", "veri776")}
    a = write_result(tmp_path / "a", "given", values, **given)
    b = write_result(tmp_path / "b", "trained", values[::-1], train_on="synthetic")

    done = bench(a, b)

    assert "| given           | synthetic, veri776 (this data set and more)" in done.output
    assert "given weights" not in bench(b, write_result(tmp_path / "c", "third", values)).output


def test_what_differs_from_a_method_is_in_the_name_of_its_side(tmp_path, values):
    a = write_result(tmp_path / "a", "mine", values, options={"D": 5}, changes={"D": "5"})
    b = write_result(tmp_path / "b", "mine", values[::-1], options={"D": 8})

    assert "|   A: mine (D=5) |   B: mine |" in bench(a, b).output


def test_the_queries_that_changed_most_are_named(tmp_path):
    changed = np.full(30, 0.5)
    changed[7], changed[3] = 0.9, 0.3
    a, b = write_result(tmp_path / "a", "new", changed), write_result(tmp_path / "b", "old", np.full(30, 0.5))

    shown = json.loads(bench(a, b, "--json").output)[0]["changed_most"]

    assert [row["query"] for row in shown] == ["q/7.jpg", "q/3.jpg"]
    assert (shown[0]["a"], shown[0]["b"], shown[0]["vehicle"]) == (0.9, 0.5, 2)
    assert "q/7.jpg" in bench(a, b).output
    assert "q/7.jpg" not in bench(a, b, "--queries", "0").output


def test_the_comparison_as_json_holds_what_the_table_shows(tmp_path, values):
    a, b = write_result(tmp_path / "a", "one", values), write_result(tmp_path / "b", "two", values[::-1])

    [row, other, _] = json.loads(bench(a, b, "--json").output)[0]["comparisons"]

    assert (row["a"], row["b"], row["measure"]) == ("one", "two", "ap")
    assert row["interval"][0] <= row["difference"] <= row["interval"][1]
    assert row["wins"] + row["ties"] + row["losses"] == 90
    assert row["p"] <= row["p_holm"] <= 1
    assert other["measure"] == "cmc@1"


def test_the_same_command_gives_the_same_bytes_and_another_seed_others(tmp_path, values):
    a, b = write_result(tmp_path / "a", "one", values), write_result(tmp_path / "b", "two", np.roll(values, 1))

    assert bench(a, b).output == bench(a, b).output
    assert bench(a, b).output != bench(a, b, "--seed", 1).output


def test_several_results_give_all_pairs_and_a_matrix(tmp_path, values):
    paths = [
        write_result(tmp_path / name, name, np.clip(values + shift, 0, 1))
        for name, shift in (("low", -0.2), ("middle", 0), ("high", 0.2))
    ]

    done = bench(*paths)

    assert done.exit_code == 0, done.output
    assert done.output.count("| mAP") == 3
    assert "| row - column   |" in done.output
    matrix = [line for line in done.output.splitlines() if line.startswith("| high")][-1]
    assert " *" in matrix
    assert matrix.count("+") == 2


def test_run_folders_are_compared_task_by_task(tmp_path, values):
    for name in ("a", "b"):
        for task in ("image-to-image", "image-to-track"):
            write_result(tmp_path / name, name, values, task=task)

    both = bench(tmp_path / "a", tmp_path / "b")
    one = bench(tmp_path / "a", tmp_path / "b", "--task", "synthetic/image-to-track")

    assert both.output.index("synthetic/image-to-image") < both.output.index("synthetic/image-to-track")
    assert "synthetic/image-to-image" not in one.output


def test_two_seeds_of_one_method_are_told_apart(tmp_path, values):
    paths = [write_result(tmp_path / str(seed), "one", values, seed=seed) for seed in (3, 4)]

    assert "A: one (seed 3)" in bench(*paths).output


def test_results_of_different_fingerprints_are_not_compared(tmp_path, values):
    a = write_result(tmp_path / "a", "one", values)
    b = write_result(tmp_path / "b", "two", values, fingerprint=digest("another data set"))

    done = bench(a, b)

    assert done.exit_code == 2
    assert "different fingerprints" in done.output


def test_results_without_a_common_task_are_not_compared(tmp_path, values):
    a = write_result(tmp_path / "a", "one", values)
    b = write_result(tmp_path / "b", "two", values, task="image-to-track")

    assert "no task in common" in bench(a, b).output
    assert "not all of the results are of synthetic/none" in bench(a, a, "--task", "synthetic/none").output


def test_per_query_values_of_another_run_are_refused(tmp_path, values):
    a = write_result(tmp_path / "a", "one", values)
    b = write_result(tmp_path / "b", "two", values)
    (tmp_path / "a" / "per-query-image-to-image.csv.gz").write_bytes(
        (write_result(tmp_path / "c", "three", values / 2).parent / "per-query-image-to-image.csv.gz").read_bytes()
    )

    done = bench(a, b)

    assert done.exit_code == 2
    assert "do not match the record" in done.output


def test_a_record_without_per_query_values_says_so(tmp_path, values):
    a = write_result(tmp_path / "a", "one", values)
    write_record(tmp_path / "plain.json", record(measures={"ap": 0.5, "cmc@1": 0.5}))

    assert "no per-query values" in bench(a, tmp_path / "plain.json").output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "nothing to compare with"),
        (("folder",), "has no record"),
        (("none.json",), "record is missing"),
        (("A", "--measure", "cmc@2"), "unknown measure 'cmc@2'"),
    ],
)
def test_a_mistake_ends_with_2_and_one_clear_message(tmp_path, values, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    a = write_result(tmp_path / "a", "one", values)

    done = bench(a, *(a if word == "A" else word for word in words))

    assert done.exit_code == 2
    assert message in done.output


def test_two_records_of_one_task_in_a_folder_must_be_named(tmp_path, values):
    write_result(tmp_path / "runs" / "a", "one", values)
    write_result(tmp_path / "runs" / "b", "two", values)

    done = bench(tmp_path / "runs", tmp_path / "runs")

    assert done.exit_code == 2
    assert "two records of one task" in done.output


@pytest.fixture
def both(tmp_path, values):
    """Two folders of a plain and a re-ranked result each."""
    for name, shift in (("a", 0.1), ("b", 0.0)):
        write_result(tmp_path / name / "plain", name, np.clip(values + shift, 0, 1))
        write_result(tmp_path / name / "again", name, np.clip(values + shift / 2, 0, 1), rerank=Reranking())
    return tmp_path


def sides(done):
    return [(found["comparisons"][0]["a"], found["comparisons"][0]["b"]) for found in json.loads(done.output)]


def test_folders_of_both_kinds_are_compared_kind_by_kind(both):
    mark = "re-ranking (20, 6, 0.3)"

    assert sides(bench(both / "a", both / "b", "--json")) == [("a", "b"), (f"a + {mark}", f"b + {mark}")]
    assert sides(bench(both / "a", both / "b" / "plain", "--json")) == [("a", "b")]


def test_a_ranking_and_its_re_ranking_are_compared_by_their_names(both):
    done = bench(both / "a" / "again", both / "a" / "plain")

    assert "A: a + re-ranking (20, 6, 0.3) |   B: a |" in done.output


def test_folders_without_a_common_kind_are_not_compared(both, values):
    write_result(both / "b" / "plain", "b", values, rerank=Reranking(k1=9))

    done = bench(both / "a", both / "b")
    other = bench(both / "a", both / "b" / "plain")

    assert done.exit_code == 0
    assert "A: a + re-ranking (20, 6, 0.3)" in done.output
    assert other.exit_code == 2
    assert "are post-processed differently" in other.output
    assert "found: not post-processed, re-ranking (20, 6, 0.3); re-ranking (9, 6, 0.3)" in other.output


def write_seeds(folder, method, values, shifts):
    for seed, shift in enumerate(shifts):
        write_result(folder / f"{method}-{seed}", method, np.clip(values + shift, 0, 1), seed=seed)


def test_runs_that_differ_in_their_seed_alone_are_joined_where_asked(tmp_path):
    values = np.full(30, 0.5)
    write_seeds(tmp_path, "one", values, [0.1, 0.2, 0.3])
    write_seeds(tmp_path, "two", values, [0.0, -0.1])

    [found] = json.loads(bench(tmp_path, "--over-seeds", "--json").output)

    row = found["comparisons"][0]
    assert (row["a"], row["b"]) == ("one (3 seeds)", "two (2 seeds)")
    assert row["values"] == pytest.approx([0.7, 0.45])
    assert row["difference"] == pytest.approx(0.25)
    assert row["wins"] == 30
    folders = [tmp_path / "one-1", tmp_path / "two-0", tmp_path / "one-0"]
    assert "A: one (2 seeds) |   B: two |" in bench(*folders, "--over-seeds").output
    assert "A: two |   B: one (2 seeds) |" in bench(*folders[1:], folders[0], "--over-seeds").output
    assert "A: one (2 seeds) |   B: two |" in bench(*folders, *folders, "--over-seeds").output


def test_a_joined_comparison_of_one_method_has_nothing_to_compare_with(tmp_path, values):
    write_seeds(tmp_path, "one", values, [0.0, 0.1])

    done = bench(tmp_path, "--over-seeds")
    named = bench(tmp_path, "--over-seeds", "--task", "synthetic/image-to-track")

    assert done.exit_code == named.exit_code == 2
    assert "no task has results of two methods" in done.output
    assert "synthetic/image-to-track does not have results of two methods" in named.output


def test_joined_runs_of_another_fingerprint_are_refused(tmp_path, values):
    write_seeds(tmp_path, "one", values, [0.0, 0.1])
    write_result(tmp_path / "other", "two", values, fingerprint=digest("another data set"))

    assert "different fingerprints" in bench(tmp_path, "--over-seeds").output


def test_results_are_compared_on_the_queries_of_listed_vehicles(tmp_path):
    values, other = np.full(30, 0.5), np.full(30, 0.5)
    other[3:9] = 0.9, 0.8, 0.7, 0.6, 0.7, 0.8  # the queries of vehicles 1 and 2
    other[20] = 0.0
    a, b = write_result(tmp_path / "a", "one", other), write_result(tmp_path / "b", "two", values)
    (tmp_path / "pairs.txt").write_text("0001 0002\n7777 7778\n")

    done = bench(a, b, "--vehicles", tmp_path / "pairs.txt", "--json")

    [found] = json.loads(done.output)
    assert found["task"] == "synthetic/image-to-image, 6 of 30 queries"
    assert found["comparisons"][0]["values"] == pytest.approx([0.75, 0.5])
    assert [row["query"] for row in found["changed_most"]] == [f"q/{row}.jpg" for row in (3, 4, 8, 5, 7)]
    assert "6 of 30 queries" in bench(a, b, "--vehicles", tmp_path / "pairs.txt").output


def test_the_mean_over_listed_vehicles_is_exact(tmp_path):
    a, b = write_result(tmp_path / "a", "one", [0.1] * 30), write_result(tmp_path / "b", "two", [0.7] * 30)
    (tmp_path / "all.txt").write_text(" ".join(map(str, range(10))))

    [found] = json.loads(bench(a, b, "--vehicles", tmp_path / "all.txt", "--measure", "ap", "--json").output)

    assert found["comparisons"][0]["values"] == [0.1, 0.7]


def test_own_vehicles_are_listed_and_shown_by_the_words_of_the_table(tmp_path):
    plates = ["B AB 123", "7", "京A12345"]
    rows = [f"{role}/{row}.jpg,{plates[row // 3]},{role},{row}" for role in ("query", "gallery") for row in range(9)]
    (tmp_path / "images.csv").write_text("path,vehicle,split,camera\n" + "\n".join(rows), encoding="utf-8")
    (tmp_path / "cars.toml").write_text('table = "images.csv"\n[tasks.main]\n')
    keys = [row.partition(",")[0] for row in rows]
    paths = []
    for seed in (0, 1):
        features = np.random.default_rng(seed).normal(size=(len(keys), 4)).astype(np.float32)
        harness.write_features(tmp_path / f"{seed}.h5", keys, features, dataset="cars", method=f"m{seed}")
        out, word = tmp_path / f"out{seed}", str(tmp_path / "cars.toml")
        evaluate_file(tmp_path / f"{seed}.h5", word, ScoringSettings(), registry=load(), data=None, folder=out)
        paths.append(out)
    (tmp_path / "plates.txt").write_text("B AB 123\n7\n", encoding="utf-8")

    words = ("--vehicles", tmp_path / "plates.txt", "--protocol", tmp_path / "cars.toml", "--queries", "9")
    [found] = json.loads(bench(*paths, *words, "--json").output)

    assert found["task"] == "cars/main, 6 of 9 queries"
    assert {row["vehicle"] for row in found["changed_most"]} == {"B AB 123", "7"}
    assert "B AB 123" in bench(*paths, *words).output
    assert "B AB 123" not in bench(*paths).output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the list of vehicles is missing"),
        (b"7\n\xbe\xa9\n", "the list of vehicles is not in UTF-8"),
        (b" \n", "the list of vehicles is empty"),
        (b"3 car\n-1\n", "no query of one is of one of the vehicles listed"),
        (b"7777", "no query of one is of one of the vehicles listed"),
    ],
)
def test_a_list_of_vehicles_that_does_not_serve_is_refused(tmp_path, values, content, message):
    a, b = write_result(tmp_path / "a", "one", values), write_result(tmp_path / "b", "two", values)
    if content is not None:
        (tmp_path / "pairs.txt").write_bytes(content)

    done = bench(a, b, "--vehicles", tmp_path / "pairs.txt")

    assert done.exit_code == 2
    assert message in done.output
