"""One bad record is named and left out; it takes neither the leaderboard nor a comparison down."""

import gzip
import json

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.scoring.per_query import PerQuery, read_per_query, write_per_query
from harness.scoring.record import PerQueryFile, read_record, write_record
from tests.records import write_result, write_seeds

GOOD = np.random.default_rng(0).beta(2, 2, 30)


def resigned(path, values):
    """Give a record other per-query values, and the digest that fits."""
    one = read_record(path)
    write_per_query(path.parent / one.per_query.name, values)
    about = PerQueryFile(name=one.per_query.name, digest=values.digest)
    write_record(path, one.model_copy(update={"per_query": about}))


def lacks_a_measure(path):
    found = read_per_query(path.parent / read_record(path).per_query.name)
    resigned(path, PerQuery(found.keys, found.vehicle, {"ap": found.values["ap"]}))


def no_fraction(path):
    found = read_per_query(path.parent / read_record(path).per_query.name)
    resigned(path, PerQuery(found.keys, found.vehicle, {**found.values, "ap": found.values["ap"] * 1e300}))


def no_value(path):
    found = read_per_query(path.parent / read_record(path).per_query.name)
    resigned(path, PerQuery(found.keys, found.vehicle, {**found.values, "ap": np.full(len(found), np.nan)}))


def huge_vehicle(path):
    values = path.parent / read_record(path).per_query.name
    text = gzip.decompress(values.read_bytes()).decode().replace('"q/0.jpg",0,', f'"q/0.jpg",{10**30},')
    values.write_bytes(gzip.compress(text.encode(), mtime=0))


def huge_number(path):
    path.write_text(path.read_text().replace('"queries": 30', f'"queries": {10**400}'))


def nested(path):
    path.write_text('{"a":' * 5000)


def unpacked(path):
    (path.parent / read_record(path).per_query.name).write_bytes(
        gzip.compress(b"query,key,vehicle,ap\n" + b"\n" * (32 << 20), mtime=0)
    )


BAD = [
    (lacks_a_measure, "no per-query values of 'cmc@1'"),
    (no_fraction, "no fraction of 1"),
    (no_value, "no query has a value of 'ap'"),
    (huge_vehicle, "a vehicle of 31 digits"),
    (huge_number, "401 digits"),
    (nested, "nested more than 64 deep"),
    (unpacked, "row 0"),
]


@pytest.fixture
def runs(tmp_path):
    """Three good runs of one method, and one of another that a test spoils."""
    write_seeds(tmp_path / "runs" / "good", "good", GOOD)
    return tmp_path / "runs"


def bench(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize(("spoil", "message"), BAD, ids=lambda value: getattr(value, "__name__", ""))
def test_the_leaderboard_names_a_bad_record_and_leaves_it_out(runs, tmp_path, caplog, spoil, message):
    path = write_result(runs / "bad", "bad", GOOD / 2)
    spoil(path)

    done = bench("leaderboard", "--runs", runs, "--no-shipped", "--out", tmp_path / "PAGE.md")

    assert done.exit_code == 0, done.output
    assert str(path) in caplog.text
    assert "is left out" in caplog.text
    assert message in caplog.text
    page = (tmp_path / "PAGE.md").read_text()
    assert "| good" in page
    assert "| bad" not in page
    assert set(harness.leaderboard(runs, shipped=False)["method"]) == {"good"}


@pytest.mark.parametrize(("spoil", "message"), BAD, ids=lambda value: getattr(value, "__name__", ""))
def test_verify_has_a_row_for_a_bad_record_and_compare_one_message(runs, spoil, message):
    path = write_result(runs / "bad", "bad", GOOD / 2)
    spoil(path)

    done = bench("verify", "--records", runs / "bad", "--json")
    assert done.exit_code == 1
    [row] = json.loads(done.stdout)
    assert (row["record"], row["result"]) == (str(path), "refused")
    assert f"where: {path}" not in row["problem"]
    assert "  " not in row["problem"]

    compared = bench("compare", runs / "bad", runs / "good" / "0")
    assert compared.exit_code == 2
    assert message in compared.output
    assert "Traceback" not in compared.output
    assert compared.output.count("Error") <= 1


def test_comparing_others_by_name_goes_on_beside_a_bad_record(runs, caplog):
    nested(write_result(runs / "bad", "bad", GOOD / 2))
    write_seeds(runs / "other", "other", GOOD / 2)

    done = bench("compare", "good", "other", "--runs", runs, "--over-seeds")

    assert done.exit_code == 0, done.output
    assert "is left out" in caplog.text


def test_a_record_of_another_number_of_queries_under_the_fingerprint_is_left_out(runs, tmp_path, caplog):
    path = write_result(runs / "forged", "forged", np.ones(10))

    done = bench("leaderboard", "--runs", runs, "--no-shipped", "--out", tmp_path / "PAGE.md")

    assert done.exit_code == 0, done.output
    assert f"{path} is left out: the record asks other queries" in caplog.text
    assert "| forged" not in (tmp_path / "PAGE.md").read_text()
