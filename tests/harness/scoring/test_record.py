import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError

from harness.basics.digests import digest
from harness.errors import RecordError
from harness.features.provenance import Origin
from harness.scoring.record import (
    MAX_BYTES,
    OUTCOME,
    Cost,
    PerQueryFile,
    Record,
    installed_versions,
    read_record,
    write_record,
)
from harness.steps.stated import StatedChain, StepUse
from harness.tasks.reranking import Reranking
from tests.records import record

SHARES = st.floats(0, 1)


def edited(path, change):
    """Change the JSON of a record in place, and update its digest."""
    content = json.loads(path.read_text())
    change(content)
    content.pop("digest")
    content["digest"] = digest(content)
    path.write_text(json.dumps(content))


def test_a_record_reads_back_as_it_was_written(tmp_path):
    written = record(
        variant="untrained",
        options={"epochs": 3, "weights": None, "size": [64, 64]},
        per_query=PerQueryFile(name="image-to-image.csv.gz", digest=digest("values")),
        cost=Cost(images=100, seconds=0.5, device="cpu"),
        versions=installed_versions(),
        needs=("vehicle",),
    )
    write_record(tmp_path / "record.json", written)

    assert read_record(tmp_path / "record.json") == written
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["ap", "minp", "cmc@1", "cmc@5"]), SHARES, min_size=1), st.data())
def test_every_digit_of_a_measure_survives(tmp_path_factory, measures, data):
    draws = data.draw(st.integers(0, 3))
    per_draw = {word: tuple(data.draw(SHARES) for _ in range(draws)) for word in measures} if draws else {}
    path = tmp_path_factory.mktemp("record") / "record.json"
    written = record(
        measures=measures,
        ranked_by=min(measures),
        draws=draws,
        per_draw=per_draw,
        deviations=dict.fromkeys(per_draw, 0.25),
    )

    write_record(path, written)

    assert read_record(path) == written


def test_the_same_record_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_record(tmp_path / name, record())

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_order_in_which_options_were_named_does_not_change_the_digest():
    assert record(options={"a": 1, "b": 2}).digest == record(options={"b": 2, "a": 1}).digest


def test_reformatting_the_file_harms_nothing(tmp_path):
    path = tmp_path / "record.json"
    write_record(path, record())
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))

    assert read_record(path) == record()


def test_a_digit_changed_by_hand_is_noticed(tmp_path):
    path = tmp_path / "record.json"
    write_record(path, record())
    path.write_text(path.read_text().replace('"ap": 0.5', '"ap": 0.6'))

    with pytest.raises(RecordError, match="changed after it was written") as caught:
        read_record(path)
    assert str(path) in str(caught.value)


def test_a_newer_schema_is_refused_and_says_what_to_do(tmp_path):
    path = tmp_path / "record.json"
    write_record(path, record())
    edited(path, lambda content: content.update(schema=2, something="new"))

    with pytest.raises(RecordError, match="newer schema") as caught:
        read_record(path)
    assert "update" in str(caught.value)


def test_an_older_schema_is_migrated_step_by_step(tmp_path):
    path = tmp_path / "record.json"
    write_record(path, record())
    migrations = {
        1: lambda content: {**content, "method": content["method"] + "-2"},
        2: lambda content: {**content, "method": content["method"] + "-3"},
    }

    assert read_record(path, migrations=migrations, schema=3).method == "strong-baseline-2-3"


