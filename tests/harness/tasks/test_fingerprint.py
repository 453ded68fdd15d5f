import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.data.dataset import Dataset
from harness.errors import DataError
from harness.tasks.fingerprint import contents_digest, dataset_digest, fingerprint
from harness.tasks.protocol import Protocol
from harness.tasks.task import Draws, Rule, Task
from protocols.veri776 import Veri776
from tests.protocols.veri_tree import QUERY, TEST, TRACKS, write_tree
from tests.tables import dataset, drawn_problems, fixed_problems, table, task

RULE = Rule(unit="track", ignore=("same vehicle and camera",))


class Small(Protocol):
    name = "small"
    tasks = ()

    def load(self, root: Path) -> Dataset:
        return dataset(table([1], [0]))


def print_of(asked: Task, data: Dataset, protocol: type[Protocol] = Small) -> str:
    return fingerprint(protocol, asked, data)


def example() -> Dataset:
    return dataset(
        table([1, 2], [0, 1], paths=["q/a.jpg", "q/b.jpg"]),
        table([1, 1, 2, 2], [0, 1, 0, 0], [5, 7, 9, 9], paths=["g/a.jpg", "g/b.jpg", "g/c.jpg", "g/ü.jpg"]),
    )


def changed(data: Dataset, split: str, **columns) -> Dataset:
    columns = {name: np.array(values) if name != "paths" else values for name, values in columns.items()}
    return replace(data, splits={**data.splits, split: replace(data.splits[split], **columns)})


@given(fixed_problems() | drawn_problems(), st.randoms())
def test_the_order_of_rows_and_the_numbers_of_tracks_mean_nothing(problem, random):
    asked, data = problem
    splits = {}
    for name, images in data.splits.items():
        rows = list(range(len(images)))
        random.shuffle(rows)
        other = images if images.track is None else replace(images, track=images.track * 3 + 1)
        splits[name] = other.take(np.array(rows))

    assert print_of(asked, replace(data, splits=splits)) == print_of(asked, data)


@pytest.mark.parametrize(
    "other",
    [
        changed(example(), "query", vehicle=[1, 1]),
        changed(example(), "query", camera=[0, 0]),
        changed(example(), "gallery", vehicle=[1, 1, 2, 1]),
        changed(example(), "gallery", camera=[0, 1, 0, 1]),
        changed(example(), "gallery", track=[5, 7, 9, 8]),
        changed(example(), "gallery", paths=("g/a.jpg", "g/b.jpg", "g/c.jpg", "g/u.jpg")),
        changed(example(), "query", paths=("q/a.jpg", "g/b.jpg")),
        dataset(example().splits["query"], example().splits["gallery"].take(np.arange(3))),
    ],
)
def test_every_image_label_and_role_that_the_rule_looks_at_changes_the_fingerprint(other):
    assert print_of(task(RULE), other) != print_of(task(RULE), example())


def test_what_the_rule_does_not_look_at_leaves_the_fingerprint():
    plain = task(Rule(unit="image"))
    other = changed(changed(example(), "gallery", camera=[4, 4, 4, 4], track=[1, 2, 3, 4]), "gallery", colour=[1] * 4)

    assert print_of(plain, other) == print_of(plain, example())
    assert print_of(plain, replace(example(), root=Path("elsewhere"))) == print_of(plain, example())


def test_rule_measures_names_and_version_change_the_fingerprint():
    class Other(Small):
        name = "other"

    class Newer(Small):
        version = 2

    asked = task(RULE)
    prints = [
        print_of(asked, example()),
        print_of(asked, example(), Other),
        print_of(asked, example(), Newer),
        print_of(replace(asked, name="other"), example()),
        print_of(replace(asked, measures=("ap", "cmc@1")), example()),
        print_of(task(replace(RULE, unit="image")), example()),
        print_of(task(replace(RULE, reduce="mean feature")), example()),
        print_of(task(replace(RULE, ignore=())), example()),
        print_of(task(replace(RULE, ignore=("same camera",))), example()),
    ]

    assert len(set(prints)) == len(prints)


def test_draws_change_the_fingerprint():
    data = dataset(table([1, 1, 2, 2]))
    rules = [
        Rule(draws=Draws(*draws))
        for draws in (("gallery", 10, 0), ("query", 10, 0), ("gallery", 9, 0), ("gallery", 10, 1))
    ]

    assert len({print_of(task(rule), data) for rule in rules}) == 4


