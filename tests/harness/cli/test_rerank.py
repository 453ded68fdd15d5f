"""``--rerank`` as a user types it, on a data set of lists alone."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.errors import UsageError
from harness.registry.registry import load
from harness.scoring.record import read_record
from harness.tasks.rules import relevance
from tests import reference

PLUGIN = """
from pathlib import Path
import numpy as np
import harness

class Listed(harness.Protocol):
    name = "listed"
    tasks = (
        harness.Task(
            "image-to-image", harness.Rule(ignore=("same vehicle and camera",)), measures=("ap", "minp", "cmc@1"),
            conventions={
                "trapezoid-ap": harness.tasks.task.Convention("trapezoids", measures={"ap": "ap_trapezoid"}),
            },
            released={"queries": 10, "gallery images": 40},
        ),
        harness.Task("image-to-track", harness.Rule(unit="track"), measures=("hit@1", "ap")),
        harness.Task("drawn", harness.Rule(draws=harness.Draws(count=3)), measures=("cmc@1", "ap"),
            query="gallery", gallery="gallery"),
        harness.Task("by-mean", harness.Rule(unit="track", reduce="mean feature"), measures=("ap",)),
    )

    def load(self, root):
        def split(name, number):
            rows = np.arange(number)
            return harness.ImageTable(
                tuple(f"{name}/{row}.jpg" for row in rows), rows % 5,
                camera=rows // 5 % 3, track=rows // 10 * 5 + rows % 5,
            )
        return harness.Dataset(Path(root), {"query": split("query", 10), "gallery": split("gallery", 40)})

@harness.hookimpl
def bench_register_protocols(register):
    register("listed", Listed)
"""
NUMBERS = {"k1": 5, "k2": 3, "share": 0.4}
WORDS = "k1=5,k2=3,lambda=0.4"


@pytest.fixture
def features(tmp_path, monkeypatch):
    """Features of five vehicles in noise, in an empty folder with the plugin."""
    monkeypatch.chdir(tmp_path)
    Path("plugin.py").write_text(PLUGIN)
    keys = [f"{name}/{row}.jpg" for name, number in (("query", 10), ("gallery", 40)) for row in range(number)]
    vehicle = [int(key.partition("/")[2].removesuffix(".jpg")) % 5 for key in keys]
    rng = np.random.default_rng(3)
    table = rng.standard_normal((5, 6))[vehicle] + 1.2 * rng.standard_normal((50, 6))
    harness.write_features("f.h5", keys, table.astype(np.float32), dataset="listed", method="mine")
    return dict(zip(keys, table.astype(np.float32), strict=True))


def bench(verb, *words, protocol="listed", status=0):
    where = ["--protocol", protocol, "--data", ".", "--plugin", "plugin.py"]
    done = CliRunner().invoke(main, [verb, *words, *where])
    assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
    assert "Traceback" not in done.output
    return done


def dense(features, task):
    """Return the measures of a task by the dense definition and the reference's scorer."""
    protocol, (asked,) = load([Path("plugin.py")]).tasks(f"listed/{task}")
    data = protocol.load(Path())
    queries, gallery = (
        np.stack([features[path] for path in data.split(name).paths]) for name in (asked.query, asked.gallery)
    )
    rule = relevance(asked, data)
    distances = reference.reranked(queries, gallery, "cosine", **NUMBERS)
    (answers,) = reference.rank_distances(distances, rule, 2.0**-40)
    values = {word: [] for word in asked.measures}
    for query, entries in answers:
        negatives = rule.units - len(rule.positives.of(query)) - len(rule.ignored.of(query))
        marks = reference.ranking(entries, negatives)
        for word, found in values.items():
            found.append(reference.measure(word, marks))
    known = {word: [value for value in found if not math.isnan(value)] for word, found in values.items()}
    return {word: pytest.approx(sum(found) / len(found), abs=1e-12) for word, found in known.items()}


def test_eval_gives_what_the_dense_definition_gives_and_says_so(features):
    found = json.loads(bench("eval", "f.h5", "--rerank", WORDS, "--json").stdout)
    plain = json.loads(bench("eval", "f.h5", "--json").stdout)

    assert [row["task"] for row in found] == ["listed/image-to-image", "listed/image-to-track"]
    for row, other in zip(found, plain, strict=False):
        assert row["measures"] == dense(features, row["task"].partition("/")[2])
        assert row["measures"] != other["measures"]
        assert row["rerank"] == {"k1": 5, "k2": 3, "lambda": 0.4}
        assert other["rerank"] is None
        assert row["fingerprint"] == other["fingerprint"]


@pytest.mark.parametrize("task", ["image-to-image", "image-to-track"])
def test_python_gives_the_same_and_marks_it(features, task):
    scores = harness.evaluate(
        "f.h5", f"listed/{task}", data=".", rerank=harness.Reranking(**NUMBERS), registry=load([Path("plugin.py")])
    )

    assert dict(scores.mean) == dense(features, task)
    assert scores.rerank == harness.Reranking(**NUMBERS)


