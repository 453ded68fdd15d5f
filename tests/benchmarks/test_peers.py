"""The comparison with other evaluators: its problems, its measuring and its page."""

import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import peers as script
from benchmarks.evaluators.page import OURS, Peer, Row, estimates, page, verdict
from benchmarks.evaluators.peers import PEERS, prepared
from benchmarks.evaluators.problem import (
    SQUARES,
    Problem,
    ambiguous,
    draw,
    four_squares,
    on_grid,
    read,
    shape_of,
    write,
)
from benchmarks.evaluators.runs import Limits, Run, run
from benchmarks.shapes import SHAPES, features

SIZE = "20x300x40"
LIMITS = Limits(120, 10**11)
needs_wait4 = pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system does not say what a process took")


@pytest.fixture(scope="module")
def drawn():
    return draw(shape_of(SIZE))


def exact(problem):
    return problem.asked.astype(np.int64) @ problem.table.T.astype(np.int64)


def test_every_number_is_the_sum_of_four_squares():
    numbers = np.arange(5000)[::-1]

    assert ((four_squares(numbers) ** 2).sum(axis=1) == numbers).all()


def test_the_grid_keeps_directions_and_gives_every_feature_the_same_norm():
    real = features(shape_of(SIZE), np.arange(20), np.random.default_rng(1))
    rows = on_grid(real, np.random.default_rng(2), block=7)

    assert ((rows.astype(np.int64) ** 2).sum(axis=1) == SQUARES).all()
    assert (rows == np.rint(rows)).all()
    assert ((rows * real).sum(axis=1) > 0.98 * 4096 * np.linalg.norm(real, axis=1)).all()


def test_float32_is_exact_on_a_drawn_problem_in_any_order_of_summation(drawn):
    problem = drawn[0]
    unit = problem.asked / np.float32(4096), problem.table / np.float32(4096)
    backwards = np.cumsum((unit[0][:5, None] * unit[1])[..., ::-1], axis=2, dtype=np.float32)[..., -1]

    assert (unit[0] @ unit[1].T * np.float64(SQUARES) == exact(problem)).all()
    assert (backwards * np.float64(SQUARES) == exact(problem)[:5]).all()


def test_no_positive_of_a_drawn_problem_ties_with_a_negative_even_as_a_rounded_distance(drawn):
    problem, above_zero = drawn
    right = problem.query[:, None] == problem.gallery
    distances = 1 - (exact(problem) / SQUARES).astype(np.float32)

    assert not any(np.isin(row[own], row[~own]).any() for row, own in zip(distances, right, strict=True))
    assert above_zero.tolist() == ((exact(problem) > 0) & right).sum(axis=1).tolist()
    assert set(problem.query) <= set(problem.gallery)


def test_a_tie_and_a_near_tie_below_zero_are_noticed():
    asked = np.array([[4, 0], [4, 0], [-4, 0]], dtype=np.float32)
    table = np.array([[2, 0], [2, 1], [1, 0], [3, 1]], dtype=np.float32)
    problem = Problem(asked, table, np.array([0, 1, 1]), np.array([0, 1, 1, 2]))

    tied, above_zero = ambiguous(problem)

    assert tied.tolist() == [True, True, True]
    assert above_zero.tolist() == [1, 2, 0]
    alone = Problem(asked[1:] / 4, table * 4, np.array([2, 2]), np.array([0, 1, 1, 2]))
    assert ambiguous(alone)[0].tolist() == [False, False]
    near = Problem(asked[1:] / 4, table * np.float32(2), np.array([2, 2]), np.array([0, 1, 1, 2]))
    assert ambiguous(near)[0].tolist() == [False, True]


def test_a_problem_is_written_once_and_read_as_it_was_drawn(tmp_path, drawn):
    write(SIZE, tmp_path)
    stamp = (tmp_path / "features.h5").stat().st_mtime_ns
    write(SIZE, tmp_path)
    problem = read(tmp_path)

    assert (tmp_path / "features.h5").stat().st_mtime_ns == stamp
    assert (problem.asked * 256 == drawn[0].asked).all()
    assert (problem.table * 256 == drawn[0].table).all()
    assert problem.gallery.tolist() == drawn[0].gallery.tolist()
    assert problem.query.tolist() == drawn[0].query.tolist()


def test_sizes_are_those_of_the_kernels_benchmark_or_numbers():
    assert shape_of("wild-large") is SHAPES["wild-large"]
    assert (shape_of("7x90x8").vehicles, shape_of("7x90x8").images, shape_of("7x90x8").queries) == (7, 90, 8)
    with pytest.raises(ValueError, match="unknown size 'streamed': expected VEHICLESxIMAGESxQUERIES or one of veri776"):
        shape_of("streamed")


