from dataclasses import replace

import numpy as np
import pytest

from harness.errors import RecordError
from harness.scoring.per_query import PerQuery, read_per_query, write_per_query
from harness.scoring.record import PerQueryFile, read_record, write_record
from harness.scoring.tables import GROUPS, HEADING, group_of
from harness.tasks.reranking import Reranking
from leaderboard.boards import build_boards
from leaderboard.pages.html import as_html
from leaderboard.pages.latex import as_latex
from leaderboard.pages.markdown import markdown_pages
from leaderboard.pages.task_pages import build_task_pages
from leaderboard.record_files import RecordFile, values_of
from leaderboard.statistics.intervals import over_vehicles
from leaderboard.statistics.vehicles import by_vehicle
from tests.records import record, write_result, write_seeds


@pytest.fixture
def values():
    return np.random.default_rng(0).beta(2, 2, 90)


def board_of(*paths):
    [board] = build_boards(RecordFile(read_record(path), path) for path in paths)
    return board


def test_methods_that_cannot_be_told_apart_share_a_range_of_ranks(tmp_path, values):
    noise = np.random.default_rng(1).normal(0, 0.02, 90)
    board = board_of(
        *write_seeds(tmp_path / "a", "best", np.clip(values + 0.3, 0, 1)),
        *write_seeds(tmp_path / "b", "middle", values),
        *write_seeds(tmp_path / "c", "same", np.clip(values + noise, 0, 1)),
        *write_seeds(tmp_path / "d", "worst", np.clip(values - 0.3, 0, 1)),
    )

    ranks = {row.record.method: str(row.ranks) for row in board.rows}
    assert ranks == {"best": "1", "middle": "2-3", "same": "2-3", "worst": "4"}


def test_a_method_with_fewer_than_three_seeds_has_an_interval_but_neither_rank_nor_mark(tmp_path, values):
    twice = [
        write_result(tmp_path / f"twice {seed}", "twice", np.clip(values + 0.3, 0, 1), seed=seed, train_on="synthetic")
        for seed in (0, 1)
    ]
    board = board_of(*write_seeds(tmp_path, "mine", values), *write_seeds(tmp_path / "b", "other", values / 2), *twice)

    assert [(row.record.method, str(row.ranks)) for row in board.rows] == [
        ("twice", "None"),
        ("mine", "1"),
        ("other", "2"),
    ]
    assert [row.values["ap"].mark for row in board.rows] == ["", "best", "second"]
    assert board.rows[0].values["ap"].interval is not None


def test_a_control_has_an_interval_but_no_rank_and_stands_last(tmp_path, values):
    control = [
        write_result(tmp_path / f"control {seed}", "oracle", np.ones(90), control=True, seed=seed) for seed in range(3)
    ]
    board = board_of(*control, *write_seeds(tmp_path, "mine", values))

    assert [(row.record.method, str(row.ranks)) for row in board.rows] == [("mine", "1"), ("oracle", "None")]
    assert board.rows[1].values["ap"].interval is not None


