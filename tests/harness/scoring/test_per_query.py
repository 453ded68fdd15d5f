import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from harness.errors import RecordError
from harness.scoring.per_query import PerQuery, read_per_query, write_per_query


def table(**values):
    columns = {word.replace("_", "@"): np.array(column, dtype=float) for word, column in values.items()}
    count = len(next(iter(columns.values())))
    return PerQuery(tuple(f"query/{row}.jpg" for row in range(count)), np.arange(count) // 2, columns)


def same(one, other):
    assert one.keys == other.keys
    assert np.array_equal(one.vehicle, other.vehicle)
    assert set(one.values) == set(other.values)
    for word, column in one.values.items():
        assert np.array_equal(column, other.values[word], equal_nan=True)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8")), st.integers(-1, 10**9), st.floats(0, 1) | st.just(float("nan"))
        ),
        max_size=8,
    )
)
def test_the_values_read_back_digit_for_digit(tmp_path_factory, rows):
    keys, vehicle, values = zip(*rows, strict=True) if rows else ((), (), ())
    written = PerQuery(keys, np.array(vehicle, dtype=np.int64), {"ap": np.array(values, dtype=float)})
    path = tmp_path_factory.mktemp("values") / "values.csv.gz"

    returned = write_per_query(path, written)

    same(read_per_query(path, expected=returned), written)


def test_the_same_values_give_the_same_bytes(tmp_path):
    for name in ("a.csv.gz", "b.csv.gz"):
        write_per_query(tmp_path / name, table(ap=[0.5, 1.0], cmc_1=[0, 1]))

    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).startswith(
        b'"query","key","vehicle","ap","cmc@1"\n0,"query/0.jpg",0,0.5,0.0\n'
    )
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_pandas_reads_the_file_as_it_is(tmp_path):
    write_per_query(tmp_path / "values.csv.gz", table(ap=[0.1 + 0.2, float("nan")]))

    frame = pd.read_csv(tmp_path / "values.csv.gz")

    assert list(frame.columns) == ["query", "key", "vehicle", "ap"]
    assert frame["ap"][0] == pytest.approx(0.3)
    assert frame["ap"].isna().tolist() == [False, True]


def test_the_digest_stays_when_the_names_are_left_out():
    named = table(ap=[0.5, 0.25])

    assert PerQuery(("", ""), named.vehicle, named.values).digest == named.digest
    assert PerQuery(named.keys, named.vehicle + 1, named.values).digest != named.digest
    assert PerQuery(named.keys, named.vehicle, {"ap": np.array([0.5, 0.2])}).digest != named.digest


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(RecordError, match="different lengths"):
        PerQuery(("a",), np.array([1, 2]), {"ap": np.array([0.5])})


def test_values_of_another_record_are_refused(tmp_path):
    write_per_query(tmp_path / "values.csv.gz", table(ap=[0.5]))

    with pytest.raises(RecordError, match="do not match the record"):
        read_per_query(tmp_path / "values.csv.gz", expected=table(ap=[0.6]).digest)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"query,key,vehicle,ap\n0,a,1,0.5\n", "cannot be read"),
        (gzip.compress(b"query,key,vehicle,ap\n0,a,1,0.5\n" * 99, mtime=0)[:60], "cannot be read"),
        (gzip.compress(b"", mtime=0), "no per-query values"),
        (gzip.compress(b"a,b,c\n", mtime=0), "no per-query values"),
        (gzip.compress(b"query,key,vehicle,ap,ap\n", mtime=0), "no per-query values"),
        (gzip.compress(b"query,key,vehicle,ap\n0,a,1\n", mtime=0), "row 0"),
        (gzip.compress(b"query,key,vehicle,ap\n1,a,1,0.5\n", mtime=0), "row 0"),
        (gzip.compress(b"query,key,vehicle,ap\n0,a,x,0.5\n", mtime=0), "row 0"),
        (gzip.compress(b"query,key,vehicle,ap\n0,a,1,nan\n", mtime=0), "row 0"),
        (gzip.compress(b"query,key,vehicle,ap\n0,a,1,high\n", mtime=0), "row 0"),
        (gzip.compress(b"query,key,vehicle,ap\n0,\xff,1,1\n", mtime=0), "cannot be read"),
    ],
)
def test_a_damaged_file_gets_one_clear_message(tmp_path, content, message):
    path = tmp_path / "values.csv.gz"
    path.write_bytes(content)

    with pytest.raises(RecordError) as caught:
        read_per_query(path)
    assert message in str(caught.value)
    assert "values.csv.gz" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecordError, match="cannot be read"):
        read_per_query(tmp_path / "none.csv.gz")