@pytest.mark.parametrize("word", sorted(set(PEERS) - {"kernel"}))
def test_a_peer_finds_the_kernels_map_to_the_digits_that_are_promised(word, drawn):
    for module in {"faiss": ["faiss"], "ranx": ["ranx"], "torchmetrics": ["torchmetrics"]}.get(
        word, ["faiss"] if word == "pytorch-metric-learning" else []
    ):
        pytest.importorskip(module)
    ours, theirs = prepared("kernel")(drawn[0]), prepared(word)(drawn[0])
    peer = next(peer for peer in script.PEERS if peer.word == word)
    values = ours.per_query["ap"].tolist()
    if peer.above_zero:
        ranks, starts = ours.per_query["ranks"].tolist(), ours.per_query["starts"].tolist()
        values = [script.precision(ranks[a : a + count]) for a, count in zip(starts, drawn[1], strict=False)]

    assert theirs.mean == pytest.approx(script.mean(values), abs=peer.within)
    assert theirs.first in (None, pytest.approx(ours.first, abs=1e-9))


def test_a_module_that_is_not_compiled_is_not_at_hand(tmp_path):
    with pytest.raises(ModuleNotFoundError, match="rank_cy"):
        prepared("fast-reid", tmp_path)
    sys.path.remove(str(tmp_path / "fastreid/evaluation/rank_cylib"))


@needs_wait4
def test_a_process_that_takes_too_long_is_ended_and_one_that_fails_is_quoted(tmp_path):
    slow = ["timeit", "-n1", "import time; time.sleep(60)"]

    assert run(slow, Limits(0.3, 10**10), tmp_path / "a.json").failure == "did not finish in 0.3 s"
    with pytest.raises(ChildProcessError, match=r"timeit -n1 nonsense failed with 1, saying: NameError: .*nonsense"):
        run(["timeit", "-n1", "nonsense"], LIMITS, tmp_path / "a.json")


@needs_wait4
def test_a_process_without_memory_says_so_and_one_without_its_library_too(tmp_path):
    write(SIZE, tmp_path)
    words = ["benchmarks.evaluators.measured", "NumPy", str(tmp_path), str(tmp_path / "answer.json")]

    little = Limits(120, 10**6)
    assert run([*words, "--memory", "1000000"], little, tmp_path / "answer.json").failure.endswith("in 0.001 GB")
    words[1:2], missing = ["fast-reid"], ["--checkout", str(tmp_path)]
    assert run([*words, *missing], LIMITS, tmp_path / "answer.json").failure == "not at hand: no module rank_cy"


@needs_wait4
def test_an_answer_comes_with_its_seconds_and_memory(tmp_path):
    write(SIZE, tmp_path)
    answer = tmp_path / "answer.json"
    words = ["benchmarks.evaluators.measured", "NumPy", str(tmp_path), str(answer), "--queries", "20"]

    done = run(words, LIMITS, answer)

    assert done.failure == ""
    assert (done.answer["queries"], done.answer["of"]) == (20, 40)
    assert 0 < done.answer["seconds"] < done.seconds
    assert 0 < done.peak < 10**10
    assert 0 < done.answer["mean"] <= 1


