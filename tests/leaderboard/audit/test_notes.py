"""What the audit found stands as a footnote at the number."""

from leaderboard.audit.notes import notes_by_number, table_footnotes
from leaderboard.audit.rules import acknowledgements, apply_rules
from leaderboard.published.library import load_library
from leaderboard.published.tables import published_tables
from tests.made_up import column, library, paper, row, table

AP, TOP1, TOP5 = column("ap"), column("rank@1"), column("rank@5")


def footnotes(documents, reasons=None):
    found = library(*documents)
    [shown] = published_tables(found)
    return shown, table_footnotes(shown.rows, notes_by_number(apply_rules(found, reasons=reasons)))


def test_a_footnote_is_what_the_rule_says_and_the_reason_of_the_acknowledgement():
    documents = [paper(table([TOP1, TOP5], row("ours", "95.0", "90.0")))]
    [finding] = apply_rules(library(*documents)).findings
    _, plain = footnotes(documents)
    _, explained = footnotes(documents, {finding.name: "A misprint."})

    [note] = plain.notes
    assert note.text == "rank@5 on veri776 is 90.0 %, below rank@1, 95.0 %."
    assert (note.severity, note.finding) == ("error", finding.name)
    assert explained.notes[0].text == f"{note.text} A misprint."
    assert plain.marks == {(0, "rank@1"): (1,), (0, "rank@5"): (1,)}


def test_only_the_number_in_doubt_has_the_footnote():
    rows = [row(str(number), value) for number, value in enumerate(["94.9", "74.4", "96.2"])]
    shown, found = footnotes([paper(table([TOP1], *rows, ablation=True))])

    assert [shown.rows[place].row.printed for place, _ in found.marks] == ["1"]
    assert [note.text for note in found.notes] == ["74.4 % stands between 94.9 % and 96.2 %."]


def test_a_correction_is_a_footnote():
    broken = row("FACT", "(.2", corrections=[{"column": 1, "value": "18.2", "reason": "a smudge"}])
    _, found = footnotes([paper(table([AP], broken))])

    assert [note.text for note in found.notes] == ["mAP is printed as (.2: a smudge."]
    assert found.marks == {(0, "ap"): (1,)}


def test_a_finding_about_one_print_of_a_number_stands_at_the_merged_row():
    one = paper(table([TOP1, TOP5], row("OIFE", "92.4", "90.0")))
    other = paper(table([TOP1, TOP5], {**row("OIFE+ST", "92.4", "90.0"), "method": "OIFE"}), name="another")
    shown, found = footnotes([one, other])

    assert len(shown.rows) == 1
    assert not [note for note in found.notes if "are names of OIFE" in note.text]  # the page shows both names
    assert all("below rank@1" in note.text for note in found.notes)
    assert set(found.marks) == {(0, "rank@1"), (0, "rank@5")}


def test_a_finding_about_a_sentence_is_no_footnote():
    claim = {"kind": "value", "where": "abstract", "says": "it is so", "value": "66", "of": [cell(1, 1)]}
    _, found = footnotes([paper(table([AP], row("ours", "50.0")), claim=[claim])])

    assert found.notes == ()


def cell(row_number, column_number):
    return {"table": "1", "row": row_number, "column": column_number}


def test_the_numbers_that_readers_should_not_trust_have_footnotes():
    known = load_library()
    notes = notes_by_number(apply_rules(known, reasons=acknowledgements()))
    by_table = {found.name: found for found in published_tables(known)}

    def texts(name, method, measure):
        found = table_footnotes(by_table[name].rows, notes)
        return " ".join(
            found.notes[mark - 1].text
            for place, row in enumerate(by_table[name].rows)
            if row.row.method_name == method
            for mark in found.marks.get((place, measure), ())
        )

    unstated = "veri776 (rule not stated)"
    assert "94.4 would fit" in texts(unstated, "pgan/d4", "rank@1")
    assert "is printed as (8.82" in texts(unstated, "rnn-ha/rnn-h", "rank@5")
    assert "can only be cut off" in texts(unstated, "rnn-ha/rnn-h", "rank@1")
    assert "one query a vehicle, 200 in all" in texts(unstated, "strong-baseline/resnet18", "rank@1")
    assert "the frames beside the query are in the gallery" in texts(unstated, "strong-baseline/resnet18", "rank@1")
    assert "'OIFE' has the values of" in texts(unstated, "OIFE/with space and time", "rank@1")
    assert "likely a misprint of 0.837" in texts(
        "vehicleid (test set not stated)", "pr-reid/global-light-window", "rank@5"
    )
