import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.scoring.per_query import PerQuery, read_per_query, write_per_query
from harness.scoring.record import PerQueryFile, read_record, write_record
from harness.tasks.reranking import Reranking
from leaderboard.filing import slug
from tests.leaderboard.commands.listed import PLUGIN, bench, changed, evaluate, filed, record_of, submit, verify


@pytest.mark.parametrize("task", ["image-to-image", "drawn"])
def test_a_record_that_holds_is_filed_with_its_values(place, task):
    done = submit(place, record_of(place, task), "--features", place / "run" / "features.h5")

    assert done.exit_code == 0, done.output
    [path] = filed(place)
    assert done.output.strip() == str(path)
    assert read_record(path) == read_record(record_of(place, task))
    assert path.parent.parent.name == "listed"


def test_the_names_of_the_queries_are_not_passed_on(place):
    submit(place)

    [path] = filed(place)
    record = read_record(path)
    values = read_per_query(path.parent / record.per_query.name, expected=record.per_query.digest)
    assert set(values.keys) == {""}
    assert values.vehicle.tolist() == [0, 1, 2, 3] * 2


def test_filing_twice_changes_nothing(place):
    submit(place)
    before = {path: path.read_bytes() for path in (place / "records").rglob("*") if path.is_file()}
    done = submit(place)

    assert done.exit_code == 0
    assert {path: path.read_bytes() for path in (place / "records").rglob("*") if path.is_file()} == before


def test_a_record_edited_by_hand_is_refused(place):
    text = record_of(place).read_text()
    record_of(place).write_text(text.replace('"width": 8', '"width": 9'))

    done = submit(place)

    assert done.exit_code == 2
    assert "changed after it was written" in done.output
    assert not filed(place)


def test_a_mean_that_the_per_query_values_do_not_give_is_refused(place):
    changed(place, measures={"ap": 0.999, "cmc@1": 1.0})

    done = submit(place)

    assert done.exit_code == 2
    assert "the mean of ap differs" in done.output
    assert not filed(place)


def test_a_record_made_up_with_its_values_does_not_survive_its_features(place):
    record = read_record(record_of(place))
    perfect = {measure: np.ones(8) for measure in record.measures}
    table = PerQuery(("",) * 8, np.array([0, 1, 2, 3] * 2), perfect)
    write_per_query(place / "run" / record.per_query.name, table)
    about = PerQueryFile(name=record.per_query.name, digest=table.digest)
    changed(place, measures={"ap": 1.0, "cmc@1": 1.0}, per_query=about.model_dump())

    done = submit(place, None, "--features", place / "run" / "features.h5")

    assert done.exit_code == 2
    assert "the record is wrong: ap differs" in done.output
    assert "expected: 1.0, as the record says" in done.output
    assert not filed(place)


def test_one_query_that_is_another_is_enough(place):
    """Two values exchanged leave every mean as it was."""
    record = read_record(record_of(place))
    path = place / "run" / record.per_query.name
    table = read_per_query(path)
    ap = table.values["ap"].copy()
    first, second = int(np.argmin(ap)), int(np.argmax(ap))
    ap[[first, second]] = ap[[second, first]]
    other = PerQuery(table.keys, table.vehicle, {**table.values, "ap": ap})
    write_per_query(path, other)
    changed(place, per_query={"name": path.name, "digest": other.digest})

    assert submit(place, None, "--features", place / "run" / "features.h5").exit_code == 2
    assert (
        f"ap of query {min(first, second)} differs"
        in submit(place, None, "--features", place / "run" / "features.h5").output
    )


def test_other_features_are_refused(place):
    keys = [f"q{n}.jpg" for n in range(8)] + [f"g{n:02}.jpg" for n in range(24)]
    harness.write_features(place / "other.h5", keys, np.eye(32, 8, dtype=np.float32), dataset="listed", method="mine")

    done = submit(place, None, "--features", place / "other.h5")

    assert done.exit_code == 2
    assert "the digest of" in done.output


def test_a_record_of_another_version_of_the_protocol_is_refused(place):
    (place / "plugin.py").write_text(PLUGIN.replace("VERSION", "2"))

    done = submit(place)

    assert done.exit_code == 2
    assert "another version of protocol 'listed'" in done.output


def test_a_record_of_a_protocol_that_nobody_knows_is_refused(place):
    done = bench("submit", record_of(place), place=place)

    assert done.exit_code == 2
    assert "unknown protocol 'listed'" in done.output


def test_a_fingerprint_of_another_data_set_is_refused(place):
    lines = (place / "data" / "list.txt").read_text().splitlines()
    (place / "data" / "list.txt").write_text("\n".join([*lines[:-1], "gallery g23.jpg 0 4"]))

    done = submit(place)

    assert done.exit_code == 2
    assert "fingerprint is not that of the data set" in done.output


def test_without_the_data_set_the_filed_records_decide(place):
    assert submit(place).exit_code == 0
    shutil.rmtree(place / "run")
    rows = (place / "data" / "list.txt").read_text().replace("g23.jpg 3 3", "g23.jpg 3 0")
    (place / "data" / "list.txt").write_text(rows)
    keys = [row.split()[1] for row in rows.splitlines()]
    features = np.random.default_rng(1).normal(size=(32, 8)).astype(np.float32)
    harness.write_features(place / "run" / "features.h5", keys, features, dataset="listed", method="mine")
    evaluate(place, "listed")

    done = submit(place, data=False)

    assert done.exit_code == 2
    assert "not that of the official records of its task" in done.output


