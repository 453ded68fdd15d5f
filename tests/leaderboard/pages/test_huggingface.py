import string
from decimal import Decimal

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, strategies as st

from harness.cli import main
from harness.errors import RecordError
from leaderboard import record_files
from leaderboard.boards import build_boards
from leaderboard.pages.huggingface import (
    MAX_BYTES,
    Benchmark,
    BenchmarkTask,
    HubResult,
    HubSource,
    HubTask,
    benchmark_text,
    hub_files,
    read_benchmark,
    read_results,
    results_text,
)
from leaderboard.record_files import collect
from tests.records import write_result, write_seeds

FULL = """
- dataset:
    id: cais/hle
    task_id: default
    revision: 5503434ddd753f426f4b38109466949a1217c2bb
  value: 20.90
  verifyToken: eyJh
  date: 2025-01-15
  source: {url: "https://huggingface.co/spaces/x/y", name: Eval traces, user: x, org: z}
  notes: no
  something_new: [1, 2]
- dataset: {id: gpqa, task_id: gpqa_diamond}
  value: 0.412
"""


@pytest.fixture
def records(tmp_path, monkeypatch):
    """A method with a hostile name and three seeds on two tasks, and a result that is not official."""
    monkeypatch.setattr(record_files, "SHIPPED", tmp_path / "nothing is shipped")
    values = np.random.default_rng(0).beta(2, 2, 60)
    write_seeds(tmp_path / "records" / "a", "../x: {!!y}\n# &z", values)
    write_seeds(tmp_path / "records" / "a", "../x: {!!y}\n# &z", values, task="image-to-track")
    write_result(tmp_path / "records" / "b", "partial", values, official=False, differences=("one image is missing",))
    return tmp_path / "records"


def read_of(tmp_path, text, read=read_results):
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def test_a_full_entry_of_the_hub_is_read_and_its_digits_and_words_stay_as_they_are(tmp_path):
    full, least = read_of(tmp_path, FULL)

    assert full == HubResult(
        dataset=HubTask(id="cais/hle", task_id="default", revision="5503434ddd753f426f4b38109466949a1217c2bb"),
        value=Decimal("20.90"),
        verify_token="eyJh",  # noqa: S106 - of a file
        date="2025-01-15",
        source=HubSource(url="https://huggingface.co/spaces/x/y", name="Eval traces", user="x", org="z"),
        notes="no",
    )
    assert str(full.value) == "20.90"
    assert least == HubResult(dataset=HubTask(id="gpqa", task_id="gpqa_diamond"), value=Decimal("0.412"))


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
words = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=20)
results = st.builds(
    HubResult,
    dataset=st.builds(
        HubTask, id=st.one_of(words, st.builds("{}/{}".format, words, words)), task_id=texts, revision=st.none() | texts
    ),
    value=st.decimals(-999999, 999999, places=4).map(lambda number: number.normalize() + 0),
    verify_token=st.none() | texts,
    date=st.none() | texts,
    source=st.none()
    | st.builds(
        HubSource, url=words.map("https://{}".format), name=st.none() | texts, user=st.none() | texts, org=st.none()
    ),
    notes=st.none() | texts,
)