def test_the_order_of_measures_and_of_ignored_means_nothing():
    one = replace(task(replace(RULE, ignore=("same image", "same camera"))), measures=("ap", "cmc@1"))
    two = replace(task(replace(RULE, ignore=("same camera", "same image"))), measures=("cmc@1", "ap"))

    assert print_of(one, example()) == print_of(two, example())


def test_paths_of_another_system_have_the_same_fingerprint():
    other = changed(example(), "query", paths=("q\\a.jpg", "q\\b.jpg"))

    assert print_of(task(RULE), other) == print_of(task(RULE), example())


def test_a_fingerprint_never_changes():
    """This digest was taken when the lines were defined; another one would orphan every record."""
    assert print_of(task(RULE), example()) == "57ed09097b75c2ef069457534ae6433e7893571748ec2cdb9cce03dbac3f0410"


def test_a_fingerprint_is_the_same_in_another_process_with_another_hash_seed():
    code = (
        "from tests.harness.tasks.test_fingerprint import *; from tests.tables import task;"
        "print(print_of(task(RULE), example()))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": str(Path(__file__).parents[3]), "LC_ALL": "C"}
    done = subprocess.run(  # noqa: S603 - the command is this test's own
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120
    )

    assert done.stdout.strip() == print_of(task(RULE), example())


def test_two_releases_of_veri_that_differ_in_a_name_differ_in_their_fingerprint(tmp_path):
    one = Veri776().load(write_tree(tmp_path / "one"))
    renamed = [name.replace("0005_c003_00001000", "0005_c003_00001001") for name in TEST]
    tracks = [line.replace("0005_c003_00001000", "0005_c003_00001001") for line in TRACKS]
    two = Veri776().load(write_tree(tmp_path / "two", test=renamed, tracks=tracks))
    turned = Veri776().load(write_tree(tmp_path / "turned", test=TEST[::-1], query=QUERY[::-1], tracks=TRACKS[::-1]))

    for asked in Veri776.tasks:
        assert fingerprint(Veri776, asked, one) != fingerprint(Veri776, asked, two)
        assert fingerprint(Veri776, asked, one) == fingerprint(Veri776, asked, turned)


def test_a_data_sets_digest_covers_every_label_and_the_order():
    data = dataset(table([1, 2, 3], [0, 0, 0], colour=[1, 1, 1]))
    others = [
        changed(data, "test", vehicle=[1, 2, 4]),
        changed(data, "test", camera=[0, 0, 1]),
        changed(data, "test", colour=[1, 1, 2]),
        changed(data, "test", type=[1, 1, 1]),
        changed(data, "test", view=[1, 1, 1]),
        dataset(table([1, 2, 3], colour=[1, 1, 1])),
        dataset(data.splits["test"].take(np.array([2, 1, 0]))),
    ]

    assert len({dataset_digest(other, ["test"]) for other in [data, *others]}) == len(others) + 1
    assert dataset_digest(replace(data, root=Path("x")), ("test",)) == dataset_digest(data, ("test",))


def test_a_data_set_without_views_keeps_the_digest_that_filed_records_have():
    expected = "b9811500f444eca29eae9c36300f9a0e9acc0d086842f2ffba3c55340a36558b"

    assert dataset_digest(example(), ["query", "gallery"]) == expected


def test_a_contents_digest_covers_names_and_sizes_and_opens_nothing(tmp_path):
    data = replace(dataset(table([1, 2])), root=tmp_path)
    missing = contents_digest(data, ["test"])
    (tmp_path / "0.jpg").write_bytes(b"abc")
    present = contents_digest(data, ["test"])
    (tmp_path / "0.jpg").write_bytes(b"xyz")
    (tmp_path / "0.jpg").chmod(0)

    assert missing != present == contents_digest(data, ["test"])
    (tmp_path / "0.jpg").chmod(0o600)
    (tmp_path / "0.jpg").write_bytes(b"longer")
    assert contents_digest(data, ["test"]) not in {missing, present}


def test_a_split_that_is_missing_is_named():
    with pytest.raises(DataError, match="no images for the split 'train'"):
        dataset_digest(example(), ["train"])
