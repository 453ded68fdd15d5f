"""What a record says of its post-processing: it reads back, is another run, and cannot contradict itself."""

import json

import pytest

from harness.basics.digests import digest
from harness.errors import RecordError
from harness.scoring.record import Record, read_record, write_record
from harness.scoring.tables import remarks
from harness.steps.stated import StatedChain, StepUse
from harness.tasks.reranking import Reranking
from tests.records import record

QE = {"step": "qe", "options": {"k": 9}}
PAPER = {"step": "qe", "options": {"k": 5}}
RERANK = {"step": "rerank", "options": {"k1": 20, "k2": 6, "lambda": 0.3}}
NUMBERS = {"k1": 9, "k2": 6, "lambda": 0.3}
FILE = digest("a file of bench tune")


def chained(*post, **about):
    """Return a record whose fields are these, as if it were read."""
    return Record.model_validate_json(json.dumps({**record().values, "post": post, **about}))


def read(place, **fields):
    """Write a record with these fields, whatever they say, and read it."""
    content = {"schema": 1, **record().values, **fields}
    (place / "record.json").write_text(json.dumps({**content, "digest": digest(content)}))
    return read_record(place / "record.json")


def test_a_chain_reads_back_and_is_another_run_of_another_name(tmp_path):
    written = chained(QE, RERANK, chosen="test")
    write_record(tmp_path / "record.json", written)

    assert read_record(tmp_path / "record.json") == written
    assert written.chain.uses == (StepUse.of("qe", {"k": 9}), StepUse.of("rerank", RERANK["options"]))
    assert written.method_name == "strong-baseline + qe (k=9) + re-ranking (20, 6, 0.3)"
    assert not written.plain
    assert remarks(written)[0] == f"After {written.chain}, with parameters chosen on the test."
    others = [record(), chained(QE, chosen="test"), chained(RERANK, QE, chosen="test"), chained(QE, QE, chosen="test")]
    assert len({one.run for one in (written, *others)}) == 5


def test_a_record_without_a_chain_has_none_of_its_fields(tmp_path):
    write_record(tmp_path / "record.json", record())

    assert not {"rerank", "post", "chosen", "tuned"} & json.loads((tmp_path / "record.json").read_text()).keys()
    assert record().chain == StatedChain()
    assert not record().chain
    assert record().plain


@pytest.mark.parametrize(
    ("rerank", "chosen"), [(Reranking(), "paper"), (Reranking(k1=9), "test"), (Reranking(share=0), "test")], ids=str
)
def test_of_re_ranking_alone_the_numbers_say_how_they_were_chosen(rerank, chosen):
    made = record(rerank=rerank)

    assert (made.chosen, made.chain.chosen, made.chain.rerank) == ("", chosen, rerank)


def test_parameters_from_held_out_vehicles_have_the_digest_of_their_file(tmp_path):
    for fields in (
        {"post": [QE], "chosen": "held-out", "tuned": FILE},
        {"rerank": NUMBERS, "chosen": "held-out", "tuned": FILE},
    ):
        found = read(tmp_path, **fields)
        assert (found.chain.chosen, found.chain.tuned) == ("held-out", FILE)
        assert found.method_name.endswith("(tuned)")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"post": [QE]}, "does not say how the parameters"),
        ({"post": [QE], "chosen": "luck"}, "field 'chosen'"),
        ({"post": [QE], "chosen": "held-out"}, "if and only if the record has the digest"),
        ({"post": [QE], "chosen": "test", "tuned": FILE}, "if and only if the record has the digest"),
        ({"post": [RERANK], "chosen": "paper"}, "re-ranking alone belongs into the field 'rerank'"),
        ({"post": [QE], "chosen": "test", "rerank": NUMBERS}, "not among them"),
        ({"rerank": NUMBERS, "chosen": "paper"}, "the numbers say how they were chosen"),
        ({"rerank": NUMBERS, "tuned": FILE}, "if and only if the record has the digest"),
        ({"chosen": "test"}, "nothing was chosen"),
        ({"tuned": FILE}, "nothing was chosen"),
        ({"post": "qe", "chosen": "test"}, "field 'post'"),
        ({"post": 17 * [QE], "chosen": "test"}, "field 'post'"),
        ({"post": [{"step": "../qe", "options": {}}], "chosen": "test"}, "field 'post.0.step'"),
        ({"post": [{"step": "qe", "options": {"k": [1]}}], "chosen": "test"}, "field 'post.0.options"),
        ({"post": [{"step": "qe", "options": {}, "by": 1}], "chosen": "test"}, "field 'post.0.by'"),
        ({"post": [QE], "chosen": "test", "metric": "given distances"}, "a finished matrix has no features"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(tmp_path, fields, message):
    with pytest.raises(RecordError) as caught:
        read(tmp_path, **fields)
    assert message in str(caught.value)


def test_parameters_that_are_not_the_sources_cannot_be_said_to_be(tmp_path):
    assert read(tmp_path, post=[PAPER, RERANK], chosen="paper").chain.chosen == "paper"
    for post in ([QE], [PAPER, {**RERANK, "options": NUMBERS}]):
        with pytest.raises(RecordError, match="are those of the sources, and they are not") as caught:
            read(tmp_path, post=post, chosen="paper")
        assert str(tmp_path / "record.json") in str(caught.value)
        assert read(tmp_path, post=post, chosen="test").chain.chosen == "test"


def test_parameters_that_a_step_cannot_have_are_not_the_sources(tmp_path):
    for options in ({"k": 0}, {"m": 5}):
        with pytest.raises(RecordError, match="parameters that step 'qe' cannot have"):
            read(tmp_path, post=[{"step": "qe", "options": options}], chosen="paper")


def test_re_ranking_by_numbers_that_it_cannot_have_breaks_no_page(tmp_path):
    odd = {"step": "rerank", "options": {"k1": 0, "k2": "x", "lambda": 2.0}}

    for post in ([odd], [QE, odd]):
        assert "rerank (k1=0, k2=x, lambda=2.0)" in read(tmp_path, post=post, chosen="test").method_name
        with pytest.raises(RecordError, match="parameters that step 'rerank' cannot have"):
            read(tmp_path, post=post, chosen="paper")


def test_a_step_that_is_not_installed_here_is_read_as_its_record_says(tmp_path):
    found = read(tmp_path, post=[{"step": "sharpen", "options": {"by": 0.5, "how": "twice"}}], chosen="paper")

    assert found.method_name == "strong-baseline + sharpen (by=0.5, how=twice)"