def test_a_result_that_is_not_official_is_refused(place):
    changed(place, official=False, differences=["one image is missing"])

    done = submit(place)

    assert done.exit_code == 2
    assert "not official" in done.output
    assert "one image is missing" in done.output


def test_a_record_without_its_values_is_refused(place):
    (place / "run" / read_record(record_of(place)).per_query.name).unlink()

    assert "per-query values cannot be read" in submit(place).output
    changed(place, per_query=None)
    assert "has no per-query values" in submit(place).output
    assert not filed(place)


def test_a_missing_folder_of_records_says_where_to_run_this(place):
    done = CliRunner().invoke(main, ["submit", str(record_of(place)), "--records", str(place / "none")])

    assert done.exit_code == 2
    assert "run this in a checkout" in done.output


def test_verify_scores_all_records_again_whose_features_are_there(place):
    for task in ("image-to-image", "drawn"):
        assert submit(place, record_of(place, task)).exit_code == 0

    done = verify(place, "--runs", place / "run", "--json")

    assert done.exit_code == 0, done.output
    assert [row["result"] for row in json.loads(done.output)] == ["re-scored", "re-scored"]
    assert [row["result"] for row in json.loads(verify(place, "--json").output)] == ["checked", "checked"]


def test_verify_fails_with_the_first_record_that_does_not_hold(place):
    submit(place)
    [path] = filed(place)
    record = read_record(path)
    write_record(path, type(record).model_validate({**record.values, "measures": {"ap": 0.5, "cmc@1": 0.5}}))

    done = verify(place)

    assert done.exit_code == 1
    assert "1 of 1 records are wrong" in done.output
    assert "the mean of ap differs" in done.output


def test_verify_passes_over_feature_files_that_are_damaged(place):
    submit(place)
    (place / "run" / "features.h5").write_bytes(b"no HDF5")

    assert json.loads(verify(place, "--runs", place / "run", "--json").output)[0]["result"] == "checked"


def test_a_data_set_without_its_protocol_is_refused(place):
    done = CliRunner().invoke(main, ["verify", "--data", "listed"])

    assert done.exit_code == 2
    assert "--data PROTOCOL=DIR" in done.output


def test_what_differs_from_the_method_is_in_the_filed_name_and_in_that_of_verify(place):
    changed(place, options={"D": 5}, changes={"D": "5"})

    assert submit(place).exit_code == 0
    assert filed(place)[0].parent.name.startswith("mine-d-5-")
    assert json.loads(verify(place, "--json").output)[0]["method"] == "mine (D=5)"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("pgan/no-pam", "pgan-no-pam"), ("../../etc", "etc"), ("日本", "x"), ("A" * 99, "a" * 60), ("a b\n", "a-b")],
)
def test_a_methods_name_cannot_lead_out_of_the_folder(name, expected):
    assert slug(name) == expected


def re_ranked(place, task="image-to-image"):
    """Evaluate the features once more, re-ranked, and return the record's path."""
    evaluate(place, f"listed/{task}", rerank=Reranking(k1=4, k2=2))
    return place / "run" / f"record-listed-{task}-cosine-rerank-4-2-0.3.json"


def test_a_re_ranked_record_is_filed_beside_the_plain_one(place):
    paths = [record_of(place), re_ranked(place)]
    for path in [*paths, paths[1]]:
        done = submit(place, path, "--features", place / "run" / "features.h5")
        assert done.exit_code == 0, done.output

    assert len(filed(place)) == 2
    assert [path.parent.name.rpartition("-")[0] for path in filed(place)] == ["mine", "mine-re-ranking-4-2-0-3"]
    rows = json.loads(verify(place, "--runs", place / "run", "--json").output)
    assert sorted((row["method"], row["result"]) for row in rows) == [
        ("mine", "re-scored"),
        ("mine + re-ranking (4, 2, 0.3)", "re-scored"),
    ]


@pytest.mark.parametrize("claimed", [None, {"k1": 5, "k2": 2, "lambda": 0.3}])
def test_a_record_with_another_mark_does_not_survive_its_features(place, claimed):
    path = re_ranked(place)
    record = read_record(path)
    write_record(path, type(record).model_validate({**record.values, "rerank": claimed}))

    done = submit(place, path, "--features", place / "run" / "features.h5")

    assert done.exit_code == 2
    assert "the record is wrong" in done.output
    assert not filed(place)


def test_two_records_of_one_re_ranking_with_other_digits_are_not_both_filed(place):
    path = re_ranked(place)
    assert submit(place, path).exit_code == 0
    record = read_record(path)
    values = read_per_query(path.parent / record.per_query.name)
    other = PerQuery(values.keys, values.vehicle, {measure: np.ones(8) for measure in values.values})
    write_per_query(path.parent / record.per_query.name, other)
    about = {"name": record.per_query.name, "digest": other.digest}
    perfect = dict.fromkeys(record.measures, 1.0)
    write_record(path, type(record).model_validate({**record.values, "measures": perfect, "per_query": about}))

    done = submit(place, path)

    assert done.exit_code == 2
    assert "the same run is already filed with other digits" in done.output