def test_an_older_schema_that_nobody_knows_is_refused(tmp_path):
    path = tmp_path / "record.json"
    write_record(path, record())
    edited(path, lambda content: content.update(schema=0))

    with pytest.raises(RecordError, match="unknown schema"):
        read_record(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not JSON", "not JSON as written"),
        ('{"schema": 1, "digest": "x", "measures": {"ap": NaN}}', "NaN is not a number"),
        ('{"schema": 1, "digest": "x", "measures": {"ap": 1e999}}', "not a finite number"),
        ('{"schema": 1, "digest": "x", "digest": "y"}', "occurs twice"),
        ('{"schema": 1, "digest": "x", "method": "\\ud800"}', "not JSON as written"),
        ("[1, 2]", "not a record"),
        ("{}", "not a record"),
        ('{"schema": true, "digest": "x"}', "not a record"),
        ("[" * 100_000, "not JSON as written"),
        (b"\xff\xfe", "not JSON as written"),
        (b" " * (MAX_BYTES + 1), "too large"),
    ],
    ids=lambda value: str(value[:12]) if isinstance(value, (str, bytes)) else None,
)
def test_a_file_that_is_no_record_gets_one_clear_message(tmp_path, content, message):
    path = tmp_path / "record.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(RecordError) as caught:
        read_record(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_no_records(tmp_path):
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(RecordError, match="missing"):
            read_record(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(surprise=1), "field 'surprise'"),
        (lambda content: content.pop("features"), "field 'features'"),
        (lambda content: content.update(official="yes"), "field 'official'"),
        (lambda content: content["measures"].update(ap=1.5), "field 'measures.ap'"),
        (lambda content: content.update(fingerprint="abc"), "field 'fingerprint'"),
        (lambda content: content.update(ranked_by="minp"), "not one of its measures"),
        (lambda content: content.update(ignored_queries=101), "more queries are ignored"),
        (lambda content: content.update(differences=["one image is missing"]), "has no differences"),
        (lambda content: content.update(draws=2), "with draws"),
        (
            lambda content: content.update(
                draws=2,
                per_draw={word: [0.5] for word in content["measures"]},
                deviations=dict.fromkeys(content["measures"], 0.1),
            ),
            "2 values for each measure",
        ),
        (
            lambda content: content.update(per_query={"name": "../x", "digest": digest(1)}),
            "field 'per_query.name'",
        ),
        (lambda content: content.update(rerank={"k1": 20, "k2": 6}), "field 'rerank'"),
        (lambda content: content.update(rerank={"k1": 20, "k2": 6, "lambda": 0.3, "k3": 1}), "field 'rerank'"),
        (lambda content: content.update(rerank={"k1": "20", "k2": 6, "lambda": 0.3}), "field 'rerank'"),
        (lambda content: content.update(rerank={"k1": 20, "k2": 6, "lambda": 1.3}), "lambda 1.3"),
        (lambda content: content.update(rerank="yes"), "field 'rerank'"),
        (lambda content: content.update(changes={"D": "5"}), "none of the run's options"),
        (lambda content: content.update(options={"D": 5}, changes={"D": 5}), "field 'changes.D'"),
        (lambda content: content.update(options={"D": 5}, changes={"D": "5" * 201}), "field 'changes.D'"),
        (lambda content: content.update(options={"D" * 201: 5}, changes={"D" * 201: "5"}), "field 'changes.D"),
        (lambda content: content.update(options={"D": 5}, changes=["D"]), "field 'changes'"),
        (lambda content: content.update(threads=0), "field 'threads'"),
        (lambda content: content.update(threads="2"), "field 'threads'"),
        (lambda content: content.update(precision=32), "field 'precision'"),
    ],
)  # fmt: skip
def test_a_record_whose_digest_is_right_but_whose_fields_are_not_is_refused(tmp_path, change, message):
    path = tmp_path / "record.json"
    write_record(path, record())
    edited(path, change)

    with pytest.raises(RecordError) as caught:
        read_record(path)
    assert message in str(caught.value)


def test_a_record_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        record().method = "better"


def test_runs_differ_by_what_was_run_and_not_by_what_came_out():
    assert record(seed=1).run != record(seed=2).run
    assert record(measures={"ap": 0.1}).run == record(measures={"ap": 0.2}).run
    assert record(versions={"python": "3.11"}).run == record().run
    assert record(threads=2).run == record(threads=1).run == record().run
    assert record(threads=2).digest != record(threads=1).digest


def scores(**changes):
    """Return scores with NumPy numbers, as the kernel may produce them."""
    fields = {
        "task": "vehicleid/small",
        "fingerprint": digest("lists"),
        "official": False,
        "metric": "cosine",
        "post": StatedChain(),
        "queries": 10,
        "ignored_queries": 0,
        "ties": 3,
        "mean": {"cmc@1": np.float64(0.1) * 3, "ap": np.float32(0.5)},
        "deviation": {"cmc@1": np.float64(0.01), "ap": 0.0},
        "per_draw": {"cmc@1": np.array([0.1, 0.5]), "ap": np.array([0.5, 0.5])},
        "further": (),
    }
    return SimpleNamespace(**{**fields, **changes})


ABOUT = {
    "version": 1,
    "method": "mine",
    "features": digest("features"),
    "width": 8,
    "dtype": "float32",
    "differences": ("an image is missing",),
}


def test_scores_become_a_record_with_all_their_digits():
    made = Record.from_scores(scores(), **ABOUT)

    assert made.name == "vehicleid/small"
    assert made.measures == {"ap": 0.5, "cmc@1": 0.30000000000000004}
    assert made.ranked_by == "cmc@1"
    assert made.draws == 2
    assert made.per_draw["cmc@1"] == (0.1, 0.5)
    assert made.ties == 3


def test_scores_without_draws_become_a_record_without_them():
    made = Record.from_scores(scores(deviation={}, per_draw={}), **ABOUT)

    assert (made.draws, made.deviations, made.per_draw) == (0, {}, {})


def test_scores_under_a_convention_become_a_record_that_says_so():
    made = Record.from_scores(scores(task="veri776/image-to-image+trapezoid-ap"), **ABOUT)

    assert (made.task, made.convention) == ("image-to-image", "trapezoid-ap")
    assert made.name == "veri776/image-to-image+trapezoid-ap"


def test_the_per_query_file_may_be_given_as_it_is():
    about = PerQueryFile(name="values.csv.gz", digest=digest("values"))

    assert Record.from_scores(scores(), **ABOUT, per_query=about).per_query == about


