"""Records of strangers: what is too large, too deep or too long gets one message before it is computed with."""

import gzip
import json
import os
import time

import numpy as np
import pytest

from harness.basics.digests import digest
from harness.errors import RecordError
from harness.scoring import per_query
from harness.scoring.per_query import PerQuery, read_per_query, write_per_query
from harness.scoring.record import read_record, write_record
from tests.records import record

resource = pytest.importorskip("resource", reason="the system does not say how much memory was used")


def signed(path, change):
    """Write a record with other content and a digest that is right, as a stranger may."""
    write_record(path, record())
    content = json.loads(path.read_text())
    content.pop("digest")
    change(content)
    try:
        stored = digest(content)
    except (ValueError, RecursionError):
        stored = "0" * 64
    path.write_text(json.dumps({"digest": stored, **content}))
    return path


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(ties=10**400), "401 digits"),
        (lambda content: content.update(seed=10**400), "401 digits"),
        (lambda content: content["options"].update(D=10**30), "31 digits"),
        (lambda content: content["measures"].update(ap=10**400), "401 digits"),
        (lambda content: content.update(queries=2**63), "field 'queries'"),
        (lambda content: content.update(seed=2**63), "field 'seed'"),
        (lambda content: content.update(version=2**63), "field 'version'"),
        (lambda content: content.update(width=2**63), "field 'width'"),
        (lambda content: content.update(input_size=[10**9, 10**9]), "field 'input_size.0'"),
        (lambda content: content.update(cost={"images": 2**63, "seconds": 1.0, "device": "x"}), "field 'cost.images'"),
        (lambda content: content["options"].update(D=nested(100)), "nested more than 64 deep"),
        (lambda content: content["options"].update(D=nested(800)), "nested more than 64 deep"),
        (lambda content: content.update(protocol="../../veri776"), "field 'protocol'"),
        (lambda content: content.update(task="x/../../outside"), "field 'task'"),
        (lambda content: content.update(convention="../x", official=False), "field 'convention'"),
        (lambda content: content.update(schema=0), "unknown schema"),
        (lambda content: content.update(schema=-1), "unknown schema"),
    ],
)  # fmt: skip
def test_a_signed_record_with_numbers_or_names_that_nobody_has_is_refused_by_name(tmp_path, change, message):
    path = signed(tmp_path / "record.json", change)

    with pytest.raises(RecordError) as caught:
        read_record(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1500
    assert "Value error" not in str(caught.value)
    assert "or an older one from 1 on" not in str(caught.value)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"schema": 1, "seed": ' + "7" * 5000 + "}", '{"a":' * 5000 + "1"])
def test_a_text_that_nests_or_counts_without_end_is_refused(tmp_path, text):
    (tmp_path / "record.json").write_text(text)

    with pytest.raises(RecordError, match="not JSON as written by bench"):
        read_record(tmp_path / "record.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "record.json")
    os.mkfifo(tmp_path / "values.csv.gz")

    with pytest.raises(RecordError, match="no regular file"):
        read_record(tmp_path / "record.json")
    with pytest.raises(RecordError, match="no regular file"):
        read_per_query(tmp_path / "values.csv.gz")


def values(tmp_path, text):
    path = tmp_path / "values.csv.gz"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return path


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"0,a,{10**30},0.5", "a vehicle of 31 digits"),
        (f"0,a,-{10**30},0.5", "digits"),
        (f"0,a,{2**63},0.5", "a vehicle of 19 digits"),
        (f"0,a,{'7' * 5000},0.5", "row 0"),
        ("0,a,1,1e999", "is not a number"),
        (f"{'0' * 5000},a,1,0.5", "row 0"),
    ],
)
def test_a_vehicle_or_a_value_that_no_array_holds_is_named_by_its_row(tmp_path, row, message):
    path = values(tmp_path, f"query,key,vehicle,ap\n{row}\n")

    with pytest.raises(RecordError) as caught:
        read_per_query(path)
    assert message in str(caught.value)
    assert "row 0" in str(caught.value)
    assert len(str(caught.value)) < 700


def test_the_largest_numbers_are_read(tmp_path):
    table = PerQuery(("a", "b"), np.array([2**63 - 1, -(2**63)]), {"ap": np.array([1.0, 0.0])})
    write_per_query(tmp_path / "values.csv.gz", table)

    assert read_per_query(tmp_path / "values.csv.gz", expected=table.digest).vehicle.tolist() == [2**63 - 1, -(2**63)]


def bomb(path, head, part, times):
    """Write a small file of many equal parts; 30 MB unpack to gigabytes."""
    packed = gzip.compress(part, 9, mtime=0)
    with path.open("wb") as file:
        file.write(gzip.compress(head, mtime=0))
        for _ in range(times):
            file.write(packed)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (b"a" * (1 << 22), "a line of more than"),
        (b'0,"",1,\n' * (1 << 18), "row 1"),
        (b"\n" * (1 << 22), "row 0"),
        (b'"' + b"\n" * (1 << 21), "cannot be read"),
    ],
)
def test_a_small_file_that_unpacks_to_gigabytes_is_refused_early(tmp_path, part, message):
    bomb(tmp_path / "values.csv.gz", b"query,key,vehicle,ap\n", part, 1024)
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()

    with pytest.raises(RecordError) as caught:
        read_per_query(tmp_path / "values.csv.gz")
    assert message in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10  # kB
    assert time.process_time() - begun < 10


def test_more_cells_or_bytes_than_a_file_may_have_are_stated(tmp_path, monkeypatch):
    path = values(tmp_path, "query,key,vehicle,ap\n" + "".join(f"{row},a,1,0.5\n" for row in range(100)))
    for limit, value in (("MOST_CELLS", 200), ("MAX_BYTES", 1000), ("MAX_BYTES", 10)):
        monkeypatch.setattr(per_query, limit, value)
        with pytest.raises(RecordError, match="too large") as caught:
            read_per_query(path)
        assert f"at most {value}" in str(caught.value)
        monkeypatch.undo()
