"""A forged record is not filed, and one that was filed does not keep the true one out."""

import json

import numpy as np
import pytest

from harness.scoring.per_query import PerQuery, write_per_query
from harness.scoring.record import PerQueryFile, read_record, write_record
from leaderboard.record_files import RecordFile, values_of
from tests.leaderboard.commands.listed import changed, filed, record_of, submit, verify


def forge(path, *, queries=8, vehicles=4, **changes):
    """Write a record of perfect results, signed, that says it is official."""
    record = read_record(path)
    values = {measure: np.ones(queries) for measure in record.measures}
    table = PerQuery(("",) * queries, np.arange(queries) % vehicles, values)
    name = "per-query-forged.csv.gz"
    write_per_query(path.parent / name, table)
    about = PerQueryFile(name=name, digest=table.digest).model_dump()
    perfect = dict.fromkeys(record.measures, 1.0)
    content = {**record.values, "queries": queries, "measures": perfect, "per_query": about, **changes}
    forged = path.with_name("record-forged.json")
    write_record(forged, type(record).model_validate(content))
    return forged


@pytest.mark.parametrize("data", [True, False])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": 5}, "expected: 8 queries"),
        ({"queries": 9}, "expected: 8 queries"),
    ],
)
def test_a_record_of_fewer_queries_than_the_release_is_not_filed(place, change, message, data):
    assert submit(place).exit_code == 0
    before = filed(place)

    done = submit(place, forge(record_of(place), **change), data=data)

    assert done.exit_code == 2
    assert "the record is not of the released lists: queries differ" in done.output
    assert message in done.output
    assert filed(place) == before


def test_other_vehicles_than_those_of_the_data_set_are_refused(place):
    done = submit(place, forge(record_of(place), vehicles=3))

    assert done.exit_code == 2
    assert "the per-query values are not of the queries of the data set" in done.output
    assert not filed(place)


def test_the_first_record_of_a_task_needs_the_data_set(place):
    done = submit(place, data=False)

    assert done.exit_code == 2
    assert "nothing is known yet that a record of listed/image-to-image could be compared with" in done.output
    assert "--data DIR" in done.output
    assert not filed(place)
    assert submit(place).exit_code == 0
    assert submit(place, data=False).exit_code == 0


def test_a_forged_fingerprint_is_refused_first_with_the_data_set_and_then_by_the_filed_records(place):
    forged = forge(record_of(place), fingerprint="0" * 64)

    assert "fingerprint is not that of the data set" in submit(place, forged).output
    assert submit(place).exit_code == 0
    done = submit(place, forged, data=False)
    assert "not that of the official records of its task" in done.output
    assert "give the data set with --data DIR, which then decides" in done.output


def test_a_forged_record_among_the_filed_ones_does_not_keep_the_true_one_out(place):
    """It has another fingerprint, and was filed when nobody looked; the data set decides."""
    forged = forge(record_of(place), fingerprint="0" * 64)
    (place / "records" / "listed").mkdir()
    for path in (forged, forged.with_name("per-query-forged.csv.gz")):
        path.rename(place / "records" / "listed" / path.name)

    assert submit(place).exit_code == 0
    rows = json.loads(verify(place, "--json").stdout)
    assert [row["result"] for row in rows if "record-forged" in row["record"]] == ["refused"]
    assert [row["result"] for row in rows if "record-forged" not in row["record"]] == ["checked"]


def test_a_record_that_its_features_confirm_takes_the_place_of_a_forged_one_of_the_same_run(place):
    forged = forge(record_of(place))
    assert submit(place, forged).exit_code == 0
    [path] = filed(place)
    assert read_record(path).measures["ap"] == 1.0

    kept_out = submit(place)
    assert kept_out.exit_code == 2
    assert "the same run is already filed with other digits" in kept_out.output
    assert "--features FILE" in kept_out.output

    done = submit(place, None, "--features", place / "run" / "features.h5")
    assert done.exit_code == 0, done.output
    assert f"{path} had other digits" in done.stderr
    assert filed(place) == [path]
    assert read_record(path) == read_record(record_of(place))
    assert values_of(RecordFile(read_record(path), path)).digest == read_record(path).per_query.digest
    assert not list((place / "records").rglob("per-query-forged*"))


def test_a_record_of_other_draws_than_the_tasks_is_refused(place):
    path = record_of(place, "drawn")
    record = read_record(path)
    fewer = {word: values[:2] for word, values in record.per_draw.items()}
    means = {word: float(np.mean(values)) for word, values in fewer.items()}
    values = values_of(RecordFile(record, path))
    table = PerQuery(values.keys, values.vehicle, values.values, np.minimum(values.asked, 2))
    write_per_query(path.parent / record.per_query.name, table)
    about = {"name": record.per_query.name, "digest": table.digest}
    changes = {"draws": 2, "per_draw": fewer, "measures": means, "per_query": about}
    write_record(path, type(record).model_validate({**record.values, **changes}))

    done = submit(place, path)

    assert done.exit_code == 2
    assert "draws differ" in done.output


def test_a_copy_that_is_not_the_release_files_nothing(place):
    """The data set and the record agree with each other; both are of one query less than the release."""
    lines = (place / "data" / "list.txt").read_text().splitlines()
    (place / "data" / "list.txt").write_text("\n".join([line for line in lines if not line.startswith("gallery g23")]))
    text = (place / "plugin.py").read_text().replace('"gallery images": 24', '"gallery images": 23')
    (place / "plugin.py").write_text(text)
    from tests.leaderboard.commands.listed import evaluate

    evaluate(place, "listed")
    (place / "plugin.py").write_text(text.replace('"gallery images": 23', '"gallery images": 24'))

    done = submit(place)

    assert done.exit_code == 2
    assert "the data set is not the released one" in done.output
    assert "gallery images: 23 instead of 24" in done.output


def test_what_is_known_of_the_lists_is_said_in_the_record(place):
    assert read_record(record_of(place)).content == "counts fit, content is none that is known"
    changed(place, content="")
    assert "content" not in json.loads(record_of(place).read_text())


def test_a_damaged_file_among_the_filed_ones_does_not_stop_filing(place):
    (place / "records" / "broken.json").write_text("[" * 5000)

    assert submit(place).exit_code == 0
    assert len(filed(place)) == 2