@given(st.lists(results, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory, entries):
    text = results_text(entries)

    assert read_of(tmp_path_factory.mktemp("hub"), text) == tuple(entries)
    for entry, other in zip(entries, yaml.safe_load(text), strict=True):  # as any other program reads it
        assert float(entry.value) == other["value"]
        assert (entry.dataset.task_id, entry.notes) == (other["dataset"]["task_id"], other.get("notes"))


@given(
    st.builds(
        Benchmark,
        name=texts,
        description=texts,
        evaluation_framework=texts,
        tasks=st.lists(
            st.builds(BenchmarkTask, id=texts, config=st.none() | texts, split=st.none() | texts),
            min_size=1,
            max_size=3,
        ).map(tuple),
    )
)
def test_a_benchmark_that_is_written_is_read_again(tmp_path_factory, benchmark):
    assert read_of(tmp_path_factory.mktemp("hub"), benchmark_text(benchmark), read_benchmark) == benchmark


def test_the_benchmark_of_another_framework_is_read(tmp_path):
    tasks = "tasks:\n  - id: hle\n    split: test\n    solvers: [{name: generate}]\n"
    text = f"name: A\ndescription: >\n  Two\n  lines.\nevaluation_framework: inspect-ai\n{tasks}"

    found = read_of(tmp_path, text, read_benchmark)

    assert (found.name, found.description, found.tasks) == (
        "A",
        "Two lines.\n",
        (BenchmarkTask(id="hle", split="test"),),
    )


ENTRY = "- dataset: {id: a/b, task_id: c}\n  value: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('- !!python/object/apply:os.system ["touch gone"]', "a tag, an anchor or a reference"),
        ("- !x 1", "a tag, an anchor or a reference"),
        ("a: &a [x, x]\nb: [*a, *a]", "a tag, an anchor or a reference"),
        ("[" * 1000, "more than 16 levels"),
        ("a: {" * 1000, "more than 16 levels"),
        ("x" * (MAX_BYTES + 1), "too large"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"\x00", "not plain YAML"),
        ("- a\n--- \n- b", "another document"),
        ("a: [", "not plain YAML"),
        (ENTRY + "1\n  value: 2", "occurs twice"),
        ("", "has not the form"),
        ("a: b", "has not the form"),
        ("- a", "has not the form"),
        ("- [[a]]: b", "not plain YAML"),
        (ENTRY + "twenty", "has not the form"),
        (ENTRY + ".nan", "has not the form"),
        (ENTRY + "1e999999999", "has not the form"),
        (ENTRY + "1e-999999999", "has not the form"),
        (ENTRY + "9" * 5000, "has not the form"),
        (ENTRY + "1\n  notes: [a]", "has not the form"),
        (ENTRY + '1\n  notes: "\\ud800"', "has not the form"),
        (ENTRY + "1\n  source: {url: 'javascript:alert(1)'}", "has not the form"),
        ("- dataset: {id: ../../x, task_id: c}\n  value: 1", "has not the form"),
        ("- dataset: {id: a/b}\n  value: 1", "has not the form"),
    ],
)
def test_a_file_that_is_not_plain_results_is_one_message(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordError) as caught:
        read_of(tmp_path, text)

    assert message in str(caught.value)
    assert "file.yaml" in str(caught.value.where)
    assert len(str(caught.value)) < 1000
    assert [path.name for path in tmp_path.iterdir()] == ["file.yaml"]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordError, match="is missing") as caught:
        read_results(tmp_path / "none.yaml")
    assert caught.value.where == tmp_path / "none.yaml"


def test_the_files_state_official_results_of_each_task_and_measure(records, tmp_path):
    boards = build_boards(collect([records]))
    files = hub_files(boards, "some-owner")
    for path, content in files.items():
        (tmp_path / "hub" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "hub" / path).write_bytes(content)

    benchmark = read_benchmark(tmp_path / "hub" / "datasets" / "synthetic" / "eval.yaml")
    paths = sorted((tmp_path / "hub" / "models").rglob("*.yaml"))
    found = [result for path in paths for result in read_results(path)]

    tasks = ("image-to-image", "image-to-track")
    assert [path.name for path in paths] == [f"synthetic-{task}.yaml" for task in tasks]
    assert len({path.parent for path in paths}) == 1  # one model, two tasks
    ids = [f"{task}/{word}" for task in tasks for word in ("ap", "cmc-at-1", "cmc-at-5")]
    assert [task.id for task in benchmark.tasks] == [result.dataset.task_id for result in found] == ids
    assert {result.dataset.id for result in found} == {"some-owner/synthetic"}
    official = [board for board in boards if board.official]
    means = [100 * board.rows[0].values[word].mean for board in official for word in board.measures]
    assert [float(result.value) for result in found] == pytest.approx(means, abs=0.005)
    assert all("mean of 3 runs with 3 seeds" in result.notes for result in found)
    assert not any("partial" in result.notes for result in found)


def test_the_verb_writes_the_folder_checks_it_and_finds_a_stray_file(records, tmp_path):
    words = ["leaderboard", "--records", str(records), "--format", "huggingface", "--out", str(tmp_path / "hub")]

    def bench(*more):
        return CliRunner().invoke(main, [*words, *more])

    assert bench().exit_code == 0
    assert {path.parent.name for path in (tmp_path / "hub").rglob("*.yaml")} == {"synthetic", ".eval_results"}
    assert bench("--check").exit_code == 0
    (stray,) = {path.parent for path in (tmp_path / "hub" / "models").rglob("*.yaml")}
    (stray / "more.yaml").write_text("[]")
    done = bench("--check")
    assert done.exit_code == 1
    assert "no record gives this file" in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--hub-owner", "../x"), "cannot be an owner"),
        (("--rows", "partial"), "no official result"),
    ],
)
def test_what_cannot_go_to_the_hub_is_said(records, tmp_path, words, message):
    out = tmp_path / "hub"
    common = ["leaderboard", "--records", str(records), "--format", "huggingface", "--out", str(out)]

    done = CliRunner().invoke(main, [*common, *words])

    assert done.exit_code == 2
    assert message in done.output
    assert not out.exists()