def comparison(tmp_path, queries, runs):
    made = object.__new__(script.Comparison)
    made.size, made.folder, made.limits, made.answer = "wild", tmp_path, LIMITS, tmp_path / "answer.json"
    made.queries, made.images = queries, 2 * 10**9 // queries
    made.found = {"ap": [0.5, 1.0] * (queries // 2), "cmc@1": [0.0, 1.0] * (queries // 2)}
    made.asked = []

    def measured(word, asked=None, checkout=None):
        made.asked.append(asked)
        return runs.pop(0)

    made.measured = measured
    return made


def took(seconds, mean=0.75, queries=100):
    figures = {"seconds": seconds, "processor": seconds, "above": int(seconds * 1e9), "again": 0.0}
    return Run(
        seconds + 3, seconds, int(seconds * 1e9), "", {**figures, "mean": mean, "first": 0.5, "queries": queries}
    )


PEER = Peer("faiss", "faiss-cpu", "it searches.")


def test_a_large_problem_is_extrapolated_along_the_line_through_two_shares(tmp_path):
    made = comparison(tmp_path, 1000, [took(3), took(7)])

    row = made.beside(PEER, 0.1, None)

    assert made.asked == [20, 100]
    assert row.estimated
    assert (row.seconds, row.files, row.above) == (52, 55, 52)
    assert row.apart == 0


def test_a_tiny_share_is_still_two_numbers_of_queries(tmp_path):
    made = comparison(tmp_path, 1000, [took(3, 0.5, 1), took(7, 0.75, 2)])

    made.beside(PEER, 1e-9, None)

    assert made.asked == [1, 2]


def test_the_memory_of_a_peer_that_works_in_blocks_is_not_extrapolated(tmp_path):
    made = comparison(tmp_path, 1000, [took(3), took(7)])

    row = made.beside(replace(PEER, in_blocks=True), 0.1, None)

    assert (row.seconds, row.files, row.above, row.whole) == (52, 55, 7, 7)


def test_a_peer_that_does_not_finish_its_share_has_no_figures(tmp_path):
    made = comparison(tmp_path, 1000, [took(3), Run(300, 300, 0, "did not finish in 300 s")])

    assert made.beside(PEER, 0.1, None).failure == "did not finish in 300 s, with 10% of the queries"


def test_another_answer_than_the_kernels_ends_the_comparison(tmp_path):
    made = comparison(tmp_path, 100, [took(3, mean=0.75 + 2e-9)])

    with pytest.raises(ChildProcessError, match=r"faiss finds mAP 0\.750000002 .* this project 0\.75 and 0\.5"):
        made.beside(PEER, 1, None)


@pytest.mark.parametrize(("ap", "agrees"), [(0.75, True), (0.7500001, False)])
def test_the_command_must_find_what_the_kernel_finds_and_its_quicker_run_counts(ap, agrees, tmp_path, monkeypatch):
    made = comparison(tmp_path, 100, [took(3)])
    found = [{"measures": {"ap": ap, "cmc@1": 0.5}}]
    runs = [Run(9, 9, 2 * 10**9, "", found), Run(5, 5, 10**9, "", found)]
    monkeypatch.setattr(script, "run", lambda words, limits, answer, printed: runs.pop())
    made_kernel = made.measured
    made.measured = lambda word: replace(done := made_kernel(word), answer={**done.answer, "per_query": {}})

    if agrees:
        row = made.ours()
        assert (row.seconds, row.files, row.whole) == (3, 5, 1)
    else:
        with pytest.raises(ChildProcessError, match=r"'bench eval' finds .* and the kernel 0\.75"):
            made.ours()


ROWS = [
    Row("wild-large", OURS, 0.75, 1, 2, 0.0, 4, 0.5),
    Row("wild-large", "faiss", 0.75, 12, 20, 5.0, 15, 25.0, 1e-16, estimated=True),
    Row("wild-large", "NumPy", 0.75, 9, 9, 0.5, 10, 1.0, 0.0),
    Row("wild-large", "ranx", failure="did not finish in 24 GB"),
]


def test_the_page_says_what_the_goal_misses_and_what_would_not_finish():
    text = page(ROWS, [PEER], "two cores", 0.1, (300, 24))

    assert "| wild-large | ranx               |          | did not finish in 24 GB |" in text
    said = " ".join(text.split())
    assert "with a tenth of its memory above the features: missed, not ten times faster than NumPy." in said
    assert "would not finish in 24 GB: faiss at wild-large." in said
    assert "| 12.0 | 5000.0 | 3.8 | 50.0 |" in said
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 120


def test_a_goal_that_is_met_is_said_to_be_and_nothing_is_said_of_estimates_where_there_are_none():
    assert verdict(ROWS[:2]).endswith("above the features: met.")
    assert verdict(ROWS[:1]) == ""
    assert verdict([replace(row, size="veri776") for row in ROWS]) == ""
    assert estimates(ROWS[2:], 0.1, 24) == ""


class FakeComparison:
    def __init__(self, size, folder, limits):
        self.size = size

    def ours(self):
        return Row(self.size, OURS, 0.75, 1, 2, 0.0, 4, 0.5)

    def beside(self, peer, share, checkout):
        if peer.word == "faiss":
            raise ChildProcessError("faiss finds something else")
        return Row(self.size, peer.word, 0.75, 9, 9, 0.5, 10, 1.0, 0.0)


def test_a_peer_that_fails_leaves_the_other_rows_and_the_script_fails_at_its_end(tmp_path, monkeypatch):
    words = ["--sizes", "wild-small", "--peers", "NumPy", "faiss", "ranx", "--write", str(tmp_path / "page.md")]
    monkeypatch.setattr("sys.argv", ["peers", *words])
    monkeypatch.setattr(script, "Comparison", FakeComparison)

    with pytest.raises(ChildProcessError, match="faiss finds something else"):
        script.main()

    text = (tmp_path / "page.md").read_text()
    assert [text.count(f"| wild-small | {word} ") for word in ("NumPy", "faiss", "ranx")] == [2, 1, 2]
    assert text.count("| faiss finds something else |") == 1


@pytest.mark.parametrize("share", ["0", "1.5", "nan"])
def test_a_share_is_a_part_of_the_queries(share, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["peers", "--share", share])

    with pytest.raises(SystemExit):
        script.main()
    assert "--share is above 0 and at most 1" in capsys.readouterr().err


@needs_wait4
@pytest.mark.slow
def test_the_script_measures_a_small_problem_and_writes_the_page(tmp_path, monkeypatch, capsys):
    words = ["--sizes", SIZE, "--peers", "NumPy", "fast-reid", "--folder", str(tmp_path), "--write"]
    monkeypatch.setattr("sys.argv", ["peers", *words, str(tmp_path / "page.md")])

    script.main()

    assert "| NumPy " in (tmp_path / "page.md").read_text()
    assert "fast-reid" not in capsys.readouterr().out  # without a checkout
    assert json.loads((tmp_path / SIZE / "drawn.json").read_text())["size"] == SIZE


def test_a_size_that_could_name_another_folder_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["peers", "--sizes", "../veri776"])

    with pytest.raises(SystemExit):
        script.main()
    assert "'../veri776' is no size: name a shape of kernel.py, or VEHICLESxIMAGESxQUERIES" in capsys.readouterr().err
