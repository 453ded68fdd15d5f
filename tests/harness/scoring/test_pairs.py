"""A record and its per-query values fit each other, whoever writes and whenever it ends."""

import numpy as np
import pytest

from harness.errors import RecordError
from harness.scoring import pairs
from harness.scoring.pairs import write_pair
from harness.scoring.per_query import PerQuery, read_per_query
from harness.scoring.record import PerQueryFile, read_record
from tests.records import record

NAME = "per-query-x-0123456789ab.csv.gz"


def pair(value, **changes):
    table = PerQuery(("a", "b"), np.arange(2), {"ap": np.array([value, value])})
    about = PerQueryFile(name=NAME, digest=table.digest)
    return record(per_query=about, measures={"ap": value}, queries=2, **changes), table


def standing(path):
    """Return the mean that a record states, after reading the values that it refers to."""
    found = read_record(path)
    values = read_per_query(path.with_name(found.per_query.name), expected=found.per_query.digest)
    assert values.values["ap"].mean() == found.measures["ap"]
    return found.measures["ap"]


def test_a_pair_takes_the_place_of_another_and_nothing_is_left(tmp_path):
    path = tmp_path / "record-x.json"
    (tmp_path / "per-query-x-fedcba987654.csv.gz").write_text("of another record")
    for value in (0.25, 0.5, 0.5, 0.75, 0.25):
        written = write_pair(path, *pair(value))
        assert read_record(path) == written
        assert standing(path) == value
        assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("dies_in", ["write_per_query", "write_record", "_remove_others"])
def test_a_process_killed_at_any_moment_leaves_a_pair_that_fits(tmp_path, monkeypatch, dies_in):
    path = tmp_path / "record-x.json"
    write_pair(path, *pair(0.25))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(pairs, dies_in, killed)
        write_pair(path, *pair(0.5))
    assert standing(path) == (0.5 if dies_in == "_remove_others" else 0.25)

    write_pair(path, *pair(0.75))
    assert standing(path) == 0.75
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_record_is_replaced_and_one_without_values_is_no_pair(tmp_path):
    path = tmp_path / "record-x.json"
    path.write_text("{")
    write_pair(path, *pair(0.5))
    assert standing(path) == 0.5

    with pytest.raises(RecordError, match="no per-query values"):
        write_pair(path, record(), pair(0.5)[1])