@pytest.mark.usefixtures("features")
def test_the_word_alone_takes_the_papers_numbers():
    alone, written = (
        bench("eval", "f.h5", *words, "--json", protocol="listed/image-to-image").stdout
        for words in (("--rerank",), ("--rerank", "lambda=0.3,k1=20,k2=6"))
    )

    assert json.loads(alone)[0]["rerank"] == {"k1": 20, "k2": 6, "lambda": 0.3}
    assert alone == written


@pytest.mark.usefixtures("features")
def test_tasks_without_a_re_ranking_are_named_and_left_out(caplog):
    bench("eval", "f.h5", "--rerank", WORDS)

    assert [record.getMessage() for record in caplog.records] == [
        f"listed/{task} is skipped: re-ranking is not defined for draws or for the mean feature of a track"
        for task in ("drawn", "by-mean")
    ]


@pytest.mark.usefixtures("features")
@pytest.mark.parametrize("task", ["drawn", "by-mean"])
def test_a_task_without_a_re_ranking_is_refused_by_name(task):
    done = bench("eval", "f.h5", "--rerank", protocol=f"listed/{task}", status=2)

    assert "not defined for draws or for the mean feature" in done.output
    assert f"where: task '{task}'" in done.output
    assert "leave --rerank out" in done.output
    with pytest.raises(UsageError, match="not defined for draws"):
        harness.evaluate(
            "f.h5", f"listed/{task}", data=".", rerank=harness.Reranking(), registry=load([Path("plugin.py")])
        )


@pytest.mark.usefixtures("features")
def test_a_run_is_refused_before_anything_is_done_for_it():
    refused = bench("run", "--method", "random", "--rerank", protocol="listed/drawn", status=2)

    assert "not defined for draws" in refused.output
    assert not Path("runs").exists()


@pytest.mark.usefixtures("features")
def test_the_table_marks_the_number():
    lines = bench("eval", "f.h5", "--rerank", WORDS, protocol="listed/image-to-image").stdout.splitlines()

    assert lines[4].startswith("| mine + re-ranking (5, 3, 0.4) |")
    assert (
        "- By re-ranking (5, 3, 0.4): k-reciprocal, with k1 5, k2 3 and lambda 0.4, with parameters chosen on the test."
        in lines
    )


@pytest.mark.usefixtures("features")
def test_the_table_of_conventions_marks_the_numbers():
    conventions = ("--conventions", "all")
    marked = bench("eval", "f.h5", "--rerank", WORDS, *conventions, protocol="listed/image-to-image").stdout

    assert "trapezoid-ap" in marked
    assert marked.splitlines()[-1].startswith("- By re-ranking (5, 3, 0.4)")
    assert "re-ranking" not in bench("eval", "f.h5", *conventions, protocol="listed/image-to-image").stdout


@pytest.mark.usefixtures("features")
def test_records_of_every_ranking_stand_beside_each_other_and_are_used_again():
    for words in ((), ("--rerank",), ("--rerank", WORDS)):
        bench("eval", "f.h5", *words, "--record", "records", protocol="listed/image-to-image")
    stood = {path.name: path.stat().st_mtime_ns for path in Path("records").iterdir()}
    bench("eval", "f.h5", "--rerank", WORDS, "--record", "records", protocol="listed/image-to-image")

    assert {path.name: path.stat().st_mtime_ns for path in Path("records").iterdir()} == stood
    marks = ["", "-rerank-20-6-0.3", "-rerank-5-3-0.4"]
    (end,) = {path.stem.rpartition("-")[2] for path in Path("records").glob("*.json")}
    names = [f"record-mine-listed-image-to-image-cosine{mark}-{end}.json" for mark in marks]
    assert sorted(stood) == sorted(
        [*names, *(name.replace("record", "per-query").replace(".json", ".csv.gz") for name in names)]
    )
    records = [read_record(Path("records") / name) for name in names]
    assert [record.rerank for record in records] == [None, harness.Reranking(), harness.Reranking(**NUMBERS)]
    assert len({record.run for record in records}) == 3
    assert all(record.official for record in records)


@pytest.mark.usefixtures("features")
def test_a_run_re_ranks_what_stands(small_synthetic):
    words = ["run", "--method", "random", "--protocol", "synthetic", "--data", str(small_synthetic), "--json"]
    for more in ([], ["--rerank"]):
        done = CliRunner().invoke(main, [*words, *more])
        assert done.exit_code == 0, done.output

    assert {row["rerank"]["k1"] for row in json.loads(done.stdout)} == {20}
    (folder,) = Path("runs").iterdir()
    assert len(list(folder.rglob("features.h5"))) == 1
    assert len(list(folder.rglob("record-*-rerank-20-6-0.3.json"))) == len(list(folder.rglob("record-*.json"))) / 2 > 0


@pytest.mark.usefixtures("features")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("f.h5", "--rerank", "k1=0"), "found: k1 0, k2 6, lambda 0.3"),
        (("f.h5", "--rerank", "k4=1"), "unknown parameter of re-ranking 'k4'"),
        (("--rerank", "f.h5"), "name a file before --rerank, not after it"),
        (("f.h5", "--rerank", ""), "the parameters of re-ranking cannot be read"),
    ],
)
def test_a_mistake_ends_with_2_and_one_clear_message(words, message):
    assert message in bench("eval", *words, status=2).output