def test_the_interval_of_a_single_run_is_that_over_its_vehicles(tmp_path, values):
    row = board_of(write_result(tmp_path, "mine", values)).rows[0]

    assert row.values["ap"].interval == over_vehicles(by_vehicle(values, np.arange(90) // 3))


def test_runs_of_one_method_are_one_row_with_their_mean_and_an_interval_over_seeds_too(tmp_path, values):
    runs = [np.clip(values + shift, 0, 1) for shift in (-0.05, 0.0, 0.06)]
    paths = [
        write_result(tmp_path / str(seed), "mine", run, seed=seed, train_on="synthetic", checkpoint=f"{seed}" * 64)
        for seed, run in enumerate(runs)
    ]

    row = board_of(*paths).rows[0]

    assert [record.seed for record in row.records] == [0, 1, 2]
    assert row.values["ap"].mean == pytest.approx(np.mean(runs))
    alone = over_vehicles(by_vehicle(np.sum(runs, axis=0) / 3, np.arange(90) // 3))
    assert row.values["ap"].interval.low < alone.low
    assert row.values["ap"].interval.high > alone.high


def test_equal_options_under_two_names_are_one_row_that_names_both(tmp_path, values):
    names = [{"variant": "no-erasing", "recipe": "quick"}, {"aliases": ("stride-2",)}, {}]
    paths = [
        write_result(tmp_path / str(seed), "mine", values, seed=seed, options={"erase": 0.0}, **name)
        for seed, name in enumerate(names)
    ]

    [row] = board_of(*paths).rows

    assert row.record.method_name == "mine"
    assert row.aliases == ("mine/no-erasing", "mine/stride-2")


def test_the_same_features_under_two_names_count_once_and_keep_both_names(tmp_path, values):
    about = {"options": {"erase": 0.0}, "seed": 0}
    paths = [
        write_result(tmp_path / "a", "mine", values, variant="no-erasing", features="0" * 64, **about),
        write_result(tmp_path / "b", "mine", values, features="0" * 64, **about),
    ]

    for order in (paths, paths[::-1]):
        [row] = board_of(*order).rows
        assert len(row.records) == 1
        assert {row.record.method_name, *row.aliases} == {"mine", "mine/no-erasing"}


def test_results_of_different_queries_under_one_fingerprint_are_left_out_by_name(tmp_path, values, caplog):
    """The fingerprint says that they are the same queries; a record that is not honest is not averaged in."""
    honest, other = (
        write_seeds(tmp_path / "a", "a", values),
        write_seeds(tmp_path / "b", "b", np.append(values[:-3], [0.5])),
    )

    board = board_of(*honest, *other[:2])

    assert [row.record.method for row in board.rows] == ["a"]
    assert [str(path) in caplog.text for path in (*other[:2], *honest)] == [True, True, False, False, False]
    assert "asks other queries than the others of its fingerprint" in caplog.text


def drawn(folder, *, asked, seed=0, method="strong-baseline"):
    """Write the record of a gallery drawn ten times, in which a vehicle of n images is asked n - 1 times a draw."""
    vehicle = np.repeat(np.arange(40), [2, 6] * 20)
    easy = vehicle % 2 == 0
    values = {"ap": np.where(easy, 0.9, 0.3)}
    weights = np.where(easy, 5, 8) if asked else None
    table = PerQuery(("",) * len(vehicle), vehicle, values, weights)
    write_per_query(folder / "values.csv.gz", table)
    mean = (0.9 * 10 + 0.3 * 48) / 58
    one = record(
        method=method,
        seed=seed,
        measures={"ap": mean},
        per_draw={"ap": (mean,) * 10},
        deviations={"ap": 0.0},
        draws=10,
        queries=len(vehicle),
        per_query=PerQueryFile(name="values.csv.gz", digest=table.digest),
    )
    write_record(folder / "record-drawn.json", one)
    return folder / "record-drawn.json"


def test_the_interval_of_a_drawn_gallery_weighs_each_query_by_its_draws(tmp_path):
    [row] = board_of(drawn(tmp_path, asked=True)).rows

    interval = row.values["ap"].interval
    assert row.weighed
    assert (interval.low + interval.high) / 2 == pytest.approx(row.values["ap"].mean, abs=0.02)
    assert interval.low < row.values["ap"].mean < interval.high


def test_a_drawn_row_without_weights_is_not_ranked_among_those_that_have_them(tmp_path):
    paths = [
        drawn(tmp_path / f"{method} {seed}", asked=method != "old", seed=seed, method=method)
        for method in ("new", "newer", "old")
        for seed in range(3)
    ]

    assert {row.record.method: str(row.ranks) for row in board_of(*paths).rows} == {
        "new": "1-2", "newer": "1-2", "old": "None",
    }  # fmt: skip


def test_more_draws_than_there_are_cannot_be_claimed(tmp_path):
    path = drawn(tmp_path, asked=True)
    values = read_per_query(tmp_path / "values.csv.gz")
    forged = replace(values, asked=values.asked * 5)
    write_per_query(tmp_path / "values.csv.gz", forged)
    about = PerQueryFile(name="values.csv.gz", digest=forged.digest)
    write_record(path, read_record(path).model_copy(update={"per_query": about}))

    with pytest.raises(RecordError, match="asked in more draws than there are"):
        values_of(RecordFile(read_record(path), path))
    assert build_boards([RecordFile(read_record(path), path)]) == ()


def test_a_record_that_does_not_say_how_often_queries_were_asked_is_shown_with_that_note(tmp_path):
    board = board_of(drawn(tmp_path, asked=False))
    [page] = build_task_pages([board], [])

    assert not board.rows[0].weighed
    assert "weighs each query once" in markdown_pages([page], [])[page.path]


def test_other_options_or_a_code_that_moves_the_features_are_another_row(tmp_path, values):
    board = board_of(
        write_result(tmp_path / "a", "mine", values, options={"epochs": 1}),
        write_result(tmp_path / "b", "mine", values, options={"epochs": 2}),
        write_result(tmp_path / "c", "mine", values, options={"epochs": 1}, code="0" * 64, features="1" * 64),
    )

    assert len(board.rows) == 3


def test_the_board_does_not_depend_on_the_order_in_which_records_are_found(tmp_path, values):
    paths = [write_result(tmp_path / str(number), f"m{number}", np.roll(values, number), seed=0) for number in range(4)]

    assert board_of(*paths) == board_of(*reversed(paths))


def test_a_re_ranked_result_is_a_row_of_its_own_that_moves_no_other(tmp_path, values):
    plain = [
        *write_seeds(tmp_path / "a", "mine", values),
        *write_seeds(tmp_path / "c", "worse", np.clip(values - 0.3, 0, 1)),
    ]
    control = write_result(tmp_path / "d", "oracle", np.ones(90), control=True)
    again = [
        write_result(tmp_path / name, "mine", np.clip(values + 0.3, 0, 1), seed=seed, rerank=numbers)
        for name, seed, numbers in (("e", 0, Reranking()), ("f", 1, Reranking()), ("g", 0, Reranking(k1=9)))
    ]

    board = board_of(*plain, *again, control)

    marked = ["mine + re-ranking (20, 6, 0.3)", "mine + re-ranking (9, 6, 0.3)"]
    names = [row.record.method_name for row in board.rows]
    assert names[:2] + names[4:] == ["mine", "worse", "oracle"]
    assert sorted(names[2:4]) == marked
    assert [len(row.records) for row in board.rows[:2]] == [3, 3]
    assert {row.record.method_name: len(row.records) for row in board.rows[2:4]} == {marked[0]: 2, marked[1]: 1}
    assert all(row.ranks is None and not row.values["ap"].mark for row in board.rows[2:])
    assert board.rows[:2] == board_of(*plain, control).rows[:2]
    assert board.rows[0].values["ap"].mark == "best"


def test_results_with_post_processing_stand_in_groups_by_how_their_parameters_were_chosen(tmp_path, values):
    steps = [{"step": "qe", "options": {"k": 5}}]
    ways = {
        "test": {"post": [{"step": "qe", "options": {"k": 9}}], "chosen": "test"},
        "held-out": {"post": steps, "chosen": "held-out", "tuned": "a" * 64},
        "paper": {"post": steps, "chosen": "paper"},
        "numbers": {"rerank": Reranking(k1=9)},
        "defaults": {"rerank": Reranking()},
    }
    paths = [
        write_result(tmp_path / name, "mine", np.clip(values + step / 10, 0, 1), **fields)
        for step, (name, fields) in enumerate(reversed(ways.items()))
    ]
    plain = write_result(tmp_path / "plain", "mine", values / 2)
    control = write_result(tmp_path / "control", "oracle", np.ones(90), control=True)

    board = board_of(control, *paths, plain)

    assert [group_of(row.record) for row in board.rows] == [0, 1, 1, 1, 2, 2, 0]
    assert [row.record.method for row in board.rows][-1] == "oracle"
    pages = build_task_pages([board], [])
    markdown = next(iter(markdown_pages(pages, []).values()))
    for text in (*GROUPS[:3], HEADING):
        assert text in markdown
    assert as_html(pages).count(f'<td class="words">{GROUPS[1]}</td>') == 3
    latex = as_latex(pages)
    assert latex.count(GROUPS[2]) == 2
    assert latex.count(r"\midrule") == 4  # below the head, and before three groups


def test_a_board_without_post_processing_has_no_column_for_it(tmp_path, values):
    pages = build_task_pages([board_of(write_result(tmp_path, "mine", values))], [])
    shown = [*markdown_pages(pages, []).values(), as_latex(pages)]
    assert not any(f"| {HEADING}" in text or f"& {HEADING}" in text for text in shown)
