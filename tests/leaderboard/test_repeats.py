from pathlib import Path

import pytest

from harness.basics.digests import digest
from leaderboard.record_files import RecordFile
from leaderboard.repeats import group_repeats, mean_measures
from tests.records import record

CODE, MENDED = digest("a tpyo"), digest("a typo")


def seeds_of(*records):
    """Return the seeds of each group."""
    groups = group_repeats(RecordFile(one, Path(f"{number}.json")) for number, one in enumerate(records))
    return [[file.record.seed for file in group] for group in groups]


def test_seeds_stay_together_when_a_typo_of_the_method_was_mended():
    assert seeds_of(record(seed=2, code=MENDED), record(seed=0, code=CODE), record(seed=1, code=CODE)) == [[0, 1, 2]]


def test_the_same_features_of_one_seed_count_once():
    again = record(seed=1, code=MENDED, checkpoint=digest("another file of the same weights"))

    assert seeds_of(record(seed=0, code=CODE), record(seed=1, code=CODE), again) == [[0, 1]]


def test_a_code_that_changes_the_features_of_a_seed_is_a_group_of_its_own():
    old = [record(seed=seed, code=CODE) for seed in (0, 1)]
    new = [record(seed=seed, code=MENDED, features=digest(["other features", seed])) for seed in (1, 2)]

    assert sorted(seeds_of(*old, *new)) == [[0, 1], [1, 2]]


def test_random_weights_follow_the_seed_and_weights_of_a_hub_do_not():
    drawn = [record(seed=seed, weights=digest(seed)) for seed in (0, 1)]
    hub = [record(seed=seed, weights=digest(seed), source="hub") for seed in (0, 1)]
    replaced = [record(seed=0, weights=digest(word), features=digest(word)) for word in ("old", "new")]

    assert seeds_of(*drawn) == [[0, 1]]
    assert seeds_of(*hub) == [[0], [1]]
    assert seeds_of(*replaced) == [[0], [0]]


@pytest.mark.parametrize(
    "change",
    [
        {"method": "pgan"},
        {"variant": "no-pam"},
        {"recipe": "quick"},
        {"options": {"epochs": 2}},
        {"options": {"epochs": 2}, "changes": {"epochs": "2"}},
        {"version": 2},
        {"fingerprint": digest("other images")},
        {"train_on": "veri776"},
        {"train_data": digest("other lists")},
        {"width": 256},
        {"dtype": "float16"},
        {"metric": "euclidean"},
        {"input_size": (32, 32)},
        {"boxes": {"parts": digest("other boxes")}},
        {"train_boxes": {"parts": digest("other boxes")}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_can_move_a_digit_is_another_group(change):
    assert seeds_of(record(seed=0), record(seed=1, **change)) == [[0], [1]]


def test_two_runs_with_other_changes_never_share_a_row():
    one, other = ({"options": {"D": parts}, "changes": {"D": str(parts)}} for parts in (5, 7))

    assert seeds_of(*(record(seed=seed, **same) for same in (one, other) for seed in (0, 1))) == [[0, 1], [0, 1]]


def test_another_number_of_threads_is_a_repeat_and_not_another_row():
    assert seeds_of(*(record(seed=seed, threads=threads) for seed, threads in enumerate((None, 1, 2)))) == [[0, 1, 2]]
    moved = [record(seed=0, threads=threads, features=digest(threads)) for threads in (1, 2)]
    assert seeds_of(*moved) == [[0, 0]]


def test_the_mean_over_seeds_is_exact():
    files = [RecordFile(record(seed=seed, measures={"ap": 0.1}), Path("a")) for seed in range(10)]

    assert sum([0.1] * 10) / 10 != 0.1
    assert mean_measures(files) == {"ap": 0.1}


def test_a_comparison_of_two_versions_of_the_code_keeps_them_apart():
    files = [RecordFile(record(seed=0, code=code), Path(f"{code}.json")) for code in (CODE, MENDED)]

    assert len(group_repeats(files)) == 1
    assert len(group_repeats(files, of_one_code=True)) == 2
