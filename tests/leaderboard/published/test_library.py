from decimal import Decimal

import pytest

from harness.errors import RecordError
from leaderboard.published.library import DATASETS, FOLDER, load_library

DOCUMENT = """
[document]
name = "a-paper"
title = "A paper"
authors = "Somebody"
method = "a-method"

[[table]]
number = "1"
about = "a comparison"
scale = "share"
columns = [
  { dataset = "veri776", task = "image-to-track", measure = "ap", printed = "mAP" },
  { dataset = "vehicleid", subset = "small", measure = "rank@1", printed = "Top-1" },
]
rows = [
  { printed = "FACT", reference = "9", method = "FACT", values = ["0.185", "-"] },
  { printed = "Ours", method = "a-method", own = true, values = ["0.743", "0.9"] },
]

[[claim]]
kind = "gain"
where = "introduction"
says = "gains 55.8 points"
value = "55.8"
of = [{ table = "1", row = 2, column = 1 }]
over = [{ table = "1", row = 1, column = 1 }]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / DATASETS).write_bytes((FOLDER / DATASETS).read_bytes())
    return tmp_path


def loaded(folder, text):
    (folder / "a-paper.toml").write_text(text, encoding="utf-8")
    return load_library(folder)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_transcription_satisfies_the_schema(path, folder):
    (folder / path.name).write_bytes(path.read_bytes())

    assert len(load_library(folder).documents) == (path.name != DATASETS)


def test_every_number_of_the_five_documents_is_there():
    counts = {document.document.name: 0 for document in load_library().documents}
    for number in load_library().numbers:
        counts[number.document] += 1

    assert counts == {
        "pgan-paper": 126,
        "pr-reid-paper": 102,
        "ram-poster": 80,
        "rnn-ha-poster": 114,
        "strong-baseline-report": 56,
    }


def test_a_number_knows_its_value_in_percent_and_the_last_printed_digit(folder):
    first, second, third = loaded(folder, DOCUMENT).numbers

    assert (first.value, first.step) == (Decimal("18.5"), Decimal("0.1"))
    assert (third.value, third.step) == (Decimal("90"), Decimal("10"))
    assert second.question == ("veri776", "", "image-to-track", "ap")
    assert second.where == "a-paper, table 1, Ours, mAP"


def test_a_correction_stands_beside_what_is_printed(folder):
    text = DOCUMENT.replace(
        'values = ["0.185", "-"]',
        'values = ["(.185", "-"], corrections = [{ column = 1, value = "0.185", reason = "a smudge" }]',
    )

    number = loaded(folder, text).numbers[0]

    assert (number.printed, number.text, number.value) == ("(.185", "0.185", Decimal("18.5"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"0.185"', '"(.185"', "is not a number and has no correction"),
        ('"0.185"', '"1e2"', "is not a number"),
        ('"0.185", "-"', '"0.185"', "1 values for 2 columns"),
        ('printed = "Ours"', 'printed = "FACT"', "occurs twice"),
        ('dataset = "veri776"', 'dataset = "veri767"', "did you mean 'veri776'"),
        ('"image-to-track"', '"image-to-trak"', "did you mean 'image-to-track'"),
        ('subset = "small"', 'subset = "tiny"', "unknown subset of VehicleID"),
        ('subset = "small"', 'subset = "of the row"', "must name its subset"),
        ('measure = "ap"', 'measure = "map"', "measure"),
        ('scale = "share"', 'scale = "share"\ncolor = "red"', "color"),
        ("row = 2, column = 1", "row = 3, column = 1", "a cell that does not exist"),
        ('value = "55.8"', 'value = "many"', "value"),
        ('value = "55.8"\n', "", "lacks a field that its kind needs"),
        ('kind = "gain"', 'kind = "rises"', "one too many"),
        ('kind = "gain"', 'kind = "value"', "one too many"),
        ("[document]", "[document", "cannot be read"),
        ("[document]", "[[table]]\n[document]", "does not fit"),
    ],
)
def test_a_transcription_with_a_mistake_is_refused_with_its_place(folder, old, new, message):
    assert old in DOCUMENT

    with pytest.raises(RecordError) as caught:
        loaded(folder, DOCUMENT.replace(old, new, 1))
    assert message in str(caught.value)
    assert "a-paper" in str(caught.value)


def test_the_supervision_of_a_method_is_what_any_document_states():
    known = load_library()

    assert known.supervision["ram"] == ("colour", "model")
    assert known.supervision["ram/baseline"] == ()
    assert known.supervision["OIFE/with space and time"] == ("key points", "space and time")


def test_no_document_states_a_year_of_its_own():
    assert {document.document.year for document in load_library().documents} == {None}


def test_the_same_document_twice_is_refused(folder):
    (folder / "b.toml").write_text(DOCUMENT)

    with pytest.raises(RecordError, match="transcribed twice"):
        loaded(folder, DOCUMENT)


def test_a_folder_without_data_sets_is_refused(tmp_path):
    with pytest.raises(RecordError, match="is missing"):
        load_library(tmp_path)


def test_every_correction_has_a_reason_and_is_the_only_change():
    corrections = {
        (document.document.name, row.printed): [correction.value for correction in row.corrections]
        for document in load_library().documents
        for table in document.table
        for row in table.rows
        if row.corrections
    }

    assert corrections == {("rnn-ha-poster", "RNN-H w/o attention"): ["78.82"]}