def test_a_missing_field_or_a_nan_is_refused_when_the_record_is_made():
    with pytest.raises(RecordError, match="field 'width'"):
        Record.from_scores(scores(), **{name: value for name, value in ABOUT.items() if name != "width"})
    with pytest.raises(RecordError, match="cannot be written as JSON"):
        Record.from_scores(scores(mean={"cmc@1": math.nan, "ap": 0.5}), **ABOUT)


def test_the_versions_name_python_and_the_packages():
    assert {"python", "numpy", "torch"} <= set(installed_versions())


def test_a_re_ranked_result_reads_back_and_is_another_run_of_another_name(tmp_path):
    written = record(variant="untrained", rerank=Reranking(k1=9))
    write_record(tmp_path / "record.json", written)

    assert read_record(tmp_path / "record.json") == written
    assert json.loads((tmp_path / "record.json").read_text())["rerank"] == {"k1": 9, "k2": 6, "lambda": 0.3}
    assert written.method_name == "strong-baseline/untrained + re-ranking (9, 6, 0.3)"
    runs = [record(rerank=numbers).run for numbers in (None, Reranking(), Reranking(k1=9), Reranking(share=0.2))]
    assert len(set(runs)) == 4


def test_a_record_from_before_there_was_re_ranking_keeps_its_digest_and_its_run(tmp_path):
    write_record(tmp_path / "record.json", record())
    content = json.loads((tmp_path / "record.json").read_text())

    assert "rerank" not in content
    assert read_record(tmp_path / "record.json").digest == content["digest"]
    assert record(rerank=None).run == digest(
        {name: value for name, value in content.items() if name not in {"schema", "digest"} | OUTCOME}
    )


def test_a_record_from_before_there_were_changes_and_threads_keeps_its_digest_and_its_run():
    older = record(options={"epochs": 3})

    assert older.digest == "dab1fde6bea3df949a42feb83849cc65e9bb0888a04f9113c7df5d293b6a70e0"
    assert older.run == "ac0238be6ac55a914ad455bc84f1b4dd94d01cf46c6b4b710f72236bb2bde278"
    assert older.method_name == "strong-baseline"


def test_the_precision_is_read_back_and_makes_another_run_and_an_older_record_has_none(tmp_path):
    written = record(precision="bf16-mixed, compiled")
    write_record(tmp_path / "record.json", written)
    write_record(tmp_path / "older.json", record())

    assert read_record(tmp_path / "record.json") == written
    assert json.loads((tmp_path / "record.json").read_text())["precision"] == "bf16-mixed, compiled"
    assert "precision" not in json.loads((tmp_path / "older.json").read_text())
    assert len({record(precision=word).run for word in (None, "32-true", "bf16-mixed")}) == 3


def test_what_differs_from_the_variant_is_read_back_and_stands_in_the_name(tmp_path):
    options, changes = {"epochs": 3, "input_size": [256, 128]}, {"input_size": "256x128", "epochs": "3"}
    written = record(method="pgan", variant="no-pam", options=options, changes=changes, threads=2)
    write_record(tmp_path / "record.json", written)

    assert read_record(tmp_path / "record.json") == written
    assert written.method_name == "pgan/no-pam (epochs=3, input_size=256x128)"
    again = written.model_copy(update={"rerank": Reranking()})
    assert again.method_name == "pgan/no-pam (epochs=3, input_size=256x128) + re-ranking (20, 6, 0.3)"
    assert written.run != written.model_copy(update={"changes": {}}).run


@given(st.dictionaries(st.text(max_size=200), st.text(max_size=200), max_size=30))
def test_whatever_a_file_says_differs_the_name_is_short(changes):
    made = record(options=dict.fromkeys(changes, 1), changes=changes)

    assert len(made.method_name) <= len("strong-baseline (, 30 more)") + 100 + 2 * 30


def test_re_ranked_scores_become_a_record_that_says_so():
    post = StatedChain((StepUse.of("rerank", Reranking().values),))

    assert Record.from_scores(scores(post=post), **ABOUT).rerank == Reranking()


def test_a_record_says_which_files_were_given_and_what_they_have_seen_and_an_older_one_has_neither(tmp_path):
    plain = record()
    given_weights = record(files={"weights": digest("veri.pth")}, trained_on=("veri776",))
    write_record(tmp_path / "record.json", given_weights)

    assert read_record(tmp_path / "record.json") == given_weights
    assert given_weights.run != plain.run
    assert not {"files", "trained_on", "weights", "source"} & plain.values.keys()


def test_a_checkpoints_description_has_the_later_fields_only_where_they_say_something():
    silent, telling = Origin(method="pgan"), Origin(method="pgan", files={"weights": "a" * 64}, trained_on=("vru",))

    assert not {"files", "trained_on"} & silent.model_dump(mode="json").keys()
    assert Origin.model_validate(telling.model_dump(mode="json")) == telling
